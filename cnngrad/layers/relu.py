"""Rectifier (seed 000).

Forward ``y = max(x, 0)``; backward ``dx = dy ⊙ [x > 0]``. Not differentiable at x = 0; there the text chooses 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import elementwise
from cnngrad.layers._inputs import cotangent, floats, gradient


def relu_vjp(x: Any) -> tuple[Array, Backward]:
    """Rectify ``x`` of any shape (seed 000).

    Raises:
        UsageError: ``dy`` of another shape than ``x``.

    >>> y, backward = relu_vjp([-1.0, 0.0, 2.0])
    >>> y.tolist(), backward([5.0, 5.0, 5.0])[0].tolist()
    ([0.0, 0.0, 2.0], [0.0, 0.0, 5.0])
    """
    (x,) = floats(x)
    y = np.maximum(x, 0)
    positive = x.real > 0

    def backward(dy: Any) -> tuple[Array]:
        dy = cotangent("relu", dy, x.shape)
        return (gradient(dy * positive, x),)

    return y, backward


relu = Layer(
    relu_vjp,
    inputs=("x",),
    name="relu",
    **elementwise(),
    features={"zeros": lambda point: bool((point["x"] == 0).any())},
)
