"""Stride, dilation, padding and remainders: right numbers a few entries away; and overlaps assigned, not added."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import TOLERANCE, Failure, enough, given, same
from cnngrad.diagnosis.scene import Scene

FAMILY = "geometry"
FAR = 6  # entries that a gradient may be away from its place
ROWS = 48  # outputs looked at in one scene

TWICE = "note that g[i] += … adds once where i holds an index twice (np.add.at adds every time)"

Shift = tuple[int, ...]


def overlap_assigned(failure: Failure) -> Iterator[Suspect]:
    """Of all outputs that reach an entry only one counts: the last, or the first."""
    for words, order in (("last", -1), ("first", 1)):
        yield from failure.lead(
            "assignment",
            f"the gradient of {failure.name} is assigned where windows overlap: only the {words} one counts",
            given(lambda s, o: _assigned(s, o), order),
            f"add (+=) each window's share to what is there; do not assign (=), and {TWICE}",
        )
    yield from failure.lead(
        "constant factor",
        f"the gradient of {failure.name} is averaged over the windows that overlap, not summed",
        _averaged,
        "add up each window's share: an entry that several windows use gets all of theirs",
    )


def _averaged(s: Scene) -> Array | None:
    if len(s.y_shape) < 3:
        return None
    uses = np.sum(s.jacobian() != 0, axis=0)
    return np.asarray(s.n / np.maximum(uses, 1))


def _assigned(s: Scene, order: int) -> Array | None:
    if len(s.y_shape) < 3 or not np.all(np.isfinite(s.jacobian())):
        return None
    shares = s.dy[:, None] * s.jacobian().reshape(s.flat_y.size, -1)
    # Outputs at one place (of all samples and maps) are computed together; places overwrite each other.
    places = math.prod(s.y_shape[2:])
    by_place = shares.reshape(-1, places, shares.shape[1])
    kept = np.zeros(shares.shape[1])
    for place in range(places) if order == -1 else range(places - 1, -1, -1):
        reached = np.any(by_place[:, place] != 0, axis=0)
        kept[reached] = by_place[:, place].sum(axis=0)[reached]
    return kept.reshape(s.shape)


def overlap_lost(failure: Failure) -> Iterator[Suspect]:
    """Every entry is one window's share, or one output's, or 0, where several must add up."""
    if failure.name == failure.layer.inputs[0]:
        yield from _lost(failure, "window", lambda y: math.prod(y[2:]))
    if not any(s.slopes is not None and s.bias == failure.name for s in failure.wrong):
        yield from _lost(failure, "output", lambda y: math.prod(y[1:]))


def _lost(failure: Failure, what: str, count: Callable[[tuple[int, ...]], int]) -> Iterator[Suspect]:
    lost = cases = 0
    for s in failure.wrong:
        jacobian = s.jacobian()
        if len(s.y_shape) < 3 or s.g.shape != s.shape or not np.all(np.isfinite(jacobian)):
            return
        shares = s.dy[:, None] * jacobian.reshape(s.flat_y.size, -1)
        by_place = shares.reshape(-1, count(s.y_shape), shares.shape[1])
        sums = by_place.sum(axis=0)
        g = s.g.ravel()
        scale = float(np.max(np.abs(sums), initial=1e-30))
        one = np.any(np.abs(sums - g) <= TOLERANCE * scale, axis=0) | (np.abs(g) <= TOLERANCE * scale)
        if not np.all(one):
            return
        several = np.sum(sums != 0, axis=0) > 1
        lost += int(np.count_nonzero(several & (np.abs(g) > TOLERANCE * scale)))
        cases += 1
    if lost >= 2 and enough(cases, lost, len(failure.wrong)):
        yield Suspect(
            f"the gradient of {failure.name} is assigned where {what}s overlap: one {what}'s share is left of several",
            f"{lost} entries of several {what}s hold exactly one share, in {cases} failing cases",
            f"add (+=) each {what}'s share to what is there; do not assign (=), and {TWICE}",
            "assignment",
        )


def shifted(failure: Failure) -> Iterator[Suspect]:
    """Each output's share stands some entries away from its place: all alike, or each by its own distance."""
    if failure.name != failure.layer.inputs[0]:
        return
    if any(s.g.shape != s.shape or s.value.ndim < 1 for s in failure.wrong):
        return
    found = [(s, rows) for s in failure.wrong if (rows := rows_moved(s))]
    if not found or not enough(len(found), 9, len(failure.wrong)):
        return
    common = [(s, _common(rows)) for s, rows in found]
    telling = [(s, every) for s, every in common if every]
    if all(every is not None for _, every in common) and 2 * len(telling) >= len(common):
        yield from _all_alike(failure, telling)
        return
    rows = [row for _, each in found for row in each]
    if all(row.possible for row in rows) and sum(bool(row.sure) for row in rows) > 0.7 * len(rows) > 4:
        yield Suspect(
            f"each output's share of the gradient of {failure.name} stands in another place than its window",
            f"moved by distances that differ from output to output it is right, in {len(found)} failing cases",
            "spread dy by the stride (stride - 1 zeros between its entries) and the kernel by the dilation, each axis "
            "by its own, before they are combined",
            FAMILY,
        )


@dataclass(frozen=True)
class Row:
    """One output's share: the distances at which it fits in something, and those at which nothing speaks against."""

    sure: frozenset[Shift]
    possible: frozenset[Shift]


