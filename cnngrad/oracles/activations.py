"""Activations entry by entry, by the ``math`` module and ``scipy.special``; derivatives are functions of the input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.oracles.oracle import Config, Gradients, Inputs, Oracle, always, never

Scalar = Callable[[float], float]


def sigmoid(z: float) -> float:
    """``1/(1 + e^-z)``.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    from scipy.special import expit

    return float(expit(z))


def sigmoid_slope(z: float) -> float:
    """``sigma(z) sigma(-z)``, which does not cancel where the sigmoid is near 1."""
    return sigmoid(z) * sigmoid(-z)


def tanh_slope(z: float) -> float:
    """``1/cosh(z)^2``; ``cosh`` overflows where the slope is far below the smallest number."""
    return (1 / math.cosh(z)) ** 2 if abs(z) < 700 else 0.0


def relu_slope(z: float) -> float:
    """0 at exactly 0, as seed 000 chooses."""
    return 1.0 if z > 0 else 0.0


FUNCTIONS: dict[str, tuple[Scalar, Scalar]] = {
    "relu": (lambda z: z if z > 0 else 0.0, relu_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (math.tanh, tanh_slope),
    "identity": (lambda z: z, lambda z: 1.0),
}
EXACT = ("relu", "identity")


def each(function: Scalar, values: Any) -> Array:
    """``function`` of every entry, one call an entry.

    >>> each(relu_slope, np.array([[-1.0, 0.0, 2.0]])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    array = np.asarray(values, dtype=np.float64)
    return np.array([function(float(value)) for value in array.ravel()], dtype=np.float64).reshape(array.shape)


def _oracle(name: str) -> Oracle:
    function, slope = FUNCTIONS[name]

    def forward(inputs: Inputs, config: Config) -> Array:
        return each(function, inputs["x"])

    def gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
        return {"x": dy * each(slope, inputs["x"])}

    exact = always if name in EXACT else never
    return Oracle(f"{name}, entry by entry", (name,), forward, gradients, exact=exact)


ORACLES = tuple(_oracle(name) for name in FUNCTIONS)
