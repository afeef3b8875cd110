"""The ways to answer the question, best first, and the rule by which one is chosen."""

from __future__ import annotations

from collections.abc import Callable

from cnngrad.differentiation.complex_step import complex_step
from cnngrad.differentiation.exact import exact
from cnngrad.differentiation.ladder import climb, look
from cnngrad.differentiation.line import Estimate, Line


def estimate(line: Line, shift: float = 1.0) -> Estimate | None:
    """The best estimate of the derivative along a line, or ``None`` where no way can answer (a kink, say).

    The exact way stands alone; the complex step counts only where it agrees with real differences.

    >>> import numpy as np
    >>> estimate(Line(np.tanh, np.ones(1), np.ones(1), np.ones(1))).how
    'complex step'
    """
    return exact(line) or smooth(line, shift)


def smooth(line: Line, shift: float = 1.0, enough: Callable[[Estimate], bool] | None = None) -> Estimate | None:
    """The estimate of the ladder, sharpened by the complex step where that agrees with it.

    Args:
        enough: says of a complex step that one tiny real step agrees with whether it will do: then nobody climbs the
            ladder. A claim that a complex step confirms can differ from it by nothing that the tiny step would not see,
            unless it is wrong in the very way in which complex numbers mislead, and by less than a millionth.
    """
    near = look(line, shift)
    if near is None:
        return None
    sharp = complex_step(line)
    if sharp is not None and enough is not None and near.confirms(sharp) and enough(sharp):
        return sharp
    real = climb(line, near, shift)
    return sharp if sharp is not None and _sharpens(sharp, real) else near.widened(real)


def _sharpens(sharp: Estimate, real: Estimate) -> bool:
    return bool(sharp.bound <= real.bound and abs(sharp.value - real.value) <= real.bound + sharp.bound)
