"""A forward and a backward function with a cache between them: a dense layer followed by relu.

    cnngrad check examples/functions/layers.py:right
    cnngrad check examples/functions/layers.py:wrong

The functions know nothing of cnngrad. ``wrong`` takes relu's mask from the gradient that comes in instead of from
what went into relu. It runs, it trains a little, and a glance at the shapes finds nothing.
"""

from __future__ import annotations

import numpy as np

import cnngrad as cg


def dense_relu_forward(x, w, b):
    """``y = max(x w + b, 0)`` with ``x (n, d)``, ``w (d, m)``, ``b (m,)``; keeps what backward needs."""
    z = x @ w + b
    return np.maximum(z, 0), (x, w, z)


def dense_relu_backward(dout, cache):
    x, w, z = cache
    dz = dout * (z > 0)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


def dense_relu_backward_wrong(dout, cache):
    x, w, _ = cache
    dz = dout * (dout > 0)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


# The glue: which sizes to try, and the shape of each input in them.
dims = {"n": (1, 3), "d": (1, 4), "m": (1, 3)}
facts = dict(dims=dims, shapes=lambda d: {"x": (d.n, d.d), "w": (d.d, d.m), "b": (d.m,)}, batch_axis=0)
right = cg.from_functions(dense_relu_forward, dense_relu_backward, **facts)
wrong = cg.from_functions(dense_relu_forward, dense_relu_backward_wrong, **facts)
