"""Hyperbolic tangent (seeds 002, 004).

Forward ``y = tanh x``; backward ``dx = dy ⊙ (1 - y²)``. Differentiable everywhere.

With ``q = e^{-|x|}``, which never overflows, ``1 - y² = (2q/(1 + q²))²``, which keeps its digits where y is close to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import elementwise
from cnngrad.layers._inputs import cotangent, exp_of_minus_size, floats, gradient


def tanh_vjp(x: Any) -> tuple[Array, Backward]:
    """The hyperbolic tangent of ``x`` of any shape (seeds 002, 004).

    Raises:
        UsageError: ``dy`` of another shape than ``x``.

    >>> y, backward = tanh_vjp([0.0, 1e308, -1e308])
    >>> y.tolist(), backward([4.0, 4.0, 4.0])[0].tolist()
    ([0.0, 1.0, -1.0], [4.0, 0.0, 0.0])
    """
    (x,) = floats(x)
    y = np.tanh(x)

    def backward(dy: Any) -> tuple[Array]:
        dy = cotangent("tanh", dy, x.shape)
        q = exp_of_minus_size(x)
        return (gradient(dy * (2 * q / (1 + q * q)) ** 2, x),)

    return y, backward


tanh = Layer(tanh_vjp, inputs=("x",), name="tanh", **elementwise())
