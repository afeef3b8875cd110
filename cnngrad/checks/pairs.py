"""Output by output and entry by entry: the claim beside the one-sided derivatives of every pair.

An entry must lie between the two one-sided derivatives, and the sum over a tie between those along the tie's all-ones
direction (a tie that pays both maxima passes every entry and fails the sum). Where several kinks meet in one output no
such rule is right, so there a disagreement is never a failure: the point is inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnngrad.checks.at_once import BLUR, kinks_met
from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim, precision_inside
from cnngrad.checks.rows import claimed_rows
from cnngrad.core.arrays import Array, Vector
from cnngrad.core.case import aside
from cnngrad.core.result import Result, Status
from cnngrad.core.values import rng_for
from cnngrad.differentiation import Line, one_sided
from cnngrad.differentiation.line import EPS

MOST_ENTRIES = 400  # each costs forwards
MOST_OUTPUTS = 400  # each costs a backward
FIRST = 4  # outputs to look at before the rest: mostly the first one shows what is wrong with all
TINY = 2.0**-24
VERY_NEAR = 2.0**-32
SLIGHT = 2.0**-22  # of the largest entry: smooth functions change by so much between places this near
SAMPLES = 16  # with fewer, all of them may lie in the same few of the regions that meet at the point
NEARLY = 2.0**-4  # how well slopes have to be known, as a share of themselves, to pass what only small steps allow
SEVERAL = "several kinks met at this point"
NEARER = "a kink lies nearer to this point than any step that numbers of this size allow"

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """For every pair of a chosen output and a chosen entry of one input: the claim and what is allowed.

    Attributes:
        outputs, entries: which ones; the arrays have a row an output and a column an entry.
        claimed: the claimed derivative.
        low, high: the least and the greatest one allowed.
        kinked: where the one-sided derivatives differ.
        convex: where the right one is the greater.
    """

    outputs: Places
    entries: Places
    claimed: Array
    low: Array
    high: Array
    kinked: Array
    convex: Array

    @property
    def blur(self) -> Array:
        """How sharply the slopes of each output are known where it is kinked."""
        width = np.where(self.kinked, self.high - self.low, 0.0)
        return np.asarray(BLUR * np.max(width, axis=1, keepdims=True, initial=0.0))


def judge_pairs(claim: Claim, name: str, outputs: Places) -> Result:
    """Judge some outputs, the most doubtful first: as many as can be paid for, and a pass needs all of them."""
    seen: list[Pairs] = []
    for part in filter(len, (outputs[:FIRST], outputs[FIRST:MOST_OUTPUTS])):
        entries = _entries(claim, name, part)
        if entries.size > MOST_ENTRIES:
            return _too_large(name)
        pairs = _pairs(claim, np.sort(part), entries)
        wrong = _wrong_entry(claim, name, pairs) or _wrong_tie(claim, name, pairs)
        if wrong is not None:
            return wrong
        seen.append(pairs)
    return _too_large(name) if outputs.size > MOST_OUTPUTS else _not_wrong(name, seen)


def _too_large(name: str) -> Result:
    reason = f"{SEVERAL}; it is too large to look at every pair of output and input"
    return finding(Status.INCONCLUSIVE, input=name, reason=reason)


def _entries(claim: Claim, name: str, outputs: Places) -> Places:
    """The entries of one input that the outputs may depend on, in the claim at the point or near it."""
    span = claim.at.slices[name]
    if span.stop - span.start <= SAMPLES:
        return np.arange(span.start, span.stop)
    dy = np.zeros(claim.y0.size)
    dy[outputs] = rng_for(0, "entries").uniform(1.0, 2.0, outputs.size)
    touched = claim.gradient_for(dy) != 0
    for inputs in _near(claim):
        touched |= claim.gradient_for(dy, inputs) != 0
    entries: Places = span.start + np.flatnonzero(touched[span])
    return entries


def _near(claim: Claim, share: float = TINY) -> list[tuple[Array, ...]]:
    """Places so near that only the kinks at the point lie between, one in each of many regions."""
    return [aside(claim.at.layer, claim.at.point, share, f"sample {sample}") for sample in range(SAMPLES)]


def _pairs(claim: Claim, outputs: Places, entries: Places) -> Pairs:
    rows = claimed_rows(claim, outputs)
    low, high, left, right, kinked = np.zeros((5, outputs.size, entries.size))
    for column, entry in enumerate(entries):
        sides = one_sided(claim.line(_along(claim, np.array([entry]))), outputs)
        low[:, column], high[:, column] = sides.low[outputs], sides.high[outputs]
        left[:, column], right[:, column] = sides.left[outputs], sides.right[outputs]
        kinked[:, column] = sides.kinked[outputs]
    return Pairs(outputs, entries, rows[:, entries], low, high, kinked.astype(bool), right > left)


def _along(claim: Claim, entries: Places) -> Vector:
    direction = np.zeros(claim.gradient.size)
    direction[entries] = 1.0
    return direction


def _wrong_entry(claim: Claim, name: str, pairs: Pairs) -> Result | None:
    """An entry that no step allows, down to the smallest: a kink may lie between the few that were taken and the point.

    What the smallest steps allow for no better reason than that they know nothing is left open.
    """
    slack = claim.unit * np.abs(pairs.claimed) + pairs.blur
    outside = ~((pairs.claimed >= pairs.low - slack) & (pairs.claimed <= pairs.high + slack))
    doubtful = False
    for j, i in np.argwhere(outside):
        output, claimed = pairs.outputs[j], float(pairs.claimed[j, i])
        nearer = one_sided(claim.line(_along(claim, pairs.entries[[i]])), every_step=True)
        if nearer.low[output] - slack[j, i] <= claimed <= nearer.high[output] + slack[j, i]:
            doubtful |= not nearer.known_within(NEARLY)[output]
            continue
        reason = f"for dy = 1 at output entry {output} alone, outside the one-sided derivatives"
        allowed = float(pairs.low[j, i]), float(pairs.high[j, i])
        return _refused(claim, name, pairs, int(j), int(i), claimed, allowed, reason)
    return finding(Status.INCONCLUSIVE, input=name, reason=NEARER) if doubtful else None


def _wrong_tie(claim: Claim, name: str, pairs: Pairs) -> Result | None:
    """The sum of the claim over each tie, against the slopes along the tie's all-ones direction."""
    for j, kinked in enumerate(pairs.kinked):
        tied = np.flatnonzero(kinked)
        if tied.size < 2 or len(set(pairs.convex[j, tied])) > 1:
            continue
        output = pairs.outputs[j]
        sides = one_sided(claim.line(_along(claim, pairs.entries[tied])), pairs.outputs[[j]])
        total = float(pairs.claimed[j, tied].sum())
        slack = claim.unit * float(np.abs(pairs.claimed[j, tied]).sum()) + tied.size * float(pairs.blur[j, 0])
        low, high = float(sides.low[output]), float(sides.high[output])
        if not (low - slack <= total <= high + slack):
            reason = f"the sum over the {tied.size} tied entries of output entry {output}, of which this is the first"
            return _refused(claim, name, pairs, j, int(tied[0]), total, (low, high), reason)
    return None


