"""A claim held against exact differences: without tolerance, wherever the layer computes without rounding.

The difference is exact whatever the claim is. Entries of the claim that are multiples of the unit in which the layer
computes here were not rounded either, and have to agree in every bit. The others are rounded or wrong: each gets an
exact difference of its own, and may differ by what rounding can do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.compare import passed
from cnngrad.checks.lattices import Lattice, lattices_for
from cnngrad.checks.localise import worst_entry
from cnngrad.core.arrays import Vector
from cnngrad.core.result import Result, Status
from cnngrad.differentiation import Estimate
from cnngrad.differentiation.exact import SPARE_BITS, Difference, exact_dot
from cnngrad.differentiation.few_bits import NONE, SPARE, lowest_bit
from cnngrad.differentiation.precision import DOUBLE

MOST = 100  # entries of a claim that may each get a difference of their own
TABLE = 256  # entries among which the worst is looked for one by one
DIRECTIONS = {DOUBLE: 1, 24: 2, 11: 4, 8: 4}  # those of few bits have few sizes, so errors may cancel along one
CONFIRMATIONS = 8
ENOUGH = 16  # bits in which rounding would have shown: a single number of few bits ends in zeros by chance
FEW = 8  # a transform that rounds (FFT, Winograd) leaves more than one entry in so many rounded

CHANCE = 64
UNSEEN = 2.0**-8  # of the rounding of the largest entry: e^-58 beside 1 is no sum of products of lattice numbers

Places = npt.NDArray[np.int64]


def judge_exactly(claim: Claim) -> dict[str, Result]:
    """A result for each input that can be judged exactly: none where the layer rounds."""
    for lattice in lattices_for(claim):
        judged = {name: result for name in lattice.claim.sound if (result := _judge(lattice, name))}
        if judged:
            return judged
    return {}


def _judge(lattice: Lattice, name: str) -> Result | None:
    claim, span = lattice.claim, lattice.claim.at.slices[name]
    places = np.arange(span.start, span.stop)
    found = _along(lattice, places, f"exact {name}")
    if found is None or found.difference.evidence < ENOUGH:
        return None
    if not lattice.own and not found.difference.rise.any():
        return None  # a larger point may be saturated, and flat for that reason: that says nothing of the case's own
    rounded = places[claim.gradient[span] % _unit(lattice, found, span) != 0]
    if rounded.size > MOST:
        together = claim.holds(found.direction, found.estimate) if lattice.bits == DOUBLE else None
        return passed(claim, name, together) if together is not None and together.agrees else None
    table = _table(lattice, rounded)
    if table is None:
        return None
    short = claim.gradient.copy()
    short[rounded] = table.value
    turns = range(1, DIRECTIONS[lattice.bits])
    if any(_disagrees(short, along) for along in (found, *(_along(lattice, places, f"{name} {k}") for k in turns))):
        return _disagreement(lattice, name, short)
    allowed = _allowed(lattice, span, table)
    wrong = np.abs(table.claimed - table.value) > allowed
    if wrong.any() and lattice.own:
        # An output that is saturated moves by less than its own rounding: the noise of the backward tells how much.
        allowed = allowed + claim.noise[rounded]
        wrong = np.abs(table.claimed - table.value) > allowed
    if wrong.any():
        return _failed(lattice, name, table, allowed, wrong)
    each = np.zeros(short.size)
    each[span] = 1.0
    bound = float(np.max(allowed, initial=0.0))
    return passed(claim, name, Comparison(each, 0.0, found.estimate, bound))


@dataclass(frozen=True)
class Along:
    """An exact difference along a direction."""

    direction: Vector
    difference: Difference
    estimate: Estimate


def _along(lattice: Lattice, places: Places, purpose: str, again: bool = False) -> Along | None:
    """Along a random direction over some entries; ``None`` where anything was rounded or bent."""
    direction = np.zeros(lattice.claim.gradient.size)
    direction[places] = lattice.direction(places.size, purpose)
    found = lattice.difference(direction, again)
    return None if found is None else Along(direction, found, found.estimate(lattice.claim.dy))


def _disagrees(gradient: Vector, along: Along | None) -> bool:
    """Without tolerance; but too little evidence, or none, is no disagreement."""
    if along is None or along.difference.evidence < ENOUGH:
        return False
    return bool(exact_dot(gradient, along.direction) != along.estimate.value)


def _unit(lattice: Lattice, along: Along, span: slice) -> float:
    """What every entry of a gradient is a multiple of if nothing was rounded, and none is by chance if anything was.

    That is the lowest bit of ``dy`` times that of the slopes, less what both may have in common by chance; but nothing
    so small that a rounding error may be a multiple of it.
    """
    largest = float(np.max(np.abs(lattice.claim.gradient[span]), initial=0.0)) or 1.0
    smallest = 2.0 ** (np.ceil(np.log2(largest)) + SPARE.get(lattice.bits, SPARE_BITS) + 1 - lattice.bits)
    slopes = along.difference.rise / (2 * along.difference.step)
    return float(max(smallest, lowest_bit(lattice.claim.dy) * lowest_bit(slopes) / CHANCE))


def _disagreement(lattice: Lattice, name: str, short: Vector) -> Result | None:
    """The failed result, if it is confirmed.

    Args:
        short: the claimed gradient with the rounded entries put right.
    """
    span = lattice.claim.at.slices[name]
    places = np.arange(span.start, span.stop)
    if not _is_confirmed(lattice, places, name, short):
        return None
    if lattice.own:
        return worst_entry(lattice.claim, name, "exact")
    while places.size > TABLE:
        left, right = places[: places.size // 2], places[places.size // 2 :]
        places = left if _disagrees(short, _along(lattice, left, f"half {name}")) else right
    table = _table(lattice, places)
    if table is None:
        return None
    allowed = _narrow(lattice, span, table)
    wrong = np.abs(short[places] - table.value) > allowed
    whole = places.size == span.stop - span.start
    return _failed(lattice, name, table, allowed, wrong, whole) if wrong.any() else None


def _is_confirmed(lattice: Lattice, places: Places, name: str, short: Vector) -> bool:
    """Whether another step finds the same slope (an odd power at 0 has another), or other directions disagree too."""
    if lattice.bits == DOUBLE:
        first, second = (_along(lattice, places, f"exact {name}", again) for again in (False, True))
        return bool(first and second and first.estimate == second.estimate) and _disagrees(short, second)
    others = [_along(lattice, places, f"again {name} {turn}") for turn in range(CONFIRMATIONS)]
    return all(others) and 2 * sum(_disagrees(short, other) for other in others) > CONFIRMATIONS


@dataclass(frozen=True)
class Table:
    """Some entries of a claim beside exact values, and the size of the terms that each is the sum of."""

    places: Places
    claimed: Vector
    value: Vector
    terms: Vector


def _table(lattice: Lattice, places: Places) -> Table | None:
    claim = lattice.claim
    value, terms = np.zeros(places.size), np.zeros(places.size)
    for k, place in enumerate(places):
        direction = np.zeros(claim.gradient.size)
        direction[place] = lattice.base
        found = lattice.difference(direction)
        if found is None or found.evidence == NONE:
            return None
        unit = 2 * found.step * lattice.base
        value[k] = exact_dot(claim.dy, found.rise) / unit
        terms[k] = float(np.sum(np.abs(claim.dy * found.rise))) / unit
    return Table(places, claim.gradient[places], value, terms)


def _allowed(lattice: Lattice, span: slice, table: Table) -> Vector:
    """What rounding can have done to entries that are not short, though all that they are made of is.

    A sum of products is off by a few roundings of its terms. A transform (FFT, Winograd) rounds everything it touches
    by shares of the largest; so where only a few entries are rounded, and their errors grow with ``dy`` as a wrong
    formula's do, no transform is to blame.
    """
    largest = float(np.max(np.abs(lattice.claim.gradient[span]), initial=0.0))
    narrow, wide = _narrow(lattice, span, table), 16 * lattice.eps * np.maximum(table.terms, largest)
    if table.places.size > max(1, (span.stop - span.start) // FEW):
        return wide
    off = table.claimed - table.value
    doubtful = (np.abs(off) > narrow) & (np.abs(off) <= wide)
    return narrow if not doubtful.any() or _grows_with_dy(lattice.claim, table, doubtful) else wide


def _narrow(lattice: Lattice, span: slice, table: Table) -> Vector:
    largest = float(np.max(np.abs(lattice.claim.gradient[span]), initial=0.0))
    terms = np.minimum(table.terms, 2 * np.maximum(np.abs(table.value), largest))
    return np.asarray(4 * lattice.eps * (terms + UNSEEN * largest))


def _grows_with_dy(claim: Claim, table: Table, which: npt.NDArray[np.bool_]) -> bool:
    """Whether some errors are those of a linear map: k times as large for k times the cotangent."""
    off = (table.claimed - table.value)[which]
    for k in (3, 5, 7, 9, 11):
        there = claim.gradient_for(k * claim.dy)[table.places] - k * table.value
        if np.any(np.abs(there[which] - k * off) > 0.25 * np.abs(k * off)):
            return False
    return True


def _failed(
    lattice: Lattice, name: str, table: Table, allowed: Vector, wrong: npt.NDArray[np.bool_], all_seen: bool = True
) -> Result | None:
    """The worst entry, if another step (or, in few bits, a step of three units) gives the same number for it."""
    claim, span = lattice.claim, lattice.claim.at.slices[name]
    worst = int(np.argmax(np.where(wrong, np.abs(table.claimed - table.value), -1.0)))
    direction = np.zeros(claim.gradient.size)
    direction[table.places[worst]] = 3 * lattice.base
    second = lattice.difference(direction, again=True)
    if (
        second is None
        or second.evidence == NONE
        or second.estimate(claim.dy).value != 3 * lattice.base * table.value[worst]
    ):
        return None
    shape = np.shape(claim.returned[name])
    return finding(
        Status.FAILED,
        input=name,
        entries=span.stop - span.start,
        scale=float(np.max(np.abs(claim.gradient[span]))),
        index=tuple(int(i) for i in np.unravel_index(table.places[worst] - span.start, shape)),
        analytic=float(table.claimed[worst]),
        numeric=float(table.value[worst]),
        bound=float(allowed[worst]),
        how="exact",
        differing=int(np.count_nonzero(wrong)) if all_seen else None,
    )
