"""One number of a claim beside one number of the forward: along an integer direction exactly, else along any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnngrad.checks.claim import Claim, Comparison
from cnngrad.core.arrays import Vector, round_to_bits
from cnngrad.core.values import rng_for
from cnngrad.differentiation import smooth
from cnngrad.differentiation.exact import STEP, direction_for, exact

NARROW = 2.0**10


def compare_exactly(claim: Claim, name: str, again: bool = False) -> Comparison | None:
    """Hold the claim for one input against an exact difference; ``None`` where anything was rounded.

    Args:
        again: with another direction and another step.
    """
    span = claim.at.slices[name]
    direction = np.zeros(claim.gradient.size)
    direction[span] = direction_for(_rng(claim, f"exact {name} {again}"), span.stop - span.start)
    estimate = exact(claim.line(direction), STEP / 4 if again else STEP)
    return None if estimate is None else claim.holds(direction, estimate)


def compare(claim: Claim, names: Sequence[str], shift: float = 1.0) -> Comparison | None:
    """Hold the claim for some inputs, moved together, against the best smooth estimate; ``None`` at a kink."""
    direction = direction_over(claim, names)
    estimate = smooth(claim.line(direction), shift)
    return None if estimate is None else claim.holds(direction, estimate)


def direction_over(claim: Claim, names: Sequence[str]) -> Vector:
    """A random direction over some inputs, each in proportion to its own size.

    No entry is near zero, so no entry's error can hide behind a small weight.
    """
    rng = _rng(claim, f"direction {' '.join(names)}")
    direction = np.zeros(claim.gradient.size)
    for name in names:
        span = claim.at.slices[name]
        size = span.stop - span.start
        largest = float(np.max(np.abs(claim.at.origin[span]), initial=0.0))
        scale = 2.0 ** np.ceil(np.log2(max(1.0, largest)))
        direction[span] = scale * round_to_bits(rng.uniform(0.5, 1.0, size)) * rng.choice([-1.0, 1.0], size)
    if claim.room is not None:  # an entry next to the border of its domain moves little, so that the others can move
        direction = np.clip(direction, -NARROW * claim.room, NARROW * claim.room)
    return direction


def _rng(claim: Claim, purpose: str) -> np.random.Generator:
    return rng_for(claim.at.point.case.seed, purpose)
