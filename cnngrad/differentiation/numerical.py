"""The numbers by themselves: numerical gradients with an error bound for every entry."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Array, Vector, flatten, outputs_of
from cnngrad.core.errors import UsageError
from cnngrad.differentiation.cascade import estimate
from cnngrad.differentiation.line import Estimate, Function, Line


def coordinates(f: Function, at: Vector, dy: Vector, wanted: npt.ArrayLike | None = None) -> Estimate:
    """The derivative along every wanted coordinate (all of them if left out), each an estimate of its own.

    Returns:
        Value and bound as vectors; the bound is infinite where no estimate could be had (a kink, say).
    """
    indices = np.arange(at.size) if wanted is None else np.asarray(wanted, dtype=int)
    y0 = np.asarray(f(at))
    values, bounds, ways = np.full(indices.size, np.nan), np.full(indices.size, np.inf), set()
    for place, index in enumerate(indices):
        direction = np.zeros(at.size)
        direction[index] = 1.0
        found = estimate(Line(f, at, direction, dy, y0))
        if found is not None:
            values[place], bounds[place] = found.value, found.bound
            ways.add(found.how)
    return Estimate(values, bounds, " and ".join(sorted(ways)) or "none")


def numerical_gradient(loss: Callable[[Array], Any], x: npt.ArrayLike) -> Estimate:
    """The gradient of a scalar function by differences.

    Args:
        loss: takes one array, returns a number.
        x: the point, any shape.

    Returns:
        Value and bound, both of the shape of ``x``; the bound is infinite at entries that could not be had.

    Raises:
        UsageError: ``x`` is not numeric, or ``loss`` returns more than one number.

    >>> found = numerical_gradient(lambda x: np.sum(x**2), [1.0, 3.0])
    >>> found.value.tolist(), bool(np.all(found.bound < 1e-12))
    ([2.0, 6.0], True)
    """
    return numerical_vjp(loss, x, dy=1.0)[0]


def numerical_vjp(f: Callable[..., Any], *inputs: npt.ArrayLike, dy: Any) -> tuple[Estimate, ...]:
    """The vector-Jacobian product of a function by differences: what its backward ought to return for ``dy``.

    Args:
        f: takes the inputs, returns an array, a number or a tuple of arrays.
        inputs: arrays of any shape.
        dy: the cotangent, in the structure and shape of the output.

    Returns:
        One estimate an input, value and bound of that input's shape.

    Raises:
        UsageError: an input that is not numeric, or a ``dy`` that does not fit the output.

    >>> numerical_vjp(np.multiply, [1.0, 2.0], [3.0, 4.0], dy=np.array([1.0, 1.0]))[0].value.tolist()
    [3.0, 4.0]
    """
    points = [_as_point(value) for value in inputs]
    shapes = [point.shape for point in points]
    cotangent = flatten([np.asarray(part, dtype=np.float64) for part in outputs_of(dy)])

    def flat(vector: Any) -> Vector:
        sizes = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        pieces = [piece.reshape(shape) for piece, shape in zip(np.split(vector, sizes), shapes, strict=True)]
        parts = [np.ravel(part) for part in outputs_of(f(*pieces))]
        return np.concatenate([np.asarray(part, dtype=np.result_type(part, np.float64)) for part in parts])

    at = np.concatenate([point.ravel() for point in points])
    size = flat(at).size
    if size != cotangent.size:
        raise UsageError(
            f"dy has {cotangent.size} entries, the output has {size}: give dy the output's structure and shape"
            + ("" if cotangent.size != 1 else "; for a gradient the function returns one number")
        )
    found = coordinates(flat, at, cotangent)
    ends = np.cumsum([point.size for point in points])[:-1]
    parts = zip(np.split(found.value, ends), np.split(found.bound, ends), shapes, strict=True)
    return tuple(Estimate(value.reshape(shape), bound.reshape(shape), found.how) for value, bound, shape in parts)


def _as_point(value: npt.ArrayLike) -> Vector:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"an input is no array of real numbers: {error}") from None
