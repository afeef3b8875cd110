"""Little is wrong: one entry, some entries, or the precision of all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, faint
from cnngrad.diagnosis.scene import Scene

FINE = 1e-9  # of the largest entry: what the differences are good for
ROUNDED_TO = {"half precision": 2.0**-11, "float32": 2.0**-24}  # the most that rounding changes a number
STEPPED = 4  # scenes in which it is seen


def one_entry(failure: Failure) -> Iterator[Suspect]:
    """All entries but one are right, in arrays of several."""
    places = []
    for s in failure.wrong:
        if s.g.shape != s.shape or s.g.size < 3:
            continue
        n = s.n
        slack = 1e-8 * np.abs(n) + FINE * np.max(np.abs(n[np.isfinite(n)]), initial=1e-30)
        off = ~(np.abs(s.g - n) <= slack) & np.isfinite(n)
        if np.count_nonzero(off) != 1:
            return
        places.append((s, int(np.flatnonzero(off)[0])))
    if len(places) < 2:
        return
    ends = ("the last", "the first", "one")
    where = 0 if all(p == s.g.size - 1 for s, p in places) else 1 if all(p == 0 for _, p in places) else 2
    ratios = [s.g.ravel()[p] / n if (n := s.n.ravel()[p]) else np.inf for s, p in places]
    yield Suspect(
        f"{ends[where]} entry of the gradient of {failure.name} is wrong, all others are right",
        f"in {len(places)} failing cases; there it is {ratios[0]:.8g} times the right value",
        "look at code that treats one index by itself: ends of loops, an index written by hand",
        "one element",
    )


def only_at_kinks(failure: Failure) -> Iterator[Suspect]:
    """Right wherever the forward is smooth; wrong where it has a kink."""
    name, zero, entries, told = failure.name, True, 0, []
    for s in failure.wrong:
        kink = ~np.isfinite(s.n)
        if s.g.shape != s.shape or not kink.any() or not np.all(np.isfinite(s.g)):
            return
        if not np.all(np.abs(s.g - s.n)[~kink] <= 1e-7 * np.max(np.abs(s.g), initial=1e-30)):
            return
        entries += sum(_outside(s, int(place)) for place in np.flatnonzero(kink))
        zero &= bool(np.all(s.value[kink] == 0))
        if s.y_shape == s.shape:
            told += np.unique(np.round(s.g[kink] / s.cotangent[kink], 6)).tolist()
    if entries < 2:
        return
    where = f"{name} is exactly 0" if zero else "the forward has a kink"
    slope = f", where the claimed slope is {', '.join(f'{v:.4g}' for v in sorted(set(told)))}" if told else ""
    yield Suspect(
        f"the gradient of {name} is wrong only where {where}",
        f"{entries} such entries in {len(failure.wrong)} failing cases{slope}; all others are right",
        "at a kink any value between the slopes of both sides is right: one branch of the code takes it, not both",
        "mask",
    )


def _outside(s: Scene, place: int) -> bool:
    """Whether the claim lies outside the slopes of both sides at one entry, each output for itself."""
    up, down = s.one_sided(place)
    sides = np.stack([s.dy * up, s.dy * down])
    low, high = sides.min(axis=0).sum(), sides.max(axis=0).sum()
    slack = 1e-4 * float(np.sum(np.abs(sides)))  # the sides are straight for less than a step
    return not low - slack <= s.g.ravel()[place] <= high + slack


def precision(failure: Failure) -> Iterator[Suspect]:
    """Every entry is right to a few digits: the rounding of float32 or half precision."""
    errors = []
    for s in failure.wrong:
        if s.g.shape != s.shape:
            return
        n = s.n
        told = np.isfinite(n)
        scale = np.max(np.abs(n[told]), initial=0.0)
        if scale <= faint(s):
            return
        errors.append(float(np.max(np.abs(s.g - n)[told]) / scale))
    if len(errors) < min(2, len(failure.wrong)) or not errors:
        return
    rounded = {
        kind: all(np.array_equal(s.g, s.g.astype(dtype).astype(np.float64)) for s in failure.wrong)
        for kind, dtype in (("half precision", np.float16), ("float32", np.float32))
    }
    for kind, low, high in (("half precision", 1e-5, 4e-3), ("float32", 1e-10, 1e-5)):
        small = all(error <= high for error in errors) and max(errors) >= low
        if small and (rounded[kind] or (_scattered(failure) and _moves_in_steps(failure, ROUNDED_TO[kind]))):
            yield Suspect(
                f"the gradient of {failure.name} is rounded to {kind} on the way",
                f"right to {max(errors):.1e} of the largest entry in {len(errors)} failing cases, no better"
                + ("; every number is one of that precision" if rounded[kind] else ""),
                f"keep the dtype of {failure.name}: look for astype, float literals of a framework, np.float16/32",
                "precision",
            )
            return


def _scattered(failure: Failure) -> bool:
    """Whether most entries are off, by shares of both signs, as rounding is."""
    shares = np.concatenate([((s.g - s.n) / s.n).ravel() for s in failure.wrong if np.all(s.n != 0)] or [np.zeros(0)])
    shares = shares[np.isfinite(shares)]
    off = shares[np.abs(shares) > 1e-11]
    return off.size > 0.5 * shares.size > 2 and bool(np.any(off > 0) and np.any(off < 0))


def _moves_in_steps(failure: Failure, unit: float) -> bool:
    """Whether the claim moves in steps, as rounded numbers do, while dy and all inputs grow by a few such units.

    What is computed in double is smooth: its fourth difference over steps of 4 units is far below one unit.
    """
    sizes = [_fourth_difference(s, 4 * unit) for s in failure.wrong[:STEPPED]]
    in_steps = sum(size is not None and size > 0.05 * unit for size in sizes)
    return 2 * in_steps >= len(sizes) > 0  # what is rounded may hardly move, as where an activation is saturated


def _fourth_difference(s: Scene, step: float) -> float | None:
    """That of the claim, relative to its largest entry; ``None`` where the backward refuses."""
    floats = {name: value for name, value in s.inputs.items() if value.dtype.kind == "f"}
    moved = [s.rerun(s.dy * (1 + k * step), **{n: v * (1 + k * step) for n, v in floats.items()}) for k in range(5)]
    if any(g is None or g.shape != s.shape for g in moved):
        return None
    largest = float(np.max(np.abs(s.g), initial=0.0))
    return float(np.max(np.abs(np.diff(np.array(moved), 4, axis=0)), initial=0.0)) / max(largest, 1e-300)
