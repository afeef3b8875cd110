"""Maps to one vector a sample (seeds 000, 004).

Forward: read the maps in seed 004's order, MATLAB's: map by map, in a map column by column, the row running fastest; or
with ``row_fastest=False`` row by row. Backward: put every entry back where it came from. Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import SIZES, batch, sides
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse


def flatten_vjp(x: Any, *, row_fastest: bool = True) -> tuple[Array, Backward]:
    """Turn ``x (N, C, *S)`` into ``y (N, C·S)``; of maps ``(H, W)``, ``(N, C·W·H)`` (seed 004).

    Args:
        row_fastest: the spatial axes in reversed order, the row index running fastest; else in the order they have.

    Raises:
        UsageError: fewer than two axes.

    >>> y, backward = flatten_vjp([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> y.tolist(), backward(y)[0].tolist()
    ([[1.0, 3.0, 2.0, 4.0]], [[[[1.0, 2.0], [3.0, 4.0]]]])
    """
    (x,) = floats(x)
    refuse("flatten", x.ndim < 2, f"x has shape {x.shape}", "it takes (samples, maps, *spatial)")
    order = (0, 1, *(range(x.ndim - 1, 1, -1) if row_fastest else range(2, x.ndim)))
    moved = x.transpose(order)
    y = moved.reshape(len(x), -1).copy()

    def backward(dy: Any) -> tuple[Array]:
        dy = cotangent("flatten", dy, y.shape).reshape(moved.shape)
        return (gradient(dy.transpose(np.argsort(order)), x).copy(),)

    return y, backward


flatten = Layer(
    flatten_vjp,
    inputs=("x",),
    name="flatten",
    dims={"rank": (1, 3), "n": (1, 3), "c": (1, 3), **SIZES, "row_fastest": (0, 1)},
    shapes=lambda d: {"x": (d.n, d.c, *sides(d, d.rank))},
    config=lambda d: {"row_fastest": bool(d.row_fastest)},
    batch_axis={"x": 0, "y": 0},
    features={
        "batch > 1": batch,
        "H != W": lambda point: point["x"].ndim > 3 and point["x"].shape[-1] != point["x"].shape[-2],
        "column by column": lambda point: bool(point.config["row_fastest"]),
        "row by row": lambda point: not point.config["row_fastest"],
    },
)
