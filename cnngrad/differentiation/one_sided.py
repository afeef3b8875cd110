"""One-sided derivatives: what is left to ask where a function has a kink.

Quotients ``(f(t) - f(0)) / t`` at steps between 2^-8 and 2^-34 of the scale, the first error term removed by comparing
neighbouring steps. Every output is answered on its own, since each may have a kink of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Array, Vector
from cnngrad.differentiation.line import EPS, Line
from cnngrad.differentiation.precision import resolves

# Few steps do where nothing but a kink at the point itself, or much nearer to it than the smallest step, lies between.
FEW = tuple(2.0**-k for k in (14, 16, 18))
SHARES = tuple(2.0**-k for k in (8, 12, 16, 20, 24, 28, 30, 32, 34))
SHARP = 2.0**-11  # an error that needs no more steps, as a share of the largest slope


@dataclass(frozen=True)
class Sides:
    """The slopes of every output to the two sides of a point, with bounds: four arrays as long as the output."""

    left: Vector
    right: Vector
    left_bound: Vector
    right_bound: Vector

    @property
    def low(self) -> Vector:
        """The least slope allowed at the point."""
        return np.minimum(self.left - self.left_bound, self.right - self.right_bound)

    @property
    def high(self) -> Vector:
        """The greatest slope allowed at the point."""
        return np.maximum(self.left + self.left_bound, self.right + self.right_bound)

    def known_within(self, share: float) -> Array:
        """Which outputs' slopes are known within a share of the larger one."""
        largest = np.maximum(np.abs(self.left), np.abs(self.right))
        return np.maximum(self.left_bound, self.right_bound) <= share * largest

    @property
    def kinked(self) -> Array:
        """Which outputs have a kink here: the two slopes differ by more than their bounds."""
        return np.abs(self.right - self.left) > self.left_bound + self.right_bound


def one_sided(line: Line, wanted: npt.NDArray[Any] | slice = slice(None), every_step: bool = False) -> Sides:
    """Slopes of every output to either side. Costs 6 forwards, or 18 more where those leave doubt; ``dy`` is not used.

    Args:
        wanted: the outputs for whose sake more forwards are worth their price; all if left out.
        every_step: pay that price in any case: a kink may lie nearer than the few steps go.

    >>> line = Line(np.abs, np.array([0.0]), np.ones(1), np.ones(1))
    >>> found = one_sided(line)
    >>> float(found.left[0]), float(found.right[0]), bool(found.kinked[0])
    (-1.0, 1.0, True)
    """
    few = None if every_step else _sides(line, FEW)
    return few if few is not None and _settled(few, wanted) else _sides(line, SHARES)


def _settled(sides: Sides, wanted: npt.NDArray[Any] | slice) -> bool:
    """Whether the error is small beside the largest slope, of those that are not exactly 0."""
    slopes = np.abs([sides.left[wanted], sides.right[wanted]])
    bounds = np.where(slopes == 0, 0.0, [sides.left_bound[wanted], sides.right_bound[wanted]])
    return bool(np.max(bounds, initial=0.0) <= SHARP * np.max(slopes, initial=0.0))


def _sides(line: Line, shares: tuple[float, ...]) -> Sides:
    right, right_bound = _slope(line, shares, 1.0)
    left, left_bound = _slope(line, shares, -1.0)
    return Sides(left, right, left_bound, right_bound)


def _slope(line: Line, shares: tuple[float, ...], side: float) -> tuple[Vector, Vector]:
    steps = [side * line.longest * share for share in shares]
    with np.errstate(all="ignore"):
        quotients = [(line(step) - line.y0) / step for step in steps]
        return _extrapolated(line, steps, quotients)


def _extrapolated(line: Line, steps: list[float], quotients: list[Vector]) -> tuple[Vector, Vector]:
    """For each output the entry that agrees best with the next step's, after one Richardson extrapolation."""
    ratios = [larger / smaller for larger, smaller in pairwise(steps)]
    better = [(r * q1 - q0) / (r - 1) for r, (q0, q1) in zip(ratios, pairwise(quotients), strict=True)]
    largest = float(np.max(np.abs(line.y0), initial=0.0))
    noise = 4 * EPS * (np.abs(line.y0) + largest + _inside(line, steps, quotients))
    value = better[-1]
    bound = np.full_like(value, np.inf)
    for k in range(len(better) - 2, -1, -1):
        # Held against every smaller step: a plateau on the far side of a nearby kink is no answer.
        later = zip(better[k + 1 :], steps[k + 2 :], strict=True)
        spread = np.max([np.abs(better[k] - other) - noise / abs(step) for other, step in later], axis=0)
        error = np.maximum(spread, 0) + np.abs(better[k] - better[k + 1]) + noise / abs(steps[k + 1])
        value = np.where(error < bound, better[k], value)
        bound = np.minimum(error, bound)
    return value, 4 * bound


def _inside(line: Line, steps: list[float], quotients: list[Vector]) -> Vector:
    """The size of numbers that may be rounded inside: 1, as in ``log(1 + tiny)``, unless finer changes were seen."""
    seen = [line.y0 + step * quotient for step, quotient in zip(steps, quotients, strict=True)]
    return np.where(resolves(line.y0, seen), 0.0, 1.0)
