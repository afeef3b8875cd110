"""Convolution followed by a rectifier (seed 000).

Forward ``y = max(z, 0)`` with ``z = conv(x, w, b)``; backward as the convolution, with ``δ = dy ⊙ [z > 0]`` for ``dy``.
Not differentiable where z = 0; there the gradient is 0.
"""

from __future__ import annotations

from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward
from cnngrad.layers._declare import convolution
from cnngrad.layers.conv import conv_vjp
from cnngrad.layers.relu import relu_vjp


def relu_conv_vjp(
    x: Any, w: Any, b: Any, *, stride: Any = 1, pad: Any = 0, dilation: Any = 1
) -> tuple[Array, Backward]:
    """Cross-correlate ``x (N, C, *S)`` with ``w (F, C, *K)``, add ``b (F,)``, apply the relu (seed 000).

    Raises:
        UsageError: as :func:`cnngrad.layers.conv_vjp`.

    >>> y, backward = relu_conv_vjp([[[1.0, 2.0, 3.0]]], [[[2.0, -1.0]]], [-1.0])
    >>> y.tolist(), [g.tolist() for g in backward([[[5.0, 5.0]]])]
    ([[[0.0, 0.0]]], [[[[0.0, 0.0, 0.0]]], [[[0.0, 0.0]]], [0.0]])
    """
    z, conv_backward = conv_vjp(x, w, b, stride=stride, pad=pad, dilation=dilation)
    y, relu_backward = relu_vjp(z)

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        (delta,) = relu_backward(dy)
        dx, dw, db = conv_backward(delta)
        return dx, dw, db

    return y, backward


relu_conv = convolution("relu_conv", relu_conv_vjp)
