"""A primitive of HIPS autograd with a hand-written vjp: the softplus of a weighted sum.

    cnngrad check examples/autograd_primitive/layers.py:right
    cnngrad check examples/autograd_primitive/layers.py:wrong

``wrong`` multiplies by σ(z)(1 − σ(z)), the slope of the sigmoid, where the slope of softplus is σ(z) itself.
"""

from __future__ import annotations

import numpy as np
from autograd.extend import defvjp, primitive

import cnngrad as cg


def softplus_dense(x, w):
    """``y = log(1 + exp(x w))`` with ``x (n, d)``, ``w (d, m)``; no large number is ever exponentiated."""
    z = x @ w
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def sigmoid(z):
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def with_slope(function, slope):
    """The primitive, given the slope of its activation."""
    made = primitive(function)
    defvjp(
        made,
        lambda y, x, w: lambda dy: (dy * slope(x @ w)) @ w.T,
        lambda y, x, w: lambda dy: x.T @ (dy * slope(x @ w)),
    )
    return made


# The glue: which sizes to try, and the shape of each input in them.
facts = dict(dims={"n": (1, 3), "d": (1, 3), "m": (1, 3)}, shapes=lambda d: {"x": (d.n, d.d), "w": (d.d, d.m)})
right = cg.from_autograd(with_slope(softplus_dense, sigmoid), inputs=("x", "w"), batch_axis={"x": 0, "y": 0}, **facts)
wrong = cg.from_autograd(with_slope(softplus_dense, lambda z: sigmoid(z) * sigmoid(-z)), inputs=("x", "w"), **facts)
