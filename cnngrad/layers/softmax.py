"""Softmax along the last axis (seed 000).

Forward ``p = e^{z - max z} / Σ e^{z - max z}``; backward ``dz = p ⊙ (dp - Σ_k dp_k p_k)``. Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse


def softmax_vjp(z: Any) -> tuple[Array, Backward]:
    """Probabilities ``p (..., K)`` of the scores ``z (..., K)``, finite for every finite ``z`` (seed 000).

    Raises:
        UsageError: no axis to normalise.

    >>> p, backward = softmax_vjp([[0.0, 0.0], [1e308, -1e308]])
    >>> p.tolist(), backward([[4.0, 0.0], [0.0, 4.0]])[0].tolist()
    ([[0.5, 0.5], [1.0, 0.0]], [[1.0, -1.0], [0.0, 0.0]])
    """
    (z,) = floats(z)
    refuse("softmax", z.ndim < 1, f"z has shape {z.shape}", "it takes (..., classes)")
    e = np.exp(below_maximum(z))
    p = e / e.sum(axis=-1, keepdims=True)
    kept = p.copy()

    def backward(dp: Any) -> tuple[Array]:
        dp = cotangent("softmax", dp, z.shape)
        return (gradient(kept * (dp - (dp * kept).sum(axis=-1, keepdims=True)), z),)

    return p, backward


def below_maximum(z: Array) -> Array:
    """``z - max z`` along the last axis; where that is no finite number, the lowest there is.

    >>> below_maximum(np.array([1.7e308, -1.7e308])).tolist()
    [0.0, -1.7976931348623157e+308]
    """
    half = z / 2 - z.max(axis=-1, keepdims=True) / 2
    # A NumPy scalar of the same precision: a Python float would refuse to become a float32.
    lowest = np.finfo(z.dtype).min / 2
    return np.asarray(2 * np.maximum(half, lowest))


softmax = Layer(
    softmax_vjp,
    inputs=("z",),
    name="softmax",
    dims={"n": (1, 3), "classes": (2, 6)},
    shapes=lambda d: {"z": (d.n, d.classes)},
    batch_axis={"z": 0, "y": 0},
    features={"batch > 1": lambda point: len(point["z"]) > 1},
)
