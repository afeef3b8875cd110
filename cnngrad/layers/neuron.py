"""A single neuron with its cost (seed 002).

Forward ``a = σ(w·x + b)``, ``E = ½(t - a)²``; backward with ``δ = (a - t) a(1 - a)``::

    dw = δ x        db = δ        dx = δ w        each times dE

The target t (the text's y) is a constant. Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._inputs import constants, cotangent, floats, gradient, refuse, refuse_shape
from cnngrad.layers.sigmoid import sigmoid_vjp


def neuron_vjp(x: Any, w: Any, b: Any, t: Any) -> tuple[Array, Backward]:
    """The cost ``E``, a scalar, of one neuron at one example ``x (D,)`` with ``w (D,)`` and scalars b, t (seed 002).

    Raises:
        UsageError: shapes that do not belong together.

    >>> E, backward = neuron_vjp([1.0, 2.0], [2.0, -1.0], 0.0, 1.0)
    >>> float(E), [g.tolist() for g in backward(8.0)[:3]]
    (0.125, [[-2.0, 1.0], [-1.0, -2.0], -1.0])
    """
    x, w, b = floats(x, w, b)
    refuse("neuron", x.ndim != 1, f"x has shape {x.shape}", "it takes one example, (features,)")
    refuse_shape("neuron", "w", w, x.shape, f"with x of shape {x.shape}")
    refuse_shape("neuron", "b", b, (), "for one neuron")
    z = w @ x + b
    t = constants(t, z)
    refuse_shape("neuron", "t", t, (), "for one neuron")
    a, sigmoid_backward = sigmoid_vjp(z)

    def backward(dE: Any) -> tuple[Array, Array, Array, None]:
        (delta,) = sigmoid_backward(cotangent("neuron", dE, ()) * (a - t))
        return gradient(delta * w, x), gradient(delta * x, w), gradient(delta, b).copy(), None

    return 0.5 * (a - t) ** 2, backward


neuron = Layer(
    neuron_vjp,
    inputs=("x", "w", "b", "t"),
    constants=("t",),
    name="neuron",
    dims={"features": (1, 5)},
    shapes=lambda d: {"x": (d.features,), "w": (d.features,), "b": (), "t": ()},
)
