"""A claim of zero where the forward is flat: a step function (sign, round) has that gradient, and proves nothing.

What jumps farther away looks like a slope to large steps, and like few bits to whoever asks for the precision.
"""

from __future__ import annotations

import numpy as np

from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim, precision_inside
from cnngrad.checks.compare import direction_over
from cnngrad.checks.vacuous import why_zero
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.line import EPS

NEAR = 2.0**-24
FARTHER = 2.0**14
SINGLE = 2.0**-23  # a forward in float32 is flat to so small a step, and its zero gradient is wrong


def judge_flat(claim: Claim) -> dict[str, Result]:
    """An inconclusive result for each input whose claimed gradient is zero and along which the forward stands still."""
    flat = [name for name in claim.sound if not np.any(claim.gradient[claim.at.slices[name]]) and _stands(claim, name)]
    if not flat or precision_inside(claim.at) == SINGLE:
        return {}
    return {name: finding(Status.INCONCLUSIVE, input=name, reason=why_zero(claim, name)) for name in flat}


def _stands(claim: Claim, name: str) -> bool:
    if name in claim.at.layer.zero_gradient or not np.any(claim.y0):
        return False
    line = claim.line(direction_over(claim, [name]))
    step = NEAR * line.near
    if not line.direction.any() or 64 * EPS * np.max(np.abs(line.y0)) > step:
        return False  # the step may be lost in outputs this large
    if not all(np.array_equal(line(side * step), line(side * step / 2)) for side in (1.0, -1.0)):
        return False  # but it may jump at the point itself
    # A slope that is lost in so small a step adds up to little in one 2^14 times as large; a jump does not.
    change = float(np.max(np.abs(line(FARTHER * step) - line.y0)))
    return change == 0 or change > 8 * FARTHER * EPS * float(np.max(np.abs(line.y0)))
