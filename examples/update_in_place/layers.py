"""A class whose backward updates the weights at once: its gradients are seen only as old − new.

    cnngrad check examples/update_in_place/layers.py:right
    cnngrad check examples/update_in_place/layers.py:wrong

The adapter hands over a large power of two as the learning rate, so that the difference keeps the gradient's digits,
and puts the weights back. ``wrong`` updates first and computes the gradient of its input with the new weights, a
mistake that hides behind a small rate.
"""

from __future__ import annotations

import cnngrad as cg


class Dense:
    """``x (n, d)``, ``W (d, m)``, ``b (m,)``."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy, rate):
        dx = dy @ self.W.T
        self.W -= rate * self.x.T @ dy
        self.b -= rate * dy.sum(axis=0)
        return dx


class DenseWrong(Dense):
    def backward(self, dy, rate):
        super().backward(dy, rate)
        return dy @ self.W.T


# The glue: which sizes to try, the shape of each input in them, and what backward takes.
shapes = lambda d: {"x": (d.n, d.d), "W": (d.d, d.m), "b": (d.m,)}  # noqa: E731 - short as a user writes it
facts = dict(dims={"n": (1, 3), "d": (1, 3), "m": (1, 3)}, shapes=shapes)
right = cg.from_class(Dense, params=("W", "b"), backward_takes=("dy", "rate"), **facts)
wrong = cg.from_class(DenseWrong, params=("W", "b"), backward_takes=("dy", "rate"), **facts)
