"""After a failure: which entries are wrong, and which one most.

One wrong entry gives itself away: along two directions whose weights differ by the number of the entry, the claim is
off by amounts in that proportion. Several are found by halving, and many, where differences are exact, by looking at
all entries at once, coloured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.compare import passed
from cnngrad.checks.tables import claimed_pattern
from cnngrad.core.arrays import Vector
from cnngrad.core.result import Result, Status
from cnngrad.core.values import rng_for
from cnngrad.differentiation import Estimate, estimate
from cnngrad.differentiation.colours import coloured
from cnngrad.differentiation.complex_step import complex_step
from cnngrad.differentiation.exact import exact, exact_difference, exact_dot
from cnngrad.differentiation.ladder import ladder
from cnngrad.differentiation.numerical import coordinates

TABLE = 512  # up to here every entry is looked at if more than one is wrong; above, the wrong ones are searched for
FOUND = 16  # wrong entries found by halving before the search stops
BACKWARDS = 2048  # to spend at most on finding out which entries can be looked at together
SECOND_LADDER = 2.0**-0.5  # irrational against the ratio of steps: two ladders never share one
NONE_STANDS_OUT = "along a direction over all entries the claim seems wrong, but no single entry stands out"
DIGIT = 128  # at most so many sizes of weights, beside the random ones: few bits, as exact differences need

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gap:
    """By how much a claim is off along a direction, and how far that may be from the truth."""

    size: float
    slack: float

    @property
    def is_wrong(self) -> bool:
        """Written so that NaN is wrong."""
        return not abs(self.size) <= self.slack


@dataclass(frozen=True)
class Only:
    """The one entry that explains all that is wrong along a direction.

    Attributes:
        place: where it is among all entries of all inputs.
        number: the true entry.
        rest: the comparison that is left when this entry is put right.
    """

    place: Places
    number: Estimate
    rest: Comparison


def worst_entry(claim: Claim, name: str, how: str, lead: Comparison | None = None) -> Result:
    """The failed result of an input: its worst entry beside its true value, and how many are wrong.

    Args:
        how: the way in which the claim was found wrong along a direction.
        lead: that finding, where there is one over this input alone.
    """
    if not claim.located:
        return finding(Status.FAILED, input=name, how=how)
    span = claim.at.slices[name]
    places = np.arange(span.start, span.stop)
    way = how if lead is None else way_to_ask(claim, lead)
    only = the_only_one(claim, places, way, lead)
    if only is not None:
        return found_wrong(claim, name, only)
    if places.size <= TABLE:
        return _worst_of(claim, name, places, complete=True)
    found = _halved(claim, places, way)
    if found.size < FOUND:
        return _worst_of(claim, name, found, complete=True)
    table = _coloured(claim, places) if way == "exact" else None
    return _worst_of(claim, name, found, complete=False) if table is None else _worst(claim, name, places, table, True)


def found_wrong(claim: Claim, name: str, only: Only) -> Result:
    """The failed result of an input with one wrong entry."""
    return _worst(claim, name, only.place, only.number, complete=True)


def the_only_one(claim: Claim, places: Places, how: str, lead: Comparison | None = None) -> Only | None:
    """The entry that alone explains why a claim is wrong, or ``None``.

    The entries are numbered: weights multiplied by a digit of the number (plus 1) multiply what one entry adds by that
    digit, and so the digit can be read off.

    Args:
        lead: how the claim was found wrong along a direction over the places, where that is known.
    """
    weights = _weights(claim, places) if lead is None else lead.direction
    whole = gap(claim, weights, how) if lead is None else Gap(lead.claimed - lead.found.value, lead.bound)
    if whole is None or not whole.is_wrong or places.size <= 2:
        return None
    digits = math.ceil(math.log(places.size) / math.log(DIGIT))
    base = math.ceil(places.size ** (1 / digits))
    number = 0
    for k in range(digits):
        factors = np.ones(weights.size)
        factors[places] += np.arange(places.size) // base**k % base
        again = gap(claim, weights * factors, how)
        if again is None or not (again.slack + base * whole.slack) < abs(whole.size) / 4:
            return None
        digit = again.size / whole.size - 1
        if not abs(digit - round(digit)) < 0.25 or not 0 <= round(digit) < base:
            return None
        number += round(digit) * base**k
    return _explained(claim, places[number], weights, whole) if number < places.size else None


def way_to_ask(claim: Claim, lead: Comparison) -> str:
    """By the complex step, one forward a question, where that agrees with the lead; else by the ladder."""
    sharp = complex_step(claim.line(lead.direction))
    agrees = sharp is not None and abs(sharp.value - lead.found.value) <= sharp.bound + lead.found.bound
    return "complex step" if agrees else "ladder"


def _explained(claim: Claim, place: int, weights: Vector, whole: Gap) -> Only | None:
    """Whether one entry explains the whole gap, its true value taken with steps of its own."""
    unit = np.zeros(weights.size)
    unit[place] = 1.0
    line = claim.line(unit)
    number = exact(line) or ladder(line, SECOND_LADDER)
    if number is None:
        return None
    weight, claimed = float(weights[place]), float(claim.gradient[place])
    own = number.bound + claim.unit * max(abs(claimed), abs(number.value))
    if abs(claimed - number.value) <= own:
        return None  # a number so rough explains anything
    doubt = whole.slack + abs(weight) * own
    left = whole.size - weight * (claimed - number.value)
    rest = Comparison(weights, left, Estimate(0.0, 0.0, number.how), doubt)
    found = Estimate(np.array([number.value]), np.array([number.bound]), number.how)
    return Only(np.array([place]), found, rest) if rest.agrees else None


def gap(claim: Claim, direction: Vector, how: str) -> Gap | None:
    """How far the claim is off; ``None`` where that cannot be told in this way along this direction."""
    line = claim.line(direction)
    if how == "exact":
        difference = exact_difference(line, both_sides=False)
        if difference is None:
            return None
        # One sum, rounded once: the gap may be less than the last digit of either product.
        slopes = difference.rise / (2 * difference.step)
        size = exact_dot(np.concatenate([claim.gradient, -claim.dy]), np.concatenate([direction, slopes]))
        return Gap(size, claim.holds(direction, Estimate(0.0, 0.0, how)).bound)
    found = (complex_step if how == "complex step" else estimate)(line)
    if found is None:
        return None
    comparison = claim.holds(direction, found)
    return Gap(comparison.claimed - found.value, comparison.bound)


def _weights(claim: Claim, places: Places) -> Vector:
    weights = np.zeros(claim.gradient.size)
    weights[places] = np.random.default_rng(0).integers(512, 1024, places.size)
    return weights


def _halved(claim: Claim, places: Places, how: str) -> Places:
    """Halve the entries again and again, those first that are most wrong for their number.

    What is not off in one half is off in the other, so each halving asks once, or twice where that could not be told.
    """
    weights = _weights(claim, places)

    def off(part: Places) -> Gap | None:
        direction = np.zeros(claim.gradient.size)
        direction[part] = weights[part]
        return gap(claim, direction, how)

    pending = [(places, off(places))]
    found: list[int] = []
    while pending and len(found) < FOUND:
        part, whole = pending.pop(_most_wrong(pending))
        if part.size == 1:
            found.append(int(part[0]))
            continue
        left, right = part[: part.size // 2], part[part.size // 2 :]
        first = off(left)
        second = (
            off(right) if whole is None or first is None else Gap(whole.size - first.size, whole.slack + first.slack)
        )
        halves = [(left, first), (right, second)]
        wrong = [half for half in halves if half[1] is None or half[1].is_wrong]
        pending += wrong or [halves[_most_wrong(halves)]]
    return np.array(sorted(found))


def _most_wrong(parts: Sequence[tuple[Places, Gap | None]]) -> int:
    return int(np.argmax([np.inf if gap is None else abs(gap.size) / p.size for p, gap in parts]))  # or NaN, if any


def _coloured(claim: Claim, places: Places) -> Estimate | None:
    """All entries at once, exactly; ``None`` where that cannot be done or costs too much."""
    if claim.y0.size > BACKWARDS:
        return None
    at, rng = claim.at, rng_for(claim.at.point.case.seed, "colours")
    pattern = claimed_pattern(at, claim.y0.size)
    if pattern is None:
        return None
    found = coloured(at.flat, at.origin, claim.dy, pattern, list(at.slices.values()), rng, claim.room)
    return None if found is None else Estimate(found[places], np.zeros(places.size), "exact")


def _worst_of(claim: Claim, name: str, places: Places, complete: bool) -> Result:
    return _worst(
        claim, name, places, coordinates(claim.at.flat, claim.at.origin, claim.dy, places, claim.room), complete
    )


def _worst(claim: Claim, name: str, places: Places, table: Estimate, complete: bool) -> Result:
    """The worst among some entries; ``complete`` if no entry beside them is wrong."""
    span = claim.at.slices[name]
    claimed = claim.gradient[places]
    allowed = _allowed(claim, places, table)
    wrong = ~(np.abs(claimed - table.value) <= allowed) & np.isfinite(table.value)
    size = span.stop - span.start
    facts: dict[str, Any] = {"input": name, "entries": size, "scale": float(np.max(np.abs(claim.gradient[span])))}
    all_known = bool(np.all(np.isfinite(table.value)))
    if not wrong.any() and all_known and places.size == size:
        return _each_agrees(claim, name, table.how, allowed)
    if not wrong.any():
        return finding(Status.INCONCLUSIVE, reason=NONE_STANDS_OUT, **facts)
    worst = int(np.argmax(np.where(wrong, np.abs(claimed - table.value), -1.0)))
    shape = np.shape(claim.returned[name])
    return finding(
        Status.FAILED,
        index=tuple(int(i) for i in np.unravel_index(places[worst] - span.start, shape)),
        analytic=float(claimed[worst]),
        numeric=float(table.value[worst]),
        bound=float(allowed[worst]),
        how=table.how,
        differing=int(wrong.sum()) if complete and all_known else None,
        **facts,
    )


def _allowed(claim: Claim, places: Places, table: Estimate) -> Vector:
    """The table's entries are few-forward estimates; rounding of the backward is allowed for as in the comparison."""
    claimed = claim.gradient[places]
    return np.asarray(table.bound + claim.unit * np.maximum(np.abs(claimed), np.abs(table.value)) + claim.noise[places])


def _each_agrees(claim: Claim, name: str, how: str, allowed: Vector) -> Result:
    """The sum over all entries is off, but no entry is: the estimates are in conflict, and the finer one decides."""
    each = np.zeros(claim.gradient.size)
    each[claim.at.slices[name]] = 1.0
    return passed(claim, name, Comparison(each, 0.0, Estimate(0.0, 0.0, how), float(np.max(allowed))))
