"""Where a gradient is wrong: which entries, and in which configurations; facts, no cause."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.asking import has
from cnngrad.core.result import Where
from cnngrad.diagnosis.conditions import CONDITIONS, Condition
from cnngrad.diagnosis.failure import TOLERANCE, Failure
from cnngrad.diagnosis.scene import Scene

ENOUGH = 2  # points on either side of a condition
MOSTLY = 0.6  # of the points with a condition that are wrong: others may be right by accident
WORTH = 0.15  # by which two conditions must be sharper than one
ENDS = {0: "first", -1: "last"}


def extent(failure: Failure) -> Where:
    """All that was seen: the entries, the condition, and at how many points.

    Returns:
        ``entries`` is empty where the claim is malformed; ``only`` where no condition divides wrong from right.
    """
    wrong, tried = sum(w for _, w in failure.seen), len(failure.seen)
    only, such = _only(failure, wrong)
    return Where(_entries(failure), only, wrong, such or tried, tried, bool(failure.layer.dims))


def _only(failure: Failure, wrong: int) -> tuple[tuple[str, ...], int]:
    """The condition, or the two, without which no point is wrong and with which most are; at how many it holds."""
    named = {**failure.layer.features, **{n: c for n, c in CONDITIONS if n not in failure.layer.features}}
    held = {name: [has(holds, point) for point, _ in failure.seen] for name, holds in named.items()}
    at_wrong = [k for k, (_, is_wrong) in enumerate(failure.seen) if is_wrong]
    always = {name: holds for name, holds in held.items() if all(holds[k] for k in at_wrong)}
    best: tuple[float, tuple[str, ...], int] = (MOSTLY, (), 0)
    for size in (1, 2):
        for chosen in combinations(always, size):
            such = sum(all(always[name][k] for name in chosen) for k in range(len(failure.seen)))
            enough = wrong >= ENOUGH and len(failure.seen) - such >= ENOUGH
            if enough and wrong / such > best[0] + (size - 1) * WORTH:
                best = wrong / such, chosen, such
    return best[1:]


def _entries(failure: Failure) -> str:
    """Which entries are wrong, in the words that hold in every scene."""
    scenes = [(s, _off(s)) for s in failure.wrong if s.g.shape == s.shape]
    if len(scenes) < len(failure.wrong) or not scenes:
        return ""
    if not any(off.any() for _, off in scenes):
        return "only entries at a kink of the forward"
    scenes = [(s, off) for s, off in scenes if off.any()]
    if all(np.all(off | _nothing(s)) for s, off in scenes):
        return "every entry"
    rich = [(s, off) for s, off in scenes if off.size > 1]
    for words, inside in _places(failure, max(s.value.ndim for s, _ in scenes)):
        chosen = [(inside(s), off) for s, off in rich]
        told = [(place, off) for place, off in chosen if place is not None and not np.all(place)]
        if len(told) >= ENOUGH and all(not np.any(off & ~place) for place, off in told):
            return f"only {words}"
    wrong, all_of_them = sum(int(np.count_nonzero(off)) for _, off in rich), sum(off.size for _, off in rich)
    return f"{wrong} of {all_of_them} entries in {len(rich)} failing cases" if rich else ""


def _off(s: Scene) -> Array:
    """Entries that are wrong; at a kink, where nothing is known, none."""
    scale = float(np.max(np.abs(np.nan_to_num(s.n)), initial=0.0)) or 1.0
    return np.asarray(~(np.abs(s.g - s.n) <= TOLERANCE * scale) & np.isfinite(s.n))


def _nothing(s: Scene) -> Array:
    """Entries that are 0 on both sides, or at a kink: no mistake could show there."""
    return np.asarray(~np.isfinite(s.n) | ((np.abs(np.nan_to_num(s.n)) < 1e-9) & (np.abs(s.g) < 1e-9)))


def _places(failure: Failure, ndim: int) -> Iterable[tuple[str, Condition]]:
    """Parts of an array by name: ``(words, scene -> which entries, or None where there is no such part)``."""
    first = failure.name == failure.layer.inputs[0]
    for axis in range(ndim):
        name = {0: "sample", 1: "channel"}.get(axis, "") if first and ndim > 2 else "row" if axis == 0 else ""
        for index, which in ENDS.items():
            words = f"the {which} {name}" if name else f"the {which} entry along axis {axis}"
            yield words, lambda s, a=axis, i=index: _at_end(s.shape, a, i)  # type: ignore[misc]  # bound at once
    yield "the border", lambda s: _border(s.shape)
    name = failure.name
    yield f"entries where {name} > 0", lambda s: s.value > 0
    yield f"entries where {name} <= 0", lambda s: s.value <= 0


def _at_end(shape: tuple[int, ...], axis: int, index: int) -> Array | None:
    if axis >= len(shape):
        return None
    place = np.zeros(shape, dtype=bool)
    np.moveaxis(place, axis, 0)[index] = True
    return place


def _border(shape: tuple[int, ...]) -> Array | None:
    if len(shape) < 3:
        return None
    border = np.ones(shape, dtype=bool)
    border[(slice(None), slice(None), *[slice(1, -1)] * (len(shape) - 2))] = False
    return border
