"""Trainable subsampling (seed 004, after Bouvrie's Notes on Convolutional Neural Networks).

Forward, with ``down`` the **sum** over each block and f the identity or the sigmoid::

    u[n, c] = β[c] · down(x[n, c]) + b[c]        y = f(u)

Backward, with ``δ = dy ⊙ f′(u)``::

    dβ[c] = Σ δ ⊙ down(x)        db[c] = Σ δ        dx = β · upsample(δ)

The blocks touch and must divide the sides. Differentiable everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import SIZES, batch, sides
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse, refuse_shape
from cnngrad.layers._windows import Windows, pooling
from cnngrad.layers.identity import identity_vjp
from cnngrad.layers.sigmoid import sigmoid_vjp

ACTIVATIONS = {"identity": identity_vjp, "sigmoid": sigmoid_vjp}


def subsample_vjp(x: Any, beta: Any, b: Any, *, window: Any, activation: str = "identity") -> tuple[Array, Backward]:
    """Sum each block of ``x (N, C, *S)``, scale by ``beta (C,)``, shift by ``b (C,)``, apply f (seed 004).

    Args:
        window: the side of a block, or one side an axis.
        activation: ``"identity"`` or ``"sigmoid"``.

    Raises:
        UsageError: a block that does not divide the sides, an unknown activation, a parameter of another shape.

    >>> y, backward = subsample_vjp([[[1.0, 2.0, 3.0, 4.0]]], [10.0], [1.0], window=2)
    >>> y.tolist(), [g.tolist() for g in backward([[[1.0, 2.0]]])]
    ([[[31.0, 71.0]]], [[[[10.0, 10.0, 20.0, 20.0]]], [17.0], [3.0]])
    """
    x, beta, b = floats(x, beta, b)
    g = pooling("subsample", x, window, None, 0)
    _refuse_wrong_inputs(x, beta, b, g, activation)
    over_channels = (slice(None), *[None] * g.rank)
    down = sum((x[tap] for tap in g.taps()), np.zeros((), x.dtype))
    y, activation_backward = ACTIVATIONS[activation](beta[over_channels] * down + b[over_channels])
    all_but_channels = (0, *range(2, x.ndim))

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        (delta,) = activation_backward(cotangent("subsample", dy, down.shape))
        dx = g.zeros(x, np.result_type(delta, beta))
        for tap in g.taps():
            dx[tap] = beta[over_channels] * delta
        d_beta = (delta * down).sum(axis=all_but_channels)
        return gradient(dx, x), gradient(d_beta, beta), gradient(delta.sum(axis=all_but_channels), b)

    return y, backward


def _refuse_wrong_inputs(x: Array, beta: Array, b: Array, g: Windows, activation: str) -> None:
    refuse(
        "subsample",
        activation not in ACTIVATIONS,
        f"activation={activation!r}",
        f"it takes {' or '.join(map(repr, ACTIVATIONS))}",
    )
    divides = all(size % side == 0 for size, side in zip(g.size, g.kernel, strict=True))
    refuse("subsample", not divides, f"window={g.kernel} with sides {g.size}", "it must divide them; crop x first")
    refuse_shape("subsample", "beta", beta, x.shape[1:2], f"with {x.shape[1]} channels")
    refuse_shape("subsample", "b", b, x.shape[1:2], f"with {x.shape[1]} channels")


def _sides(d: Any) -> tuple[int, ...]:
    return tuple(blocks * d.window for blocks in sides(d, d.rank))


subsample = Layer(
    subsample_vjp,
    inputs=("x", "beta", "b"),
    name="subsample",
    dims={
        "rank": (1, 3),
        "n": (1, 3),
        "c": (1, 3),
        **dict.fromkeys(SIZES, (1, 3)),
        "window": (1, 3),
        "sigmoid": (0, 1),
    },
    shapes=lambda d: {"x": (d.n, d.c, *_sides(d)), "beta": (d.c,), "b": (d.c,)},
    config=lambda d: {"window": d.window, "activation": "sigmoid" if d.sigmoid else "identity"},
    where=lambda d: d.n * d.c * math.prod(_sides(d)) <= 300,
    batch_axis={"x": 0, "y": 0},
    features={
        "batch > 1": batch,
        "sigmoid": lambda point: point.config["activation"] == "sigmoid",
        "identity": lambda point: point.config["activation"] == "identity",
        "H != W": lambda point: point["x"].ndim > 3 and point["x"].shape[-1] != point["x"].shape[-2],
    },
)
