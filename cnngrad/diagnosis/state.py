"""Calls that are not independent: gradients that pile up, or that were computed from an earlier call's values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, faint, same
from cnngrad.diagnosis.scene import Scene


def accumulated(failure: Failure) -> Iterator[Suspect]:
    """The same call again gives the right gradient more."""
    scenes = [s for s in failure.scenes if s.g.shape == s.shape and np.nanmax(np.abs(s.n), initial=0.0) > faint(s)][:3]
    again = [(s, s.rerun(), s.rerun()) for s in scenes]
    if len(again) < 2 or any(one is None or two is None for _, one, two in again):
        return
    # What piled up in other calls may be much larger than what one adds.
    if all(same(s.n, two - one, 1e-6 * float(np.max(np.abs(two)))) for s, one, two in again):  # type: ignore[operator, arg-type]  # None is ruled out above
        yield Suspect(
            f"the gradient of {failure.name} accumulates from call to call",
            f"each call of backward adds the right gradient to what it gave before, in {len(again)} cases",
            "set the stored gradient to 0 before each backward, or declare accumulates=True where that is meant",
            "accumulated",
        )


def does_not_follow(failure: Failure) -> Iterator[Suspect]:
    """The claim stays as it is when another input changes, which the right gradient does not."""
    for other in failure.layer.differentiable:
        if other == failure.name:
            continue
        changed = [(s, _changed(s, other)) for s in failure.wrong[:4]]
        follows = [_follows(s, other, value) for s, value in changed]
        told = [f for f in follows if f is not None]
        if not all(_is_factor(s, other) for s in failure.wrong[:4]):
            continue
        if len(told) >= min(2, len(failure.wrong)) and not any(told):
            yield Suspect(
                f"the gradient of {failure.name} does not change with {other}, though it must: {other} is left out, or "
                "its values are those of an earlier call",
                f"another {other} gives the same gradient in {len(told)} failing cases",
                f"compute the gradient from the {other} of the latest forward: store it anew at each forward",
                "stale cache",
            )
            return


def _changed(s: Scene, other: str) -> Array:
    value = s.inputs[other]
    return np.asarray(value + 0.5 + 0.25 * np.cos(np.arange(value.size)).reshape(value.shape))


def _is_factor(s: Scene, other: str) -> bool:
    """Whether the right gradient is another input times something: no gradient without it."""
    direction = np.cos(np.arange(s.value.size) + 0.5).reshape(s.shape)
    without = s.slope_along(direction, **{other: 0 * s.inputs[other]})
    return abs(without) <= 1e-9 * max(1.0, float(np.max(np.abs(s.n), initial=0.0)))


def _follows(s: Scene, other: str, value: Array) -> bool | None:
    """Whether the claim follows another input; ``None`` where the right gradient does not, or nothing is returned."""
    claimed = s.rerun(**{other: value})
    if claimed is None or claimed.shape != s.shape or not np.any(s.g):
        return None
    direction = np.cos(np.arange(s.value.size) + 0.5).reshape(s.shape)
    here, there = s.slope_along(direction), s.slope_along(direction, **{other: value})
    if abs(here - there) <= 1e-6 * max(abs(here), abs(there), 1e-6):
        return None
    return same(s.g, claimed) is None
