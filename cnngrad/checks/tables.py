"""Every entry of every gradient, claimed beside numerical: made on demand, since each entry costs forwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnngrad.core.arrays import Array, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.differentiation import coordinates


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
    found = coordinates(at.flat, at.origin, dy)
    tables = {}
    for name, span in at.slices.items():
        shape = np.shape(point[name])
        tables[name] = GradientTable(returned[name], found.value[span].reshape(shape), found.bound[span].reshape(shape))
    return tables