def _common(rows: list[Row]) -> frozenset[Shift] | None:
    """The distances that fit all outputs; empty where they fit only because nothing is left to compare."""
    possible = frozenset.intersection(*(row.possible for row in rows))
    if not possible:
        return None
    sure = frozenset(shift for shift in possible if 2 * sum(shift in row.sure for row in rows) >= len(rows))
    return sure


def _all_alike(failure: Failure, common: list[tuple[Scene, frozenset[Shift]]]) -> Iterator[Suspect]:
    if len(common) < min(2, len(failure.wrong)):
        return
    if any(min(_distance(shift) for shift in every) == 0 for _, every in common):
        return  # not moved at all
    name = failure.name
    nearest = [(s, min(every, key=lambda shift: (_distance(shift), shift))) for s, every in common]
    pads = [int(np.max(np.abs(s.numbers.get("pad", s.numbers.get("padding", 0))))) for s, _ in nearest]
    padded = all({abs(k) for k in shift} <= {0, pad} for (_, shift), pad in zip(nearest, pads, strict=True))
    if padded and set(pads) != {1}:
        words, advice = "is shifted by the padding", "crop the padding in front: the gradient begins at index pad"
    elif all(_distance(shift) == 1 for _, shift in nearest):
        words, advice = "is shifted by one entry", "the crop, or the index, begins one entry late or early"
    else:
        words, advice = "is shifted", "zeros of a remainder, or the crop, stand on the wrong side"
    by = " and ".join(dict.fromkeys(str(shift) for _, shift in nearest[:2]))
    yield Suspect(
        f"the gradient of {name} {words}",
        f"moved back by {by} it is right, in {len(nearest)} failing cases",
        advice,
        FAMILY,
    )


def _distance(shift: Iterable[int]) -> int:
    return sum(abs(k) for k in shift)


def rows_moved(s: Scene) -> list[Row]:
    """For each output, the distances at which its right share, moved, is the claimed one."""
    claimed, right = s.rows(), s.jacobian()
    if not claimed.size or not np.all(np.isfinite(right)):
        return []
    far = FAR if sum(n > 1 for n in s.shape) <= 2 else 3
    first = min(2, s.value.ndim - 1)
    reach = [range(-min(far, max(n - 1, 2)), min(far, max(n - 1, 2)) + 1) for n in s.shape]
    every = list(product(*[range(1) if a < first else r for a, r in enumerate(reach)]))
    if len(every) > 2500:
        return []
    scale = float(np.max(np.abs(right)))
    pairs = [(c, r) for c, r in zip(claimed, right, strict=True) if np.any(c) or np.any(r)][:ROWS]
    return [_moved(c, r, every, scale) for c, r in pairs]


def _moved(claimed: Array, right: Array, every: list[Shift], scale: float) -> Row:
    sure, possible = set(), set()
    for shift in every:
        to = tuple(slice(max(k, 0), max(n + min(k, 0), 0)) for k, n in zip(shift, right.shape, strict=True))
        of = tuple(slice(max(-k, 0), max(n + min(-k, 0), 0)) for k, n in zip(shift, right.shape, strict=True))
        there, here = claimed[to], right[of]
        if there.shape != here.shape:
            possible.add(shift)
        elif np.all(np.abs(there - here) <= 1e-6 * scale):
            possible.add(shift)
            if np.any(here):
                sure.add(shift)
    return Row(frozenset(sure), frozenset(possible))


def remainder_filled(failure: Failure) -> Iterator[Suspect]:
    """Right wherever an output reaches; something stands where none does."""
    entries = scenes = 0
    for s in failure.wrong:
        n = s.n
        if s.g.shape != s.shape or not np.all(np.isfinite(n)):
            return
        unreached = ~np.any(s.reach, axis=0).reshape(s.shape)
        if not unreached.any() or same(n[~unreached], s.g[~unreached]) is None:
            return
        scenes, entries = scenes + 1, entries + int(np.count_nonzero(s.g[unreached]))
    if entries and enough(scenes, entries, len(failure.wrong)):
        data = failure.name == failure.layer.inputs[0]
        yield Suspect(
            f"entries of {failure.name} that the forward never uses get a gradient",
            f"{entries} such entries are not 0 in {scenes} cases; all others are right",
            "leave the remainder, which no window reaches, at 0"
            if data
            else f"multiply the gradient of {failure.name} by the forward's mask (its table of connections)",
            FAMILY if data else "mask",
        )


def border(failure: Failure) -> Iterator[Suspect]:
    """Right inside, wrong along the border only."""
    scenes = 0
    for s in failure.wrong:
        if s.g.shape != s.shape or s.value.ndim < 3 or min(s.shape[2:]) < 3:
            continue
        inside = (slice(None), slice(None), *[slice(1, -1)] * (s.value.ndim - 2))
        if same(s.n[inside], s.g[inside]) is None:
            return
        scenes += 1
    if scenes >= 2 and 2 * scenes >= len(failure.wrong):
        yield Suspect(
            f"the gradient of {failure.name} is wrong along its border only",
            f"all entries that are not first or last along an axis are right in {scenes} failing cases",
            "look at padding and cropping: what the forward adds in front and behind, the backward takes off",
            FAMILY,
        )
