"""The way back: a gradient that does not come through a weight through which the forward goes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, magnitude, same
from cnngrad.diagnosis.scene import Scene

LOOKED_AT = 4


def by_another_way(failure: Failure) -> Iterator[Suspect]:
    """Without a weight the output does not depend on the input any more, but the claim stays."""
    for other in failure.layer.differentiable:
        if other == failure.name or any(s.inputs[other].ndim < 2 for s in failure.wrong):
            continue
        tried = [_comes_without(s, other) for s in failure.wrong[:LOOKED_AT]]
        found = [each for each in tried if each is not None]
        if len(found) >= min(2, len(failure.wrong)) and all(found):
            yield Suspect(
                f"the gradient of {failure.name}, or a part of it, does not come back through {other}",
                f"with {other} = 0 the output does not depend on {failure.name}, but the claimed gradient is not 0, in "
                f"{len(found)} failing cases",
                f"multiply the error by {other} where the forward does: another array stands in its place",
                "wrong input",
            )
            return


def _comes_without(s: Scene, other: str) -> bool | None:
    """Whether the claim, but not the right gradient, is there without the weight; ``None`` where both are next to 0.

    What is added to the right gradient, whatever the weight, is another mistake.
    """
    again, without = s.rerun(), {other: 0 * s.inputs[other]}
    claimed = s.rerun(**without)
    if again is None or claimed is None or claimed.shape != s.shape or not np.array_equal(again, s.g):
        return False
    direction = np.cos(np.arange(s.value.size) + 0.5).reshape(s.shape)
    here, there = s.slope_along(direction), s.slope_along(direction, **without)
    if abs(here) <= 1e-6 * magnitude(s):
        return None
    if abs(there) > 1e-9 * magnitude(s):
        return False
    is_added = same(s.g - s.n, claimed, magnitude(s)) is not None
    return not is_added and float(np.max(np.abs(claimed))) > 1e-6 * float(np.max(np.abs(s.g)))
