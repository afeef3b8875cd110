"""Two arrays held against each other, and the claim that they agree or that they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array


@dataclass(frozen=True, eq=False)
class Comparison:
    """A claim about two arrays, judged by :attr:`holds`.

    Args:
        claim: the sentence that is true when this holds.
        left: one side, of the shape of the other.
        right: the other side, got in another way.
        equal: whether the two must agree; with ``False`` they must differ.
        bound: the largest difference that rounding explains, a number or an array; 0 asks for equality.

    >>> Comparison("doubling is adding", np.array([2.0]), np.array([1.0]) + 1.0).holds
    True
    >>> Comparison("doubling is adding", np.array([2.0]), np.array([3.0])).holds
    False
    """

    claim: str
    left: Array
    right: Array
    equal: bool = True
    bound: Any = 0.0

    @property
    def holds(self) -> bool:
        """NaN and a wrong shape never hold, whichever way the claim goes."""
        left, right = np.asarray(self.left), np.asarray(self.right)
        if left.shape != right.shape or not np.all(np.isfinite(left)) or not np.all(np.isfinite(right)):
            return False
        within = bool(np.all(np.abs(left - right) <= self.bound))
        return within is self.equal
