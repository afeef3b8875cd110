"""The numbers by themselves: numerical gradients with an error bound for every entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Array, Vector, outputs_of, shape_text
from cnngrad.core.errors import UsageError
from cnngrad.differentiation.cascade import estimate
from cnngrad.differentiation.exact import has_spare_bits
from cnngrad.differentiation.line import Estimate, Function, Line
from cnngrad.differentiation.precision import bits_near


def coordinates(
    f: Function, at: Vector, dy: Vector, wanted: npt.ArrayLike | None = None, room: Vector | None = None
) -> Estimate:
    """The derivative along every wanted coordinate (all of them if left out), each an estimate of its own.

    Args:
        room: how far each entry may move and stay where f is defined.

    Returns:
        Value and bound as vectors; the bound is infinite where no estimate could be had (a kink, say).
    """
    indices = np.arange(at.size) if wanted is None else np.asarray(wanted)
    y0 = np.asarray(f(at))
    bits = bits_near(f, at, y0, room) if has_spare_bits(y0) else None
    values, bounds, ways = np.full(indices.size, np.nan), np.full(indices.size, np.inf), set()
    for place, index in enumerate(indices):
        direction = np.zeros(at.size)
        direction[index] = 1.0
        found = estimate(Line(f, at, direction, dy, y0, room, bits))
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
    return numerical_vjp(lambda point: _number(loss(point)), x, dy=1.0)[0]


def _number(y: Any) -> Any:
    """An array of one entry is one number."""
    return np.reshape(y, ()) if isinstance(y, np.ndarray) and y.size == 1 else y


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
    if not inputs:
        raise UsageError("no input is given: numerical_vjp(f, x, dy=dy)")
    points = [_real("an input", value) for value in inputs]
    shapes = [point.shape for point in points]
    cotangents = [_real("dy", part) for part in outputs_of(dy)]
    ends = np.cumsum([point.size for point in points])[:-1]

    def outputs(vector: Any) -> list[Any]:
        pieces = [piece.reshape(shape) for piece, shape in zip(np.split(vector, ends), shapes, strict=True)]
        real = not np.iscomplexobj(vector)
        return [_real("what the function returned", y) if real else np.asarray(y) for y in outputs_of(f(*pieces))]

    at = np.concatenate([point.ravel() for point in points])
    _refuse_wrong_cotangent(cotangents, outputs(at))

    def flat(vector: Any) -> Vector:
        return np.concatenate([y.ravel() for y in outputs(vector)])

    found = coordinates(flat, at, np.concatenate([part.ravel() for part in cotangents]))
    parts = zip(np.split(found.value, ends), np.split(found.bound, ends), shapes, strict=True)
    return tuple(Estimate(value.reshape(shape), bound.reshape(shape), found.how) for value, bound, shape in parts)


def _refuse_wrong_cotangent(dy: list[Vector], y: list[Vector]) -> None:
    given, needed = [part.shape for part in dy], [part.shape for part in y]
    if given != needed:
        raise UsageError(
            f"dy has shape {' and '.join(map(str, given))}, the output {' and '.join(map(str, needed))}: "
            "give dy the output's structure and shape"
            + ("; for a gradient the function returns one number" if given == [()] else "")
        )


def _real(what: str, value: Any) -> Vector:
    try:
        if np.asarray(value).dtype.kind not in "fiub":
            raise TypeError(f"it is {shape_text(value)}")
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{what} is no array of real numbers: {error}") from None
