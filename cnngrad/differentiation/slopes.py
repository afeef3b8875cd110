"""Plain central differences at the ladder's steps, nothing extrapolated: what the ladder has to work with."""

from __future__ import annotations

import numpy as np

from cnngrad.core.arrays import Vector
from cnngrad.differentiation.ladder import RATIO
from cnngrad.differentiation.line import Line

LEVELS = 26  # 4^-26 is the rounding of a double


def slopes(line: Line, levels: int = LEVELS) -> tuple[Vector, Vector]:
    """Steps, falling, and the slope ``<dy, f(+h) - f(-h)> / 2h`` at each; NaN where f is not finite.

    >>> steps, found = slopes(Line(np.sin, np.zeros(1), np.ones(1), np.ones(1)))
    >>> errors = np.abs(found - 1)
    >>> bool(steps[0] == 1 and errors[0] > 0.1 > 1e-12 > errors.min())
    True
    """
    steps: Vector = line.longest / RATIO ** np.arange(levels, dtype=np.float64)
    found: Vector = np.empty(levels)
    with np.errstate(all="ignore"):
        for place, h in enumerate(steps):
            found[place] = line.contract(line(h) - line(-h)) / (2 * h)
    found[~np.isfinite(found)] = np.nan
    return steps, found