def _refused(
    claim: Claim, name: str, pairs: Pairs, j: int, i: int, claimed: float, allowed: tuple[float, float], reason: str
) -> Result:
    output, kinked = int(pairs.outputs[j]), pairs.entries[pairs.kinked[j]]
    if _several_kinks(claim, output, kinked) if kinked.size else not _wrong_very_near(claim, output, pairs.entries[i]):
        return finding(Status.INCONCLUSIVE, input=name, reason=SEVERAL)
    span = claim.at.slices[name]
    place = np.unravel_index(pairs.entries[i] - span.start, np.shape(claim.returned[name]))
    return finding(
        Status.FAILED,
        input=name,
        entries=span.stop - span.start,
        how="one-sided",
        index=tuple(int(k) for k in place),
        analytic=claimed,
        numeric=sum(allowed) / 2,
        bound=(allowed[1] - allowed[0]) / 2,
        reason=reason,
    )


def _wrong_very_near(claim: Claim, output: int, entry: int) -> bool:
    """Whether the claim is off very near the point too, where the forward is smooth.

    The claim is off here and right beside, yet no kink shows. Kinks that cancel each other do so at the point alone.
    In low precision nothing can be seen from so near.
    """
    if precision_inside(claim.at) > EPS:
        return False
    dy = np.zeros(claim.y0.size)
    dy[output] = 1.0
    for inputs in _near(claim, VERY_NEAR)[:2]:
        there = claim.at.vector_of(inputs)
        line = Line(claim.at.flat, there, _along(claim, np.array([entry])), dy, room=claim.at.room_at(there))
        sides = one_sided(line, np.array([output]))
        low, high, claimed = sides.low[output], sides.high[output], claim.gradient_for(dy, inputs)[entry]
        sharp = high - low <= BLUR * max(abs(low), abs(high), abs(claimed))
        if not sharp or low - claim.unit * abs(claimed) <= claimed <= high + claim.unit * abs(claimed):
            return False
    return True


