"""A weight that the forward leaves out, by a table of connections or another mask, and the backward goes through."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, magnitude, same
from cnngrad.diagnosis.scene import Scene


def unused_entries(failure: Failure) -> Iterator[Suspect]:
    """With the entries of another input that no output depends on set to 0, backward is right."""
    for other in failure.layer.differentiable:
        if other == failure.name or any(s.inputs[other].ndim < 2 for s in failure.wrong):
            continue
        found = [_without_unused(s, other) for s in failure.wrong]
        if len(found) >= min(2, len(failure.wrong)) and all(found):
            yield Suspect(
                f"the gradient of {failure.name} goes through entries of {other} that the forward does not use",
                f"with these {sum(found)} entries of {other} set to 0 it is right, in {len(found)} failing cases",
                f"multiply {other} by the forward's mask (its table of connections) in the backward too",
                "mask",
            )
            return


def _without_unused(s: Scene, other: str) -> int:
    """How many entries of the other input no output depends on, if without them the claim is right; else 0."""
    value = s.inputs[other]
    still = np.flatnonzero(np.all(s.jacobian(other) == 0, axis=0) & (value != 0))
    unused = [int(place) for place in still if not _moves(s, other, int(place))]
    if not unused:
        return 0
    kept: Array = np.array(value)
    kept.flat[unused] = 0
    again = s.rerun(**{other: kept})
    return len(unused) if again is not None and same(s.n, again, magnitude(s)) is not None else 0


def _moves(s: Scene, other: str, place: int) -> bool:
    """Whether a large change of one entry changes any output: one that a dead unit hides may be used elsewhere."""
    value = s.inputs[other]
    far = 4.0 * (1.0 + float(np.max(np.abs(value))))
    for step in (far, -far):
        moved = np.array(value)
        moved.flat[place] += step
        if not np.array_equal(s.output_with(**{other: moved}), s.flat_y):
            return True
    return False
