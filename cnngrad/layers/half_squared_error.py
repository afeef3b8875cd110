"""Half the squared error, averaged over the batch (seeds 002, 004).

Forward ``E = (1/2N) Σ_n ‖y - t‖²``; backward ``dy = dE · (y - t)/N``; the targets t are constants. Differentiable
everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._inputs import constants, cotangent, floats, gradient, refuse, refuse_shape


def half_squared_error_vjp(y: Any, t: Any) -> tuple[Array, Backward]:
    """The cost ``E``, a scalar, of outputs ``y (N, ...)`` against targets ``t`` of the same shape (seeds 002, 004).

    Raises:
        UsageError: outputs without a batch axis, targets of another shape.

    >>> E, backward = half_squared_error_vjp([[1.0, 2.0], [3.0, 4.0]], [[0.0, 2.0], [3.0, 2.0]])
    >>> float(E), backward(1.0)[0].tolist()
    (1.25, [[0.5, 0.0], [0.0, 1.0]])
    """
    (y,) = floats(y)
    t = constants(t, y)
    refuse("half_squared_error", y.ndim < 1, f"y has shape {y.shape}", "it takes (samples, ...)")
    refuse_shape("half_squared_error", "t", t, y.shape, "one target an output, so with these y")
    error = y - t

    def backward(dE: Any) -> tuple[Array, None]:
        return gradient(cotangent("half_squared_error", dE, ()) * error / len(y), y), None

    return np.sum(error**2) / (2 * len(y)), backward


half_squared_error = Layer(
    half_squared_error_vjp,
    inputs=("y", "t"),
    constants=("t",),
    name="half_squared_error",
    dims={"n": (1, 3), "outputs": (1, 5)},
    shapes=lambda d: {"y": (d.n, d.outputs), "t": (d.n, d.outputs)},
    features={"batch > 1": lambda point: len(point["y"]) > 1},
)
