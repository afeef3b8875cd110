"""A scene: one point at which a claimed gradient stands beside the numerical one, and what a rule may ask of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, Vector, flatten, is_differentiable, outputs_of
from cnngrad.core.call import Evaluation

STEP = 2.0**-17  # near the cube root of eps: a central difference is good to about 1e-10
LARGE = 8.0  # beyond it the step grows with the entry, for outputs that grow as it does
KINK = 2.0**-8  # a smooth function's one-sided slopes differ by the step, those at a kink by themselves


class Spent(Exception):
    """The calls or the time that a diagnosis may use are used up."""


@dataclass
class Meter:
    """Counts the calls of one diagnosis and ends it in time."""

    budget: int
    seconds: float
    used: int = 0
    started: float = field(default_factory=time.monotonic)

    def take(self) -> None:
        """Count one call.

        Raises:
            Spent: nothing is left.
        """
        if self.used >= self.budget or time.monotonic() - self.started > self.seconds:
            raise Spent
        self.used += 1


@dataclass
class Metered(Evaluation):
    """A layer at a point whose every call is counted."""

    meter: Meter = field(default_factory=lambda: Meter(0, 0.0))

    def vjp(self, inputs: Sequence[Any]) -> tuple[Any, Any]:
        self.meter.take()
        return super().vjp(inputs)

    def pull(self, y: Any, backward: Any, dy: Vector) -> tuple[Any, ...]:
        self.meter.take()
        return super().pull(y, backward, dy)


@dataclass
class Scene:
    """One input's claimed and numerical gradient at one point.

    Attributes:
        at: the layer there.
        name: the input.
        y: what the forward returned; ``flat_y`` and ``dy`` are flat vectors.
        claimed: what the backward returned, by input.
    """

    at: Metered
    name: str
    y: Any = field(init=False)
    dy: Vector = field(init=False)
    claimed: dict[str, Any] = field(init=False)
    wrong: bool = True

    def __post_init__(self) -> None:
        self.y, backward = self.at.vjp(self.at.point.inputs)
        self.flat_y = flatten(outputs_of(self.y))
        self.dy = np.asarray(self.at.point.cotangent(self.flat_y.size), dtype=np.float64)
        self.claimed = self.at.by_name(self.at.pull(self.y, backward, self.dy))
        self._jacobians: dict[str, Array] = {}
        self._rows: dict[str, Array] = {}
        self.kept: dict[str, Any] = {}  # what a rule computed once

    @property
    def inputs(self) -> dict[str, Array]:
        """Every input as an array, by name."""
        return {n: np.asarray(v) for n, v in zip(self.at.layer.inputs, self.at.point.inputs, strict=True)}

    @property
    def value(self) -> Array:
        """The input whose gradient is looked at."""
        return self.inputs[self.name]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, which the gradient should have."""
        return self.value.shape

    @property
    def y_shape(self) -> tuple[int, ...]:
        """The output's shape; flat where there are several outputs."""
        return np.shape(self.y) if not isinstance(self.y, (tuple, list)) else self.flat_y.shape

    @property
    def out(self) -> Array:
        """The output in its shape."""
        return self.flat_y.reshape(self.y_shape)

    @property
    def cotangent(self) -> Array:
        """``dy`` in the output's shape."""
        return self.dy.reshape(self.y_shape)

    @cached_property
    def g(self) -> Array:
        """The claimed gradient; of the wrong shape or empty where the claim is malformed."""
        try:
            return np.asarray(self.claimed[self.name], dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            return np.empty(0)

    @property
    def n(self) -> Array:
        """The numerical gradient; NaN at kinks."""
        return self.true(self.cotangent)

    def true(self, dy: Array, name: str = "") -> Array:
        """The right gradient for any cotangent, from the differences: no calls once the Jacobian is there."""
        jacobian = self.jacobian(name)
        product: Array = np.tensordot(np.ravel(dy), jacobian, axes=1)
        return product

    def jacobian(self, name: str = "") -> Array:
        """Central differences, ``(outputs, *shape of the input)``; NaN where the slopes of both sides differ."""
        name = name or self.name
        if name not in self._jacobians:
            self._jacobians[name] = self._differences(name)
        return self._jacobians[name]

    def _differences(self, name: str) -> Array:
        span = self.at.slices[name]
        columns = [self._column(place) for place in range(span.start, span.stop)]
        return np.stack(columns, axis=-1).reshape(-1, *self.inputs[name].shape)

    def _column(self, place: int) -> Array:
        origin = self.at.origin
        h = STEP * 2.0 ** np.ceil(np.log2(max(1.0, abs(origin[place]) / LARGE)))
        sides = []
        for side in (h, -h):
            moved = origin.copy()
            moved[place] += side
            sides.append(self.at.flat(moved))
        column = (sides[0] - sides[1]) / (2 * h)
        bent = np.abs(sides[0] + sides[1] - 2 * self.flat_y) / h
        column[bent > KINK * np.maximum(1.0, np.abs(column))] = np.nan
        return np.asarray(column)

    def slope_along(self, direction: Array, dy: Array | None = None, **replaced: Array) -> float:
        """The derivative of ``<dy, f>`` along a direction of the input, perhaps with other inputs: two calls."""
        sides = [self._moved(side * direction, replaced) for side in (STEP, -STEP)]
        return float((sides[0] - sides[1]) @ (self.dy if dy is None else dy)) / (2 * STEP)

    def gradient_at(self, dy: Array | None = None, **replaced: Array) -> Array:
        """The right gradient with other inputs replaced: two calls an entry."""
        units = np.eye(self.value.size).reshape(-1, *self.shape)
        return np.reshape([self.slope_along(unit, dy, **replaced) for unit in units], self.shape)

    def changes_along(self, name: str, **replaced: Array) -> Vector:
        """The derivative of every output when all entries of one input grow alike: two calls."""
        value = replaced.get(name, self.inputs[name])
        sides = [self._moved(np.zeros(self.shape), {**replaced, name: value + side}) for side in (STEP, -STEP)]
        return np.asarray((sides[0] - sides[1]) / (2 * STEP))

    def one_sided(self, place: int) -> tuple[Vector, Vector]:
        """The slopes of every output along one entry, above and below: two calls."""
        unit = np.zeros(self.shape)
        unit.flat[place] = STEP
        return (self._moved(unit, {}) - self.flat_y) / STEP, (self.flat_y - self._moved(-unit, {})) / STEP

    def output_with(self, **replaced: Array) -> Vector:
        """The output with other inputs: one call."""
        return self._moved(np.zeros(self.shape), replaced)

    def _moved(self, step: Array, replaced: dict[str, Array]) -> Vector:
        """The output with the input moved and others replaced."""
        inputs = [replaced.get(name, value) for name, value in self.inputs.items()]
        inputs[list(self.inputs).index(self.name)] = replaced.get(self.name, self.value) + step
        return flatten(outputs_of(self.at.output(inputs)))

    @cached_property
    def is_elementwise(self) -> bool:
        """Whether each output depends on its own entry of the input alone."""
        if self.y_shape != self.shape:
            return False
        jacobian = np.nan_to_num(self.jacobian().reshape(self.flat_y.size, -1))
        return not np.any(jacobian - np.diag(np.diag(jacobian)))

    @cached_property
    def bias(self) -> str:
        """The last input if it is a vector that is added before an activation, so that its slope is f'; or nothing."""
        name = list(self.inputs)[-1]
        added = name in self.at.slices and self.inputs[name].ndim == 1 and len(self.y_shape) > 1
        return name if added and name != next(iter(self.inputs)) else ""

    @cached_property
    def slopes(self) -> Vector | None:
        """The slope f' of every output; ``None`` where it cannot be known."""
        if self.bias:
            return np.asarray(self.jacobian(self.bias).sum(axis=1))
        return np.asarray(np.diag(self.jacobian().reshape(self.flat_y.size, -1))) if self.is_elementwise else None

    @cached_property
    def reach(self) -> Array:
        """Which outputs can depend on which entries at all, ``(outputs, entries)``: those that a large change moves."""
        units = np.eye(self.value.size).reshape(-1, *self.shape)
        far = 4.0 * (1.0 + float(np.max(np.abs(self.value), initial=0.0)))
        moved = [[self._moved(side * unit, {}) != self.flat_y for side in (far, -far)] for unit in units]
        return np.array([up | down for up, down in moved]).T

    def rows(self) -> Array:
        """The claimed Jacobian, one backward an output: ``(outputs, *shape of the input)``; empty if malformed."""
        if self.name not in self._rows:
            units = np.eye(self.flat_y.size)
            rows = [self.rerun(unit) for unit in units]
            sound = all(row is not None and row.shape == self.shape for row in rows)
            self._rows[self.name] = np.array(rows, dtype=np.float64) if sound and rows else np.empty(0)
        return self._rows[self.name]

    def rerun(self, dy: Array | None = None, **replaced: Array) -> Array | None:
        """The claimed gradient for another cotangent or other inputs; ``None`` where the layer refuses."""
        inputs = [replaced.get(name, value) for name, value in self.inputs.items()]
        try:
            claimed = self.at.by_name(self.at.gradients(np.ravel(self.dy if dy is None else dy), inputs))[self.name]
            return None if claimed is None else np.asarray(claimed, dtype=np.float64)
        except Spent:
            raise
        except Exception:
            return None

    @property
    def numbers(self) -> dict[str, Any]:
        """Every keyword of the call."""
        return dict(self.at.point.config)

    @cached_property
    def batch_axis(self) -> int:
        """The axis of the samples in the first input and the output; 0 where nothing is declared."""
        declared = self.at.layer.batch_axis
        return declared if isinstance(declared, int) else (declared or {}).get("y", 0)


def is_array_of_floats(value: Any) -> bool:
    """Whether a claimed gradient can be compared at all."""
    return value is not None and is_differentiable(np.asarray(value))
