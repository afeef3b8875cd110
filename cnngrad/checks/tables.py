"""Every entry of every gradient, claimed beside numerical: made on demand, since each entry costs forwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnngrad.checks.calling import gradients_in
from cnngrad.core.arrays import Array, Vector, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.errors import LayerRaised
from cnngrad.core.layer import Layer
from cnngrad.core.values import rng_for
from cnngrad.differentiation import coordinates
from cnngrad.differentiation.colours import Pattern, coloured

MOST = 2**28  # pairs of output and input, a byte each


@dataclass(frozen=True)
class GradientTable:
    """The gradient of one input: three arrays of its shape.

    Attributes:
        analytic: what the backward claims (as it came, ``None`` included).
        numeric: the numerical gradient; NaN where none could be had.
        bound: how far ``numeric`` may be from the truth.
    """

    analytic: Array
    numeric: Array
    bound: Array


def gradient_tables(layer: Layer, point: Point) -> dict[str, GradientTable]:
    """The whole gradient of every differentiable input at a point.

    >>> from cnngrad.core.case import Case
    >>> double = Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "double", shapes={"x": (2,)})
    >>> table = gradient_tables(double, Case(values="integers").point(double))["x"]
    >>> bool(np.all(table.analytic == table.numeric)), table.bound.tolist()
    (True, [0.0, 0.0])
    """
    at = Evaluation(layer, point)
    y, backward = at.vjp(point.inputs)
    dy = point.cotangent(flatten(outputs_of(y)).size)
    returned = at.by_name(at.pull(y, backward, dy))
    values, bounds = _every_coordinate(at, dy)
    tables = {}
    for name, span in at.slices.items():
        shape = np.shape(point[name])
        tables[name] = GradientTable(returned[name], values[span].reshape(shape), bounds[span].reshape(shape))
    return tables


def _every_coordinate(at: Evaluation, dy: Vector) -> tuple[Vector, Vector]:
    """Values and bounds: all at once where that can be done exactly, the rest (or all of them) one by one."""
    pattern, rng = claimed_pattern(at, dy.size), rng_for(at.point.case.seed, "colours")
    groups, room = list(at.slices.values()), at.room_at(at.origin)
    together = None if pattern is None else coloured(at.flat, at.origin, dy, pattern, groups, rng, room)
    values, bounds = np.full(at.origin.size, np.nan) if together is None else together, np.zeros(at.origin.size)
    left = np.flatnonzero(np.isnan(values))
    alone = coordinates(at.flat, at.origin, dy, left, room)
    values[left], bounds[left] = alone.value, alone.bound
    return values, bounds


def claimed_pattern(at: Evaluation, outputs: int) -> Pattern | None:
    """Which outputs are claimed to depend on which inputs: one backward an output, all of one forward if that works.

    ``None`` where there are more than ``MOST`` pairs, which is a cap on memory.
    """
    if outputs * at.origin.size > MOST:
        return None
    pattern = np.zeros((outputs, at.origin.size), dtype=bool)
    y, backward = at.vjp(at.point.inputs)
    for j in range(outputs):
        unit = np.zeros(outputs)
        unit[j] = 1.0
        try:
            returned = at.pull(y, backward, unit)
        except LayerRaised:  # a backward that can be called once only
            returned = at.gradients(unit)
        for name, gradient in gradients_in(at, returned).items():
            span = at.slices[name]
            if gradient.size == span.stop - span.start:
                pattern[j, span] = gradient.ravel() != 0
    return pattern
