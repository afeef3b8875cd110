"""Fully connected layer (seeds 000, 001).

Forward ``y = x Wᵀ + b``; backward ``dx = dy W``, ``dW = dyᵀ x``, ``db = Σ_n dy``. Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import batch
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse, refuse_shape


def dense_vjp(x: Any, w: Any, b: Any) -> tuple[Array, Backward]:
    """Map samples ``x (N, D)`` to ``y (N, F)`` with weights ``w (F, D)`` and a bias ``b (F,)`` (seeds 000, 001).

    Raises:
        UsageError: shapes that do not belong together.

    >>> y, backward = dense_vjp([[1.0, 2.0]], [[3.0, 4.0]], [5.0])
    >>> y.tolist(), [g.tolist() for g in backward([[1.0]])]
    ([[16.0]], [[[3.0, 4.0]], [[1.0, 2.0]], [1.0]])
    """
    x, w, b = floats(x, w, b)
    refuse(
        "dense",
        x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[1],
        f"x has shape {x.shape} and w {w.shape}",
        "they take (samples, features) and (outputs, features) with the same features; flatten maps first",
    )
    refuse_shape("dense", "b", b, (len(w),), f"with {len(w)} outputs")
    y = x @ w.T + b

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        dy = cotangent("dense", dy, (len(x), len(w)))
        return gradient(dy @ w, x), gradient(dy.T @ x, w), gradient(dy.sum(axis=0), b)

    return y, backward


dense = Layer(
    dense_vjp,
    inputs=("x", "w", "b"),
    name="dense",
    dims={"n": (1, 3), "features": (1, 5), "outputs": (1, 4)},
    shapes=lambda d: {"x": (d.n, d.features), "w": (d.outputs, d.features), "b": (d.outputs,)},
    batch_axis={"x": 0, "y": 0},
    features={"batch > 1": batch},
)
