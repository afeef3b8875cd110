"""Weight decay (seed 002), for weights, never for biases.

Forward ``R = (λ/2) Σ W²``; backward ``dW = dE · λ W``. Differentiable everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse


def weight_decay_vjp(w: Any, *, decay: float = 1e-4) -> tuple[Array, Backward]:
    """The penalty ``R``, a scalar, on weights of any shape; ``decay`` is the text's λ (seed 002).

    Raises:
        UsageError: a negative decay, which would reward large weights.

    >>> R, backward = weight_decay_vjp([3.0, 4.0], decay=0.5)
    >>> float(R), backward(1.0)[0].tolist()
    (6.25, [1.5, 2.0])
    """
    (w,) = floats(w)
    refuse("weight_decay", not 0 <= decay < math.inf, f"decay={decay!r}", "it takes a finite number from 0 on")

    def backward(dE: Any) -> tuple[Array]:
        return (gradient(cotangent("weight_decay", dE, ()) * decay * w, w),)

    return decay / 2 * np.sum(w**2), backward


weight_decay = Layer(
    weight_decay_vjp,
    inputs=("w",),
    name="weight_decay",
    dims={"rows": (1, 4), "columns": (1, 4), "quarters": (1, 5)},
    shapes=lambda d: {"w": (d.rows, d.columns)},
    config=lambda d: {"decay": d.quarters / 4},
)
