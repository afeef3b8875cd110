"""What every layer does with the arrays it is handed: whole numbers become real, wrong shapes are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Vjp


def floats(*values: Any) -> tuple[Array, ...]:
    """Arrays whose own precision is kept; whole numbers become float64, since a gradient is not whole.

    >>> [a.dtype.name for a in floats([1, 2], np.float32(3))]
    ['float64', 'float32']
    """
    arrays = (np.asarray(value) for value in values)
    return tuple(a.astype(np.float64) if a.dtype.kind in "iub" else a for a in arrays)


def constants(t: Any, like: Array) -> Array:
    """Targets in the precision of the array they are compared with; they stay real where that one is complex."""
    return np.asarray(t, dtype=like.real.dtype)


def cotangent(layer: str, dy: Any, shape: tuple[int, ...]) -> Array:
    """``dy`` as an array of the output's shape: a wrong one would often broadcast without a word.

    Raises:
        UsageError: another shape.
    """
    (array,) = floats(dy)
    if array.shape != shape:
        raise UsageError(f"{layer}: dy has shape {array.shape}; it takes the shape of the output, {shape}")
    return array


def gradient(value: Any, of: Array) -> Array:
    """A gradient in the shape and precision of its input."""
    return np.asarray(value, dtype=of.dtype).reshape(of.shape)


def refuse(layer: str, wrong: bool, given: str, accepted: str) -> None:
    """Raise with both halves of the sentence where something is wrong.

    Raises:
        UsageError: ``wrong`` is true.
    """
    if wrong:
        raise UsageError(f"{layer}: {given}; {accepted}")


def refuse_shape(layer: str, name: str, array: Array, accepted: Sequence[int], because: str) -> None:
    """Refuse an array that has not the one shape the others leave for it.

    Raises:
        UsageError: another shape.
    """
    shape = tuple(accepted)
    refuse(layer, array.shape != shape, f"{name} has shape {array.shape}", f"{because} it takes {shape}")


def of_rank(vjp: Vjp, layer: str, rank: int) -> Vjp:
    """The same function for one number of spatial axes only."""

    def fixed(x: Any, *rest: Any, **config: Any) -> tuple[Any, Backward]:
        given = np.shape(x)
        accepted = f"it takes {rank + 2} axes: samples, channels and {rank} spatial"
        refuse(layer, len(given) != rank + 2, f"x has shape {given}", accepted)
        return vjp(x, *rest, **config)

    return fixed


def exp_of_minus_size(x: Array) -> Array:
    """``e^{-|x|}``, never above 1; of complex numbers |x| is x or -x, whichever has no negative real part.

    >>> exp_of_minus_size(np.array([0.0, -1e308])).tolist()
    [1.0, 0.0]
    """
    size = np.abs(x) if np.isrealobj(x) else np.where(x.real < 0, -x, x)
    return np.asarray(np.exp(-size))
