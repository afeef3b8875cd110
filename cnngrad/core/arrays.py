"""Arrays in and out of a layer: flat vectors, short numbers, and the structure of an output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

SIGNIFICANT_BITS = 12


def round_to_bits(values: npt.ArrayLike, bits: int = SIGNIFICANT_BITS) -> Vector:
    """Round every entry to ``bits`` significant bits, so that points print short and add without rounding.

    >>> round_to_bits([1 / 3, 1e6 / 3]).tolist()
    [0.3333740234375, 333312.0]
    """
    mantissa, exponent = np.frexp(np.asarray(values, dtype=np.float64))
    rounded: Vector = np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)
    return rounded


def is_differentiable(value: Any) -> bool:
    """Whether an output or input holds real floating-point numbers."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return isinstance(value, float)
    # bfloat16 and its kin are registered by ml_dtypes outside NumPy's own kinds; their kind is "V".
    return np.issubdtype(dtype, np.floating) or "float" in str(dtype)


def outputs_of(y: Any) -> tuple[Any, ...]:
    """The outputs of a layer as a tuple, whether it returns one array, a scalar or a tuple of them."""
    return tuple(y) if isinstance(y, (tuple, list)) else (y,)


def flatten(parts: Sequence[Any]) -> Vector:
    """All differentiable entries of ``parts``, in order, as one float64 vector.

    >>> flatten([np.ones((1, 2)), 3.0, np.array([7])]).tolist()
    [1.0, 1.0, 3.0]
    """
    chosen = [np.asarray(part, dtype=np.float64).ravel() for part in parts if is_differentiable(part)]
    return np.concatenate(chosen) if chosen else np.empty(0)


def unflatten(vector: Vector, like: Sequence[Any]) -> list[Any]:
    """The inverse of :func:`flatten`; entries that are not differentiable come back as they are in ``like``.

    The real or complex type of ``vector`` is kept.

    >>> unflatten(np.arange(3.0), [np.zeros((1, 2)), 0.0])[0].tolist()
    [[0.0, 1.0]]
    """
    parts: list[Any] = []
    start = 0
    for part in like:
        if not is_differentiable(part):
            parts.append(part)
            continue
        shape = np.shape(part)
        size = math.prod(shape)
        parts.append(vector[start : start + size].reshape(shape).copy())
        start += size
    return parts


def cotangent_like(y: Any, vector: Vector) -> Any:
    """``vector`` in the structure of ``y``: array for array, scalar for scalar; ``None`` where y is not float."""
    pieces = unflatten(vector, outputs_of(y))
    shaped = [
        _as_output(piece, output) if is_differentiable(output) else None
        for piece, output in zip(pieces, outputs_of(y), strict=True)
    ]
    return tuple(shaped) if isinstance(y, (tuple, list)) else shaped[0]


def _as_output(piece: Any, output: Any) -> Any:
    """A scalar output gets a scalar cotangent; every array gets one of its own precision."""
    dtype = getattr(output, "dtype", np.float64)
    return piece.astype(dtype)[()] if np.ndim(output) == 0 else piece.astype(dtype)


def shape_text(value: Any) -> str:
    """How messages name an array.

    >>> shape_text(np.zeros((2, 3))), shape_text("abc")
    ('float64 (2, 3)', "str 'abc'")
    """
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} {tuple(value.shape)}"
    return f"{type(value).__name__} {value!r:.40}"


def number(value: float | None) -> str:
    """Seven significant digits and no more than needed.

    >>> number(4.0), number(1 / 3), number(1e-12), number(None)
    ('4', '0.3333333', '1e-12', 'nothing')
    """
    return "nothing" if value is None else f"{value:.7g}"
