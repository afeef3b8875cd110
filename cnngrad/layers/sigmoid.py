"""Logistic sigmoid (seeds 002, 004).

Forward ``y = 1/(1 + e^{-x})``; backward ``dx = dy ⊙ y(1 - y)``. Differentiable everywhere.

With ``q = e^{-|x|}``, which never overflows, and ``r = 1/(1 + q)``: ``y`` is ``r`` for x ≥ 0, else ``q r``, and
``y(1 - y) = q r²``, which keeps its digits where ``1 - y`` has lost them.
"""

from __future__ import annotations

from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import elementwise
from cnngrad.layers._inputs import cotangent, exp_of_minus_size, floats, gradient


def sigmoid_vjp(x: Any) -> tuple[Array, Backward]:
    """The sigmoid of ``x`` of any shape, finite for every finite ``x`` (seeds 002, 004).

    Raises:
        UsageError: ``dy`` of another shape than ``x``.

    >>> y, backward = sigmoid_vjp([0.0, 1e308, -1e308])
    >>> y.tolist(), backward([4.0, 4.0, 4.0])[0].tolist()
    ([0.5, 1.0, 0.0], [1.0, 0.0, 0.0])
    """
    (x,) = floats(x)
    q = exp_of_minus_size(x)
    r = 1 / (1 + q)
    positive = x.real >= 0
    y = (positive + q * ~positive) * r

    def backward(dy: Any) -> tuple[Array]:
        dy = cotangent("sigmoid", dy, x.shape)
        return (gradient(dy * (q * r * r), x),)

    return y, backward


sigmoid = Layer(sigmoid_vjp, inputs=("x",), name="sigmoid", **elementwise())
