"""Many kinks at once: every kinked output held against its own one-sided slopes, along a few directions for all.

An output with one kink is, very near the point, the larger (or the smaller) of a few linear functions, and a right
claim is a mean of their slopes: so along any direction it lies between the two one-sided slopes. That is asked of
every output by itself, and yet of all of them with the same few forwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnngrad.checks.claim import Claim
from cnngrad.checks.rows import claimed_slopes
from cnngrad.core.arrays import Array, Vector
from cnngrad.core.case import aside
from cnngrad.core.values import rng_for
from cnngrad.differentiation import Line, one_sided
from cnngrad.differentiation.line import EPS

DIRECTIONS = 8  # random ones; each sees a tie shared out wrongly with a chance of about a half
SAMPLES = 8  # places beside the point, each in one of the regions that meet there
ASIDE, STEP = 2.0**-16, 2.0**-28  # how far away those places are, and the step for the slopes there
# How sharply slopes are known, as a share of the jump: the kink may lie a little beside the point, nearer than the
# smallest step, and then part of each step is beyond it.
BLUR = 2.0**-8


@dataclass(frozen=True)
class Seen:
    """What was seen of the outputs of one input at a point.

    Attributes:
        doubtful: the outputs that need a closer look: first those whose claim is outside, the worst one leading, then
            those in which several kinks meet.
        convention: what was taken at the other kinks, in numbers.
    """

    doubtful: npt.NDArray[np.int64]
    convention: str


def look(claim: Claim, name: str) -> Seen:
    """Look at every output along the direction of all ones and along random ones, one input moved."""
    directions = _directions(claim, name)
    sides = [one_sided(claim.line(direction)) for direction in directions]
    low, high = (np.stack([getattr(side, end) for side in sides], axis=1) for end in ("low", "high"))
    kinked = np.any([side.kinked for side in sides], axis=0)
    agree = _smooth_ones_agree(claim, directions, low, high, kinked)
    places = np.flatnonzero(kinked) if agree else np.arange(kinked.size)
    low, high = low[places], high[places]
    jump = np.max(high - low, axis=1)
    own = np.flatnonzero(_single(claim, directions, places, jump) | ~kinked[places])
    claimed = np.full(low.shape, np.nan)
    claimed[own] = claimed_slopes(claim, places[own], directions)
    slack = 64 * EPS * np.abs(claimed) + BLUR * jump[:, None]
    outside = np.max(np.maximum(low - claimed, claimed - high) - slack, axis=1)
    # A slope without a kink has to be known sharply, or the claim lies within its bounds for nothing.
    outside[~kinked[places] & (jump > BLUR * np.max(np.abs(claimed[own]), initial=0.0))] = np.nan
    fine = outside <= 0
    doubtful = np.flatnonzero(~fine)  # NaN where the claim could not be told, or says nothing
    if not agree and not doubtful.size:
        return Seen(places, "")
    first = doubtful[np.argsort(-np.nan_to_num(outside[doubtful]), kind="stable")]
    met = fine & kinked[places]
    return Seen(places[first], _convention(claimed[met, 0], low[met, 0], high[met, 0], jump[met]))


def _smooth_ones_agree(claim: Claim, directions: list[Vector], low: Array, high: Array, kinked: Array) -> bool:
    """Whether the claim for the outputs without a kink, taken together, fits the slopes seen, and these say something.

    Kinks that cancel each other do not show in the slopes, but they do here.
    """
    dy = np.where(kinked, 0.0, claim.dy)
    size = np.abs(claim.dy) @ np.maximum(np.abs(low), np.abs(high))
    if not dy.any():
        return True
    claimed = np.array(directions) @ claim.gradient_for(dy)
    error = np.abs(dy) @ (high - low) / 2 + 64 * EPS * size
    off = np.abs(claimed - dy @ (low + high) / 2)
    return bool(np.all(off <= error) and np.all(error <= BLUR * size))


def _directions(claim: Claim, name: str) -> list[Vector]:
    """All ones, which moves every entry of a tie alike; then random ones, none of whose entries is small."""
    span = claim.at.slices[name]
    rng = rng_for(claim.at.point.case.seed, f"kinks {name}")
    directions = np.zeros((1 + DIRECTIONS, claim.gradient.size))
    directions[0, span] = 1.0
    shape = (DIRECTIONS, span.stop - span.start)
    directions[1:, span] = rng.uniform(0.5, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
    return [claim.narrowed(direction) for direction in directions]


def _single(claim: Claim, directions: list[Vector], places: npt.NDArray[np.int64], jump: Vector) -> Array:
    """Which outputs have one kink only: two slopes meet there, or several with the same sum (a tie).

    Seen from the slopes at places very near, all inputs moved aside at random.
    """
    if not places.size:
        return np.zeros(0, dtype=bool)
    slopes = []
    for sample in range(SAMPLES):
        inputs = aside(claim.at.layer, claim.at.point, ASIDE, f"regions {sample}")
        there = claim.at.vector_of(inputs)
        y, room = claim.at.flat(there), claim.at.room_at(there)
        lines = [Line(claim.at.flat, there, direction, claim.dy, y, room) for direction in directions[:2]]
        slopes.append([(line(STEP * line.near) - y)[places] / (STEP * line.near) for line in lines])
    sums, others = np.sort(np.array(slopes), axis=0).transpose(1, 0, 2)
    apart = 2 * BLUR * jump
    tied = np.ptp(sums, axis=0) <= apart
    return np.asarray(tied | (np.count_nonzero(np.diff(others, axis=0) > apart, axis=0) <= 1))


def _convention(claimed: Vector, low: Vector, high: Vector, jump: Vector) -> str:
    """What was taken, along the direction of all ones."""
    kinks = high - low > BLUR * jump
    said = [kinks_met(claimed[kinks], low[kinks], high[kinks])] if kinks.any() else []
    if not kinks.all():
        said.append(f"ties met: {np.count_nonzero(~kinks)}; each is paid {_values(claimed[~kinks])} in all")
    return "; ".join(said)


def kinks_met(taken: Vector, low: Vector, high: Vector) -> str:
    """The convention in numbers: of all kinks where they are alike, else of the first.

    >>> kinks_met(np.array([0.0, 1.0]), np.zeros(2), np.ones(2))
    'kinks met: 2; 0, 1 taken where the slopes go from 0 to 1'
    """
    alike = len({(_values(least), _values(most)) for least, most in zip(low, high, strict=True)}) == 1
    shown, where = (taken, "where") if alike else (taken[:1], "at the first, where")
    slopes = f"the slopes go from {_values(low[0])} to {_values(high[0])}"
    return f"kinks met: {taken.size}; {_values(shown)} taken {where} {slopes}"


def _values(numbers: Vector) -> str:
    different = sorted({round(float(value), 6) + 0.0 for value in np.atleast_1d(numbers)})
    return ", ".join(f"{value:g}" for value in different[:3]) + (", ..." if len(different) > 3 else "")
