"""The linear activation (seeds 001, 004): ``y = x``, ``dx = dy``, each a copy. Differentiable everywhere."""

from __future__ import annotations

from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import elementwise
from cnngrad.layers._inputs import cotangent, floats, gradient


def identity_vjp(x: Any) -> tuple[Array, Backward]:
    """``x`` of any shape as it is (seed 004's linear f).

    Raises:
        UsageError: ``dy`` of another shape than ``x``.

    >>> y, backward = identity_vjp([1.0, 2.0])
    >>> y.tolist(), backward([3.0, 4.0])[0].tolist()
    ([1.0, 2.0], [3.0, 4.0])
    """
    (x,) = floats(x)

    def backward(dy: Any) -> tuple[Array]:
        return (gradient(cotangent("identity", dy, x.shape), x).copy(),)

    return x.copy(), backward


identity = Layer(identity_vjp, inputs=("x",), name="identity", **elementwise())
