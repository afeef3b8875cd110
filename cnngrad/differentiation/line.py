"""The one question asked here: the derivative of <dy, f> at a point along a direction, and what an answer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, Vector

EPS = float(np.finfo(np.float64).eps)

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Estimate:
    """A numerical value with an error bound that is meant to hold, and how it was got.

    Attributes:
        value: a number, or an array of them.
        bound: how far the truth may be from ``value``; same shape. 0 means exact.
        how: ``exact``, ``complex step``, ``ladder`` or ``one-sided``.
    """

    value: Any
    bound: Any
    how: str


@dataclass(frozen=True)
class Line:
    """``t -> f(at + t * direction)``, contracted with ``dy``.

    Args:
        f: a function between flat vectors.
        at: the point.
        direction: same length as ``at``.
        dy: the cotangent, as long as the output of ``f``.
        known_y0: ``f(at)`` where it is known already, which saves a call.
        room: how far each entry may move, to either side, and stay where f is defined; any distance if left out.
        known_bits: with how many bits f is known to compute, which saves another.
    """

    f: Function
    at: Vector
    direction: Vector
    dy: Vector
    known_y0: Vector | None = None
    room: Vector | None = None
    known_bits: int | None = None

    @cached_property
    def y0(self) -> Vector:
        return np.asarray(self.f(self.at)) if self.known_y0 is None else self.known_y0

    @cached_property
    def scale(self) -> float:
        """The natural size of a step: the size of the point over that of the direction, at least 1 over it."""
        return _power_of_two(self._reach(np.maximum(1.0, np.abs(self.at))))

    @cached_property
    def longest(self) -> float:
        """The longest step worth taking."""
        return min(self.scale, self.limit)

    @cached_property
    def limit(self) -> float:
        """The largest step allowed, a power of two: it leaves every entry half of its room."""
        moved = self.direction != 0
        if self.room is None or not moved.any():
            return np.inf
        largest = float(np.min(self.room[moved] / np.abs(self.direction[moved])))
        return float(2.0 ** (np.floor(np.log2(largest)) - 1)) if np.isfinite(largest) else np.inf

    @cached_property
    def near(self) -> float:
        """The same without the 1: at a point of size 1e-6 a kink is to be looked for at that size.

        But not at a size that is lost in the rest of the point: an input of 1e-12 beside others of 1 is nothing.
        """
        floor = 2.0**-6 * float(np.max(np.abs(self.at), initial=0.0))
        return min(self.longest, _power_of_two(self._reach(np.maximum(floor, np.abs(self.at)))))

    def _reach(self, size: Vector) -> float:
        moved = self.direction != 0
        ratios = size[moved] / np.abs(self.direction[moved])
        return float(np.max(ratios, initial=0.0)) or 1.0

    @cached_property
    def rounding(self) -> float:
        """The rounding no real difference can be free of: that of the output itself."""
        return EPS * float(np.linalg.norm(self.dy * self.y0))

    def __call__(self, t: float) -> Vector:
        return np.asarray(self.f(self.at + t * self.direction))

    def contract(self, y: Array) -> float:
        """``<dy, y>``."""
        return float(np.dot(self.dy, y))


def _power_of_two(size: float) -> float:
    return float(2.0 ** np.ceil(np.log2(size)))
