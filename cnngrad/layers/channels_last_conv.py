"""Convolution with the channels last, as F·C separate 2-D correlations (seed 003).

Forward, with ``x (N, *S, C)`` and kernels ``w (F, *K, C)``::

    y[n, ..., f] = b[f] + sum_c corr_valid(x[n, ..., c], w[f, ..., c])          sides m - k + 1

Backward: that of the convolution with the channels on axis 1, its axes moved. Stride, padding and dilation are accepted
as there. Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward
from cnngrad.layers._declare import convolution
from cnngrad.layers._inputs import cotangent, floats, refuse
from cnngrad.layers.conv import conv_vjp


def channels_last_conv_vjp(
    x: Any, w: Any, b: Any, *, stride: Any = 1, pad: Any = 0, dilation: Any = 1
) -> tuple[Array, Backward]:
    """Cross-correlate ``x (N, *S, C)`` with kernels ``w (F, *K, C)`` and add ``b (F,)``; ``y (N, *T, F)`` (seed 003).

    Raises:
        UsageError: fewer than three axes or channels that differ, else as :func:`cnngrad.layers.conv_vjp`.

    >>> x, w = [[[1.0, 0.5], [2.0, 0.0], [3.0, 0.0]]], [[[1.0, 2.0], [10.0, 0.0]]]
    >>> y, backward = channels_last_conv_vjp(x, w, [0.0])
    >>> y.tolist(), backward([[[1.0], [2.0]]])[0].tolist()
    ([[[22.0], [32.0]]], [[[1.0, 2.0], [12.0, 4.0], [20.0, 0.0]]])
    """
    x, w, b = floats(x, w, b)
    refuse(
        "channels_last_conv",
        x.ndim < 3 or x.ndim != w.ndim or x.shape[-1] != w.shape[-1],
        f"x has shape {x.shape} and w {w.shape}",
        "they take (samples, *spatial, channels) and (kernels, *sides, channels) with the same channels",
    )
    z, conv_backward = conv_vjp(_first(x), _first(w), b, stride=stride, pad=pad, dilation=dilation)
    y = _last(z)

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        dx, dw, db = conv_backward(_first(cotangent("channels_last_conv", dy, y.shape)))
        return _last(dx), _last(dw), db

    return y, backward


def _first(channels_last: Array) -> Array:
    return np.moveaxis(channels_last, -1, 1)


def _last(channels_first: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(channels_first, 1, -1))


channels_last_conv = convolution("channels_last_conv", channels_last_conv_vjp, channels_last=True)
