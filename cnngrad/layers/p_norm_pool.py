"""p-norm pooling, real p ≥ 1 (seed 002).

Forward ``y = m (Σ (|x|/m)^p)^{1/p}`` with ``m = max |x|`` of the window, so that no power overflows or vanishes;
backward ``dx = dy · sign(x) (|x|/y)^{p-1}``, 0 where y = 0. Padding is zeros; overlapping windows add up.

Not differentiable where a whole window is 0, and for p = 1 where an entry is 0: the gradient there is 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import pool
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse
from cnngrad.layers._windows import Windows, pooling


def p_norm_pool_vjp(x: Any, *, window: Any, p: float = 2, stride: Any = None, pad: Any = 0) -> tuple[Array, Backward]:
    """The p-norm of each window of ``x (N, C, *S)`` (seed 002).

    Args:
        window: its side, or one side an axis; stride: the same as the window if left out.
        p: any finite real number from 1 on.

    Raises:
        UsageError: p below 1, a window larger than the padded input.

    >>> y, backward = p_norm_pool_vjp([[[3.0, -4.0, 0.0, 0.0]]], window=2)
    >>> y.tolist(), backward([[[5.0, 5.0]]])[0].tolist()
    ([[[5.0, 0.0]]], [[[3.0, -4.0, 0.0, 0.0]]])
    """
    (x,) = floats(x)
    refuse("p_norm_pool", not (p >= 1 and math.isfinite(p)), f"p={p!r}", "it takes a finite number from 1 on")
    g = pooling("p_norm_pool", x, window, stride, pad)
    sign = np.sign(x.real)
    sign, size = g.pad_with(sign), g.pad_with(sign * x)
    largest = _largest(size, g)
    total = sum(((size[tap] / largest) ** p for tap in g.taps()), np.zeros((), x.dtype))
    # 1 where the window is empty, so that the ratio below is 0/1
    norm = np.where(total == 0, 1, total) ** (1 / p)
    y = largest * np.where(total == 0, 0, norm)

    def backward(dy: Any) -> tuple[Array]:
        dy = cotangent("p_norm_pool", dy, largest.shape)
        padded = g.zeros(x, np.result_type(dy, x))
        for tap in g.taps():
            ratio = size[tap] / largest / norm
            padded[tap] += dy * sign[tap] * ratio ** (p - 1)
        return (gradient(g.crop(padded), x),)

    return y, backward


def _largest(size: Array, g: Windows) -> Array:
    """The largest |x| of every window, and 1 where all are 0."""
    first, *others = g.taps()
    largest = size.real[first].copy()
    for tap in others:
        np.maximum(largest, size.real[tap], out=largest)
    return np.where(largest == 0, largest.dtype.type(1), largest)


def _has_zero_window(point: Any) -> bool:
    y, _ = p_norm_pool_vjp(point["x"], **point.config)
    return bool((y == 0).any())


_declared = pool()
p_norm_pool = Layer(
    p_norm_pool_vjp,
    inputs=("x",),
    name="p_norm_pool",
    batch_axis={"x": 0, "y": 0},
    **_declared
    | {
        "dims": _declared["dims"] | {"p2": (2, 7)},
        "config": lambda d: _declared["config"](d) | {"p": d.p2 / 2},
        "features": _declared["features"]
        | {
            "zero window": _has_zero_window,
            "p = 1": lambda point: point.config["p"] == 1,
            "p = 2": lambda point: point.config["p"] == 2,
            "fractional p": lambda point: point.config["p"] % 1 != 0,
        },
    },
)
