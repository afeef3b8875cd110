"""Batch normalisation over all axes but the channels, axis 1 (not in the source texts; users need it).

Forward, with the mean μ and the population variance of each channel::

    x̂ = (x - μ)/√(var + ε)        y = γ x̂ + β

Backward, means and sums over the same axes::

    dx = γ/√(var + ε) · (dy - mean(dy) - x̂ mean(dy ⊙ x̂))        dγ = Σ dy ⊙ x̂        dβ = Σ dy

Differentiable everywhere, as ε > 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import SIZES, batch, sides
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse, refuse_shape


def batch_norm_vjp(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> tuple[Array, Backward]:
    """Normalise each channel of ``x (N, C, *S)``, scale by ``gamma (C,)``, shift by ``beta (C,)``.

    Raises:
        UsageError: fewer than two axes, parameters that are not one number a channel, an eps that is not positive.

    >>> y, backward = batch_norm_vjp([[1.0], [3.0]], [2.0], [10.0], eps=3.0)
    >>> y.tolist(), [g.tolist() for g in backward([[4.0], [0.0]])]
    ([[9.0], [11.0]], [[[1.5], [-1.5]], [-2.0], [4.0]])
    """
    x, gamma, beta = floats(x, gamma, beta)
    refuse("batch_norm", x.ndim < 2, f"x has shape {x.shape}", "it takes (samples, channels, *spatial)")
    refuse("batch_norm", not 0 < eps < math.inf, f"eps={eps!r}", "it takes a finite number above 0")
    refuse_shape("batch_norm", "gamma", gamma, x.shape[1:2], f"with {x.shape[1]} channels")
    refuse_shape("batch_norm", "beta", beta, x.shape[1:2], f"with {x.shape[1]} channels")
    # One axis for all places of a map: NumPy sums it in one run.
    maps = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    count = len(x) * maps.shape[2]
    centred = maps - _each(maps.mean(axis=(0, 2)))
    deviation = np.sqrt((centred**2).mean(axis=(0, 2)) + eps)
    # γ x̂ with one number a channel divided by the deviation, not every entry.
    y = centred * _each(gamma / deviation) + _each(beta)

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        dy = cotangent("batch_norm", dy, x.shape).reshape(maps.shape)
        d_gamma, d_beta = (dy * centred).sum(axis=(0, 2)) / deviation, dy.sum(axis=(0, 2))
        # The means of dy ⊙ x̂ and of dy are these sums, divided by how many entries there are.
        across = dy - _each(d_beta / count) - centred * _each(d_gamma / (count * deviation))
        return gradient(across * _each(gamma / deviation), x), gradient(d_gamma, gamma), gradient(d_beta, beta)

    return y.reshape(x.shape), backward


def _each(channel: Array) -> Array:
    """One number a channel, for every place of its maps."""
    return channel[:, None]


batch_norm = Layer(
    batch_norm_vjp,
    inputs=("x", "gamma", "beta"),
    name="batch_norm",
    dims={"rank": (0, 3), "n": (1, 4), "c": (1, 3), **dict.fromkeys(SIZES, (1, 3)), "large_eps": (0, 1)},
    shapes=lambda d: {"x": (d.n, d.c, *_sides(d)), "gamma": (d.c,), "beta": (d.c,)},
    config=lambda d: {"eps": 0.25 if d.large_eps else 1e-5},
    # Two numbers are normalised to -1 and 1 wherever they are, one to 0: dx would say nothing.
    where=lambda d: 3 <= d.n * math.prod(_sides(d)) <= 60,
    features={"batch > 1": batch, "batch = 1": lambda point: not batch(point), "vectors": lambda p: p["x"].ndim == 2},
)


def _sides(d: Any) -> tuple[int, ...]:
    return sides(d, d.rank) if d.rank else ()
