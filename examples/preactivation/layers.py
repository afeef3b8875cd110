"""A class in the letters of the source text on backpropagation (seed 001): a before, b after the activation.

    cnngrad check examples/preactivation/layers.py:right
    cnngrad check examples/preactivation/layers.py:wrong

Its δ is taken before the activation: the layer takes δ_k and hands down ``δ_h = f'(a_h) Σ_k W_hk δ_k``. That is not
the gradient of its own forward, but exactly the one of ``a ↦ W f(a) + bias``; declared, it is verified as that.
``wrong`` follows the text's misprint, in which the weights are summed by themselves: ``δ_h = f'(a_h) δ_k Σ W_hk``.
"""

from __future__ import annotations

import numpy as np

import cnngrad as cg


def f(a):
    """The sigmoid, in a form that is finite for every a."""
    return 0.5 + 0.5 * np.tanh(0.5 * a)


class Hidden:
    """``W (h, k)``, ``bias (k,)``; a row of ``b_h (n, h)`` is one example."""

    def __init__(self, W, bias):
        self.W, self.bias = W, bias

    def forward(self, b_h):
        self.b_h = b_h
        self.a_k = b_h @ self.W + self.bias
        return f(self.a_k)

    def backward(self, delta_k):
        self.dW, self.dbias = self.b_h.T @ delta_k, delta_k.sum(axis=0)
        slope = self.b_h * (1 - self.b_h)
        return slope * (delta_k @ self.W.T)


class HiddenMisprinted(Hidden):
    def backward(self, delta_k):
        super().backward(delta_k)
        slope = self.b_h * (1 - self.b_h)
        return slope * delta_k.sum(axis=1, keepdims=True) * self.W.sum(axis=1)


# The glue: which sizes to try, the shape of each input in them, and what δ means.
shapes = lambda d: {"b_h": (d.n, d.h), "W": (d.h, d.k), "bias": (d.k,)}  # noqa: E731 - short as a user writes it
facts = dict(dims={"n": (1, 3), "h": (1, 3), "k": (1, 3)}, shapes=shapes, batch_axis={"b_h": 0, "y": 0})
meant = dict(params={"W": "dW", "bias": "dbias"}, cotangent="preactivation", activation="sigmoid")
right = cg.from_class(Hidden, input="b_h", **meant, **facts)
wrong = cg.from_class(HiddenMisprinted, input="b_h", **meant, **facts)
