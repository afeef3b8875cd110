"""Claims beside known differences, for the tests of single steps of an exact verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnngrad.checks.lattices import Lattice
from cnngrad.core.arrays import Vector
from cnngrad.differentiation.exact import Difference
from cnngrad.differentiation.precision import DOUBLE
from tests.checks.judging import claim_at, layer_of

STEP = 0.25
A = np.array([2.0**50, 5.0])  # the gradient of another input, which lies before x and is much larger


@dataclass(frozen=True)
class Prepared(Lattice):
    """A lattice whose next differences are known, by their slopes; the last one is that of all that follow."""

    slopes: Sequence[Any] = ()
    evidence: float = math.inf
    asked: list[Vector] = field(default_factory=list)

    def difference(self, direction: Vector, again: bool = False) -> Difference | None:
        slope = self.slopes[min(len(self.asked), len(self.slopes) - 1)]
        self.asked.append(direction)
        return None if slope is None else Difference(STEP, 2 * STEP * slope * direction, self.evidence)


def claiming(
    x: Any,
    *slopes: Any,
    rounding: Any = 0.0,
    unsteady: float = 0.0,
    bits: int = DOUBLE,
    base: int = 1,
    evidence: float = math.inf,
) -> Prepared:
    """A claim for the gradient of x, for a cotangent of ones, beside what the next differences say.

    Args:
        slopes: numbers for x; ``None`` where nothing can be told.
        rounding: what of the claim does not grow with the cotangent.
        unsteady: how far the claim moves with the last bits of x.
    """
    x = np.asarray(x)

    def vjp(a: Any, b: Any) -> Any:
        shape = np.shape(b)

        def backward(dy: Any) -> Any:
            return A * dy[:2], (x - rounding) * dy[2:].reshape(shape) + rounding + unsteady * (b != 1)

        return np.append(a, b), backward

    claim = claim_at(layer_of(vjp, ("a", "x")), np.ones(2), np.ones(x.shape))
    claim.dy = np.ones(claim.dy.size)
    claim.gradient = claim.gradient_for(claim.dy)
    known = [None if slope is None else np.append(A, np.ravel(slope * np.ones(x.shape))) for slope in slopes]
    return Prepared(claim, bits, base, known, evidence)
