"""The ways to answer the question, best first, and the rule by which one is chosen."""

from __future__ import annotations

from cnngrad.differentiation.complex_step import complex_step
from cnngrad.differentiation.exact import exact
from cnngrad.differentiation.ladder import ladder
from cnngrad.differentiation.line import Estimate, Line


def estimate(line: Line, shift: float = 1.0) -> Estimate | None:
    """The best estimate of the derivative along a line, or ``None`` where no way can answer (a kink, say).

    The exact way stands alone; the complex step counts only where it agrees with real differences.

    >>> import numpy as np
    >>> estimate(Line(np.tanh, np.ones(1), np.ones(1), np.ones(1))).how
    'complex step'
    """
    return exact(line) or smooth(line, shift)


def smooth(line: Line, shift: float = 1.0) -> Estimate | None:
    """The estimate of the ladder, sharpened by the complex step where that agrees with it."""
    real = ladder(line, shift)
    if real is None:
        return None
    sharp = complex_step(line)
    if sharp is None or sharp.bound > real.bound or abs(sharp.value - real.value) > real.bound + sharp.bound:
        return real
    return sharp
