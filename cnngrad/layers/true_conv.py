"""True convolution, MATLAB's ``convn``: the kernel is rotated by 180 degrees in the forward pass (seed 004).

Forward and backward::

    y[n, f]  = b[f] + sum_c conv_valid(x[n, c], w[f, c])
    dx[n, c] = sum_f corr_full(dy[n, f], w[f, c])                which is convn(d, rot180(k), 'full')
    dw[f, c] = sum_n conv_valid(flip(x[n, c]), dy[n, f])         db[f] = sum_n sum_space dy[n, f]

It is the cross-correlation with the rotated kernel; rotating is a permutation, so the kernel's gradient is rotated
back. Stride, padding and dilation are those of the cross-correlation. Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward
from cnngrad.layers._declare import convolution
from cnngrad.layers._inputs import floats
from cnngrad.layers.conv import conv_vjp


def true_conv_vjp(
    x: Any, w: Any, b: Any, *, stride: Any = 1, pad: Any = 0, dilation: Any = 1
) -> tuple[Array, Backward]:
    """Convolve ``x (N, C, *S)`` with kernels ``w (F, C, *K)`` and add the bias ``b (F,)`` (seed 004).

    Raises:
        UsageError: as :func:`cnngrad.layers.conv_vjp`.

    >>> y, backward = true_conv_vjp([[[1.0, 2.0, 3.0]]], [[[1.0, 10.0]]], [0.0])
    >>> y.tolist(), [g.tolist() for g in backward([[[1.0, 2.0]]])]
    ([[[12.0, 23.0]]], [[[[10.0, 21.0, 2.0]]], [[[8.0, 5.0]]], [3.0]])
    """
    (w,) = floats(w)
    y, correlation_backward = conv_vjp(x, _rot180(w), b, stride=stride, pad=pad, dilation=dilation)

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        dx, d_rotated, db = correlation_backward(dy)
        return dx, np.ascontiguousarray(_rot180(d_rotated)), db

    return y, backward


def _rot180(w: Array) -> Array:
    """Turned along every spatial axis."""
    return np.flip(w, axis=tuple(range(2, w.ndim)))


true_conv = convolution("true_conv", true_conv_vjp)
true_conv1d = convolution("true_conv1d", true_conv_vjp, rank=1)
true_conv2d = convolution("true_conv2d", true_conv_vjp, rank=2)
true_conv3d = convolution("true_conv3d", true_conv_vjp, rank=3)
