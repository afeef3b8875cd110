"""Softmax and cross-entropy in one, averaged over the batch (seed 000).

Forward, with ``log p = z - max z - log Σ e^{z - max z}``::

    E = -(1/N) Σ_n Σ_k t log p

Backward ``dz = dE · (p Σ_k t_k - t)/N``; where each row of t sums to 1, ``(p - t)/N``. The targets t are constants:
one-hot, soft, or of any other sum. Differentiable everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._inputs import constants, cotangent, floats, gradient, refuse, refuse_shape
from cnngrad.layers.softmax import below_maximum

KINDS = ("one-hot targets", "soft targets", "unnormalised targets")


def softmax_cross_entropy_vjp(z: Any, t: Any) -> tuple[Array, Backward]:
    """The cost ``E``, a scalar, of scores ``z (N, K)`` against targets ``t (N, K)`` (seed 000).

    Raises:
        UsageError: scores that are not ``(N, K)``, targets of another shape (class numbers, say).

    >>> E, backward = softmax_cross_entropy_vjp([[0.0, 0.0]], [[1.0, 0.0]])
    >>> round(float(E), 4), backward(1.0)[0].tolist()
    (0.6931, [[-0.5, 0.5]])
    """
    (z,) = floats(z)
    t = constants(t, z)
    refuse("softmax_cross_entropy", z.ndim != 2, f"z has shape {z.shape}", "it takes (samples, classes)")
    refuse_shape("softmax_cross_entropy", "t", t, z.shape, "one row of targets a sample, so with these z")
    shifted = below_maximum(z)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_p = shifted - np.log(total)
    # No log p is infinite, so a target of 0 makes its term 0.
    E = -np.sum(t / len(z) * log_p)

    def backward(dE: Any) -> tuple[Array, None]:
        dE = cotangent("softmax_cross_entropy", dE, ())
        dz = dE * (e / total * t.sum(axis=1, keepdims=True) - t) / len(z)
        return gradient(dz, z), None

    return E, backward


def _draw_targets(rng: np.random.Generator, shape: tuple[int, ...], d: Any) -> Array:
    """Sixteenths and quarters, so that a soft row sums to exactly 1."""
    samples, classes = shape
    kind = KINDS[d.targets]
    if kind == "one-hot targets":
        return np.eye(classes)[rng.integers(classes, size=samples)]
    if kind == "soft targets":
        return rng.multinomial(16, np.full(classes, 1 / classes), size=samples) / 16
    return rng.integers(0, 9, size=shape) / 4


def _kind(point: Any) -> str:
    t = point["t"]
    if (t.sum(axis=1) != 1).any():
        return "unnormalised targets"
    return "one-hot targets" if ((t == 0) | (t == 1)).all() else "soft targets"


softmax_cross_entropy = Layer(
    softmax_cross_entropy_vjp,
    inputs=("z", "t"),
    constants=("t",),
    name="softmax_cross_entropy",
    dims={"n": (1, 3), "classes": (2, 6), "targets": (0, 2)},
    shapes=lambda d: {"z": (d.n, d.classes), "t": (d.n, d.classes)},
    draw={"t": _draw_targets},
    features={kind: (lambda point, kind=kind: _kind(point) == kind) for kind in KINDS}
    | {"batch > 1": lambda point: len(point["z"]) > 1},
)
