"""What a backward claims at one point, ready to be held against numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from cnngrad.core.arrays import Vector, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import aside, unsaturated
from cnngrad.core.errors import LayerRaised
from cnngrad.differentiation import Estimate, Line
from cnngrad.differentiation.exact import exact_dot, has_spare_bits
from cnngrad.differentiation.line import EPS
from cnngrad.differentiation.precision import fits, working_eps

MANY_BITS = 4  # half of what bfloat16 has
FLAT = 2.0**-20  # of the gradient where nothing is saturated: what is smaller is what is left after cancellation
NARROW = 2.0**10  # how many times its room an entry weighs at most


def precision_inside(at: Evaluation) -> float:
    """The rounding of what a layer computes with, seen from outputs where nothing is saturated; 0 where none tells.

    Numbers with full mantissas go in; if all that comes out is short, something inside is.
    """
    try:
        output = flatten(outputs_of(at.output(full_mantissas(at))))
    except LayerRaised:
        return 0.0  # that far aside nobody said that it could be called
    telling = output[np.isfinite(output)]
    # What is computed at such numbers fills its bits. A constant, a count, a step does not, and says nothing.
    telling = telling[~fits(telling, MANY_BITS)]
    return max(working_eps(telling), EPS) if telling.size else 0.0


def full_mantissas(at: Evaluation) -> tuple[Any, ...]:
    """Inputs near the point, nothing saturated, whose numbers use all their bits."""
    inputs, _ = unsaturated(at.layer, at.point.inputs)
    return aside(at.layer, replace(at.point, inputs=inputs), 1 / 3, "full mantissas")


@dataclass
class Claim:
    """One cotangent, and the gradients a backward returned for it.

    Attributes:
        at: the layer at its point.
        y0: the flat output.
        dy: the flat cotangent.
        returned: what the backward returned, by input.
        sound: the inputs whose claimed gradient has the right shape and is finite: those that can be compared.
        located: whether a failure is to name its worst entry, which costs forwards.
        bits: with how many bits the forward computes, where that is known.
    """

    at: Evaluation
    y0: Vector
    dy: Vector
    returned: dict[str, Any]
    sound: tuple[str, ...] = ()
    located: bool = True
    bits: int | None = None
    gradient: Vector = field(init=False)

    def __post_init__(self) -> None:
        self.gradient = self._end_to_end(self.returned)

    def _end_to_end(self, returned: dict[str, Any]) -> Vector:
        gradient = np.zeros(self.at.origin.size)
        for name in self.sound:
            gradient[self.at.slices[name]] = np.asarray(returned[name], dtype=np.float64).ravel()
        return gradient

    def line(self, direction: Vector) -> Line:
        """The forward along a direction from this point."""
        return Line(self.at.flat, self.at.origin, direction, self.dy, self.y0, self.room, self.bits)

    @cached_property
    def room(self) -> Vector | None:
        """How far each entry may move and stay in the declared domain."""
        return self.at.room_at(self.at.origin)

    def narrowed(self, direction: Vector) -> Vector:
        """A direction along which an entry next to the border of its domain moves little, so that the others can."""
        return direction if self.room is None else np.clip(direction, -NARROW * self.room, NARROW * self.room)

    def holds(self, direction: Vector, found: Estimate, slack: float = 0.0) -> Comparison:
        """The central comparison: ``abs(<G, v> - e.value) <= e.bound``.

        The bound takes in the rounding of the backward itself, except where the number is exact and no entry of the
        claim was rounded either: then there is nothing to allow for.
        """
        terms = self.gradient * direction
        rounding = self.unit * float(np.linalg.norm(terms))
        if found.how == "exact" and has_spare_bits(self.gradient[direction != 0]):
            rounding = 0.0
        claimed = exact_dot(self.gradient, direction)
        return Comparison(direction, claimed, found, found.bound + rounding + slack)

    @cached_property
    def unit(self) -> float:
        """The rounding of the claimed gradients themselves, relative to their size."""
        dtypes = [np.asarray(self.returned[name]).dtype for name in self.sound]
        short = [float(np.finfo(dtype).eps) for dtype in dtypes if np.issubdtype(dtype, np.floating)]
        return max([64 * EPS, *(16 * eps for eps in short if eps > EPS)])

    @cached_property
    def noise(self) -> Vector:
        """Rounding that the backward itself may carry in each entry, beyond that of its last operation.

        Two sources are measured: how far an entry moves when every input moves by a rounding; and, for a saturated
        function (``y (1 - y)`` with ``y`` next to 1 holds a rounding of 1), how large the entry is with all inputs
        scaled down to where nothing is saturated.
        """
        origin = self.at.origin
        moved = np.zeros(origin.size)
        eps = max(precision_inside(self.at), EPS)
        for side in (1.0, -1.0):
            step = side * eps * origin
            if self.room is not None:
                step = np.where(np.abs(step) < self.room, step, 0.0)
            there = np.nan_to_num(self.gradient_for(self.dy, self.at.inputs_from(origin + step)))
            moved = np.maximum(moved, np.abs(there - self.gradient))
        inputs, factor = unsaturated(self.at.layer, self.at.point.inputs)
        if factor < 1:
            there = np.abs(np.nan_to_num(self.gradient_for(self.dy, inputs)))
            usual = float(np.max(there, initial=0.0))
            for name in self.sound:
                span = self.at.slices[name]
                flat = np.max(np.abs(self.gradient[span]), initial=0.0) < FLAT * usual
                floor = 2 * eps / factor * (64 * usual if flat else np.max(there[span], initial=0.0))
                moved[span] = np.maximum(moved[span], floor)
        return 8 * moved

    def gradient_for(self, dy: Vector, inputs: Sequence[Any] | None = None) -> Vector:
        """The claimed gradients for another cotangent, or other inputs, end to end; one forward and backward."""
        return self._end_to_end(self.at.by_name(self.at.gradients(dy, inputs)))


@dataclass(frozen=True)
class Comparison:
    """A claimed number beside a numerical one, along a direction."""

    direction: Vector
    claimed: float
    found: Estimate
    bound: float

    @property
    def agrees(self) -> bool:
        """Written so that a NaN on either side does not agree."""
        return bool(abs(self.claimed - self.found.value) <= self.bound)

    def detectable(self, span: slice) -> float:
        """The smallest error in a single entry of one input that could not have passed, of the entries that moved."""
        moved = self.direction[span] != 0
        return self.bound / float(np.min(np.abs(self.direction[span][moved]))) if moved.any() else np.inf
