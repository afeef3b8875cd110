"""Why a gradient that is zero everywhere says nothing: what was seen of the forward."""

from __future__ import annotations

import numpy as np

from cnngrad.checks.claim import Claim
from cnngrad.core.values import rng_for
from cnngrad.differentiation.line import EPS

ZERO = "the gradient is zero everywhere at this point"
NEAR = 2.0**-10
CANCELS = 2.0**-10  # what is left of changes that cancel, as a share of them


def why_zero(claim: Claim, name: str) -> str:
    """The reason for an inconclusive result, from four forwards along a random direction."""
    span = claim.at.slices[name]
    direction = np.zeros(claim.gradient.size)
    rng = rng_for(claim.at.point.case.seed, f"why zero {name}")
    direction[span] = rng.uniform(0.5, 1.0, span.stop - span.start) * rng.choice([-1.0, 1.0], span.stop - span.start)
    line = claim.line(direction)
    rounding = 64 * EPS * np.max(np.abs(line.y0))
    if not any(np.any(np.abs(line(step) - line.y0) > rounding) for step in (line.longest, -line.longest)):
        return f"{ZERO}: the output does not change with {name}; if it never does, declare zero_gradient=({name!r},)"
    step = NEAR * line.near
    changes = claim.dy * (line(step) - line(-step))
    if abs(np.sum(changes)) < CANCELS * np.sum(np.abs(changes)):
        return f"{ZERO}, though the output changes with {name}: for this dy the changes cancel"
    return f"{ZERO}: the output is flat here (saturated?) and changes with {name} only farther away"
