"""Max pooling (seed 004).

Forward ``y = max of each window``, its place recorded; backward: all of ``dy`` to that place, which is
``upsample_max(dy, place)``; overlapping windows add up. Padding is -inf and never wins, which takes p ≤ K/2.

Not differentiable where two entries of a window tie for the maximum: the first in row-major order gets all of ``dy``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import pool
from cnngrad.layers._inputs import cotangent, floats, gradient
from cnngrad.layers._windows import Windows, pooling, refuse_wide_padding, unpooling


def max_pool_vjp(x: Any, *, window: Any, stride: Any = None, pad: Any = 0) -> tuple[Array, Backward]:
    """The largest entry of each window of ``x (N, C, *S)`` (seed 004).

    Args:
        window: its side, or one side an axis; stride: the same as the window if left out.
        pad: at most half the window.

    Raises:
        UsageError: a window larger than the padded input, padding of more than half a window.

    >>> y, backward = max_pool_vjp([[[1.0, 3.0, 5.0, 5.0, 9.0]]], window=2)
    >>> y.tolist(), backward([[[4.0, 8.0]]])[0].tolist()
    ([[[3.0, 5.0]]], [[[0.0, 4.0, 8.0, 0.0, 0.0]]])
    """
    (x,) = floats(x)
    g = pooling("max_pool", x, window, stride, pad)
    refuse_wide_padding("max_pool", g)
    y, place = _maximum(g.pad_with(x, -np.inf), g)
    shape = y.shape

    def backward(dy: Any) -> tuple[Array]:
        dy = cotangent("max_pool", dy, shape)
        return (gradient(_route(dy, place, g), x),)

    return y, backward


def upsample_max(dy: Any, place: Any, window: Any, *, stride: Any = None, pad: Any = 0, size: Any = None) -> Array:
    """Hand all of each ``dy`` to the recorded place in its window (seed 004).

    Args:
        dy: ``(N, C, *T)``; or maps of any kind if ``window`` is a tuple, whose length says how many last axes pool.
        place: for each ``dy`` the number of the entry inside its window, counted from 0 in row-major order.
        size: the spatial sides of the pooled input; left out, what the windows just cover.

    Raises:
        UsageError: ``dy`` is not what windows over ``size`` give, or ``place`` does not fit ``dy`` or the window.

    >>> upsample_max([[4.0, 12.0]], [[1, 0]], (1, 2)).tolist()
    [[0.0, 4.0, 12.0, 0.0]]
    """
    (dy,) = floats(dy)
    place = np.asarray(place)
    g = unpooling("upsample_max", dy, window, stride, pad, size)
    area = int(np.prod(g.kernel))
    if place.shape != dy.shape or place.dtype.kind not in "iu" or place.min() < 0 or place.max() >= area:
        raise UsageError(
            f"upsample_max: place is {place.dtype} {place.shape}; it takes one whole number from 0 to {area - 1} for "
            f"each entry of dy, {dy.shape}"
        )
    return _route(dy, place, g)


def _maximum(padded: Array, g: Windows) -> tuple[Array, Array]:
    """The maximum of every window and its number inside the window."""
    first, *others = g.taps()
    y = padded[first].copy(order="K")
    place = np.zeros_like(y, np.intp)
    for number, tap in enumerate(others, start=1):
        entry = padded[tap]
        higher = entry.real > y.real
        y = np.where(higher, entry, y) if np.iscomplexobj(y) else np.maximum(y, entry)
        place = np.maximum(place, number * higher)
    return y, place


def _route(dy: Array, place: Array, g: Windows) -> Array:
    padded = g.zeros(dy, dy.dtype)
    for number, tap in enumerate(g.taps()):
        padded[tap] += dy * (place == number)
    return g.crop(padded)


def _has_tie(point: Any) -> bool:
    x = point["x"]
    g = pooling("max_pool", x, **point.config)
    entries = np.stack([g.pad_with(x, -np.inf)[tap] for tap in g.taps()])
    return bool(((entries == entries.max(axis=0)).sum(axis=0) > 1).any())


_declared = pool(half_window=True)
max_pool = Layer(
    max_pool_vjp,
    inputs=("x",),
    name="max_pool",
    batch_axis={"x": 0, "y": 0},
    **_declared | {"features": _declared["features"] | {"ties": _has_tie}},
)
