"""Calling someone else's layer: copies go in, calls are counted, and what it raises is marked as its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cnngrad.core.arrays import Vector, cotangent_like, flatten, is_differentiable, outputs_of
from cnngrad.core.case import Point
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer


@dataclass
class Calls:
    """How often a layer was called."""

    forward: int = 0
    backward: int = 0


@dataclass
class Evaluation:
    """A layer at a point: its output, its backward, and its forward as a function between flat vectors.

    >>> from cnngrad.core.case import Case
    >>> double = Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "double", shapes={"x": (3,)})
    >>> at = Evaluation(double, Case(values="integers").point(double))
    >>> at.gradients(np.ones(3))[0].tolist(), at.calls
    ([2.0, 2.0, 2.0], Calls(forward=1, backward=1))
    """

    layer: Layer
    point: Point
    calls: Calls = field(default_factory=Calls)

    def vjp(self, inputs: Sequence[Any]) -> tuple[Any, Any]:
        """One forward on copies of ``inputs``.

        Raises:
            LayerRaised: the forward raised.
            UsageError: what came back is not ``(y, backward)``.
        """
        self.calls.forward += 1
        try:
            if self.layer.random is not None:
                self.layer.random()
            with np.errstate(all="ignore"):  # an overflow at a saturated point shows in the numbers; it is no alarm
                returned = self.layer.vjp(*(_copy(value) for value in inputs), **self.point.config)
        except UsageError:
            raise
        except Exception as error:
            raise LayerRaised("forward", error) from error
        if not (isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1])):
            raise UsageError(
                f"{self.layer.name}: vjp returned {type(returned).__name__}, not (y, backward) with a function "
                "backward(dy); a forward/backward pair is wrapped with cg.from_functions"
            )
        _refuse_non_numeric(self.layer, returned[0])
        return returned

    def output(self, inputs: Sequence[Any] | None = None) -> Any:
        """What the forward returns."""
        return self.vjp(self.point.inputs if inputs is None else inputs)[0]

    def pull(self, y: Any, backward: Any, dy: Vector) -> tuple[Any, ...]:
        """Call a backward with the flat cotangent ``dy``, a copy in the structure of ``y``.

        Returns:
            One claimed gradient an input, just as the layer returned them.

        Raises:
            LayerRaised: the backward raised, or returned another number of gradients than the layer has inputs.
        """
        self.calls.backward += 1
        try:
            with np.errstate(all="ignore"):
                returned = backward(cotangent_like(y, dy))
            gradients = tuple(returned) if isinstance(returned, (tuple, list)) else (returned,)
            if len(gradients) != len(self.layer.inputs):
                raise ValueError(
                    f"returned {len(gradients)} gradients for {len(self.layer.inputs)} inputs "
                    f"({', '.join(self.layer.inputs)})"
                )
        except UsageError:
            raise
        except Exception as error:
            raise LayerRaised("backward", error) from error
        return gradients

    def by_name(self, gradients: Sequence[Any]) -> dict[str, Any]:
        """Gradients under their inputs' names; ``None`` for an input declared to have none counts as zeros."""
        named = dict(zip(self.layer.inputs, gradients, strict=True))
        for name in self.layer.zero_gradient:
            if named[name] is None:
                named[name] = np.zeros(np.shape(self.point[name]))
        return named

    def gradients(self, dy: Vector, inputs: Sequence[Any] | None = None) -> tuple[Any, ...]:
        """Forward and backward in one go."""
        y, backward = self.vjp(self.point.inputs if inputs is None else inputs)
        return self.pull(y, backward, dy)

    # The forward as a function from the differentiable inputs, end to end, to the float outputs, end to end.

    @property
    def free(self) -> list[int]:
        """Positions of the differentiable inputs."""
        constants = self.layer.constants
        return [i for i, name in enumerate(self.layer.inputs) if name not in constants]

    @cached_property
    def origin(self) -> Vector:
        """The point as one vector."""
        return self.vector_of(self.point.inputs)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each differentiable input lies in that vector."""
        spans: dict[str, slice] = {}
        start = 0
        for i in self.free:
            size = math.prod(np.shape(self.point.inputs[i]))
            spans[self.layer.inputs[i]] = slice(start, start + size)
            start += size
        return spans

    def vector_of(self, inputs: Sequence[Any]) -> Vector:
        """The differentiable ones of some inputs as one vector."""
        return flatten([np.asarray(inputs[i], dtype=np.float64) for i in self.free])

    def room_at(self, vector: Vector) -> Vector | None:
        """How far each entry may move, to either side, and stay in the declared domain; ``None`` where none is."""
        if not any(name in self.layer.domain for name in self.slices):
            return None
        room = np.full(vector.size, np.inf)
        for name, span in self.slices.items():
            low, high = self.layer.domain.get(name, (-np.inf, np.inf))
            room[span] = np.minimum(vector[span] - low, high - vector[span])
        return room

    def inputs_from(self, vector: Vector) -> list[Any]:
        """The inputs for :meth:`vjp` at another place; constants stay."""
        inputs = list(self.point.inputs)
        for i in self.free:
            original = np.asarray(inputs[i])
            piece = vector[self.slices[self.layer.inputs[i]]].reshape(original.shape)
            inputs[i] = piece if np.iscomplexobj(piece) else piece.astype(original.dtype)
        return inputs

    def flat(self, vector: Vector) -> Vector:
        """The forward between flat vectors; complex in, complex out. Where it refuses real numbers it is NaN."""
        try:
            y = outputs_of(self.output(self.inputs_from(vector)))
        except LayerRaised:
            if np.iscomplexobj(vector):
                raise
            return np.full(flatten(outputs_of(self.output())).size, np.nan)  # raises where it always does
        if np.iscomplexobj(vector):
            kept = [np.ravel(part) for part in y if np.iscomplexobj(part) or is_differentiable(part)]
            return np.concatenate(kept) if kept else np.empty(0)
        return flatten(y)


def _copy(value: Any) -> Any:
    return np.array(value)[()] if np.ndim(value) == 0 else np.array(value)


def _refuse_non_numeric(layer: Layer, y: Any) -> None:
    for part in outputs_of(y):
        if not hasattr(part, "dtype") and not isinstance(part, (int, float, complex)):
            raise UsageError(
                f"{layer.name}: the forward returned {type(part).__name__} as an output; "
                "an output is an array or a number, several are a tuple of them"
            )