def _not_wrong(name: str, seen: Sequence[Pairs]) -> Result:
    claimed, low, high, kinked = (
        np.concatenate([getattr(pairs, field).ravel() for pairs in seen])
        for field in ("claimed", "low", "high", "kinked")
    )
    width = float(np.max((high - low)[~kinked], initial=0.0))
    largest = float(np.max(np.abs(claimed), initial=0.0))
    if largest <= width and not kinked.any():
        reason = f"its largest entry, {largest:.3g}, is below the smallest visible error, {width:.3g}"
        return finding(Status.INCONCLUSIVE, input=name, reason=reason)
    reason = kinks_met(claimed[kinked], low[kinked], high[kinked]) if kinked.any() else ""
    return finding(Status.PASSED, input=name, reason=reason, detectable=width)


def _several_kinks(claim: Claim, output: int, kinked: Places) -> bool:
    """Whether more than one kink meets in an output: then the gradients near by take more than two values.

    A tie of a maximum is one kink whose gradients are many, but they all have the same sum over the tied entries, and
    each is the greatest at its own place (at a tie of a median they are not, and no rule holds).
    """
    dy = np.zeros(claim.y0.size)
    dy[output] = 1.0
    places = [claim.at.vector_of(inputs) for inputs in _near(claim)]
    rows = [claim.gradient_for(dy, inputs) for inputs in _near(claim)]
    spread = float(np.max(np.ptp(np.array(rows)[:, kinked], axis=0)))
    largest = float(np.max(np.abs(rows)))
    plain = _apart(rows, 1e-6 * largest, 1e-4)
    slight = _apart([row[kinked] for row in rows], 1e-2 * spread)  # the kinks may change little of all that there is
    if plain <= 2 and (slight <= 2 or spread <= SLIGHT * largest):
        return False
    sums = [float(row[kinked].sum()) for row in rows]
    if np.ptp(sums) > 1e-6 * max(np.max(np.abs(sums)), 1e-300):
        return True
    return not _all_one_way(places, rows)


def _apart(rows: Sequence[Vector], least: float, share: float = 0.0) -> int:
    """How many differ from all before by more than that, and more than a share of their own."""
    seen: list[Vector] = []
    for row in rows:
        if not any(np.allclose(row, other, rtol=share, atol=least) for other in seen):
            seen.append(row)
    return len(seen)


def _all_one_way(places: list[Vector], gradients: list[Vector]) -> bool:
    """Whether the gradients belong to a maximum, or to a minimum: they grow with the place, or all fall with it."""
    steps = np.array(places) - places[0]
    slopes = np.array(gradients) @ steps.T
    own = np.diag(slopes)
    growth = own[:, None] + own[None, :] - slopes - slopes.T
    slack = 1e-3 * np.max(np.abs(growth))
    return bool(np.all(growth >= -slack) or np.all(growth <= slack))
