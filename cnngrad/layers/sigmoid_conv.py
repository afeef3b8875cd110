"""Convolution followed by a sigmoid (seeds 002, 004).

Forward ``y = σ(z)`` with ``z = conv(x, w, b)``; backward as the convolution, with ``δ = dy ⊙ y(1 − y)`` for ``dy``.
Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward
from cnngrad.layers._declare import convolution
from cnngrad.layers.conv import conv_vjp
from cnngrad.layers.sigmoid import sigmoid_vjp


def sigmoid_conv_vjp(
    x: Any, w: Any, b: Any, *, stride: Any = 1, pad: Any = 0, dilation: Any = 1
) -> tuple[Array, Backward]:
    """Cross-correlate ``x (N, C, *S)`` with ``w (F, C, *K)``, add ``b (F,)``, apply the sigmoid (seeds 002, 004).

    Raises:
        UsageError: as :func:`cnngrad.layers.conv_vjp`.

    >>> y, backward = sigmoid_conv_vjp([[[1.0, 2.0, 3.0]]], [[[2.0, -1.0]]], [0.0])
    >>> y.round(3).tolist(), backward([[[4.0, 0.0]]])[0].tolist()
    ([[[0.5, 0.731]]], [[[2.0, -1.0, 0.0]]])
    """
    z, conv_backward = conv_vjp(x, w, b, stride=stride, pad=pad, dilation=dilation)
    y, sigmoid_backward = sigmoid_vjp(z)

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        (delta,) = sigmoid_backward(dy)
        dx, dw, db = conv_backward(delta)
        return dx, dw, db

    return y, backward


sigmoid_conv = convolution("sigmoid_conv", sigmoid_conv_vjp)
