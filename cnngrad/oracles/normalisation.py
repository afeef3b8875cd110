"""Oracles of softmax, its cross-entropy and batch normalisation: SciPy's forwards, explicit Jacobians, plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.oracles.oracle import Config, Gradients, Inputs, Oracle


def softmax(inputs: Inputs, config: Config) -> Array:
    """``scipy.special.softmax`` over the last axis.

    >>> softmax({"z": np.array([[0.0, 0.0], [1e4, 0.0]])}, {}).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    from scipy.special import softmax as scipy_softmax

    return np.asarray(scipy_softmax(inputs["z"], axis=-1))


def softmax_gradients(inputs: Inputs, config: Config, dp: Any) -> Gradients:
    """``dz_j = sum_i dp_i (p_i [i = j] - p_i p_j)``: the Jacobian, entry by entry.

    >>> softmax_gradients({"z": np.zeros((1, 2))}, {}, np.array([[4.0, 0.0]]))["z"].tolist()
    [[1.0, -1.0]]
    """
    p = softmax(inputs, config)
    dz = np.zeros(p.shape)
    for row in np.ndindex(p.shape[:-1]):
        for j in range(p.shape[-1]):
            dz[(*row, j)] = math.fsum(
                dp[(*row, i)] * p[(*row, i)] * ((i == j) - p[(*row, j)]) for i in range(p.shape[-1])
            )
    return {"z": dz}


def _cotangent_size(inputs: Inputs, config: Config, dy: Any) -> dict[str, float]:
    """What the differences of a softmax's backward are taken of; the shift by the largest z is rounded against z."""
    return {"z": float(np.max(np.abs(dy), initial=0.0))}


def cross_entropy(inputs: Inputs, config: Config) -> float:
    """``-(1/N) sum t log p`` by ``scipy.special.log_softmax``.

    >>> round(cross_entropy({"z": np.zeros((1, 2)), "t": np.array([[1.0, 0.0]])}, {}), 4)
    0.6931
    """
    from scipy.special import log_softmax

    log_p = np.asarray(log_softmax(inputs["z"], axis=-1))
    t = inputs["t"]
    total = math.fsum(float(t[i]) * float(log_p[i]) for i in np.ndindex(t.shape) if t[i] != 0)
    return -total / len(t)


def cross_entropy_gradients(inputs: Inputs, config: Config, de: Any) -> Gradients:
    """``dz_j = -(dE/N) sum_i t_i ([i = j] - p_j)``: the Jacobian of log softmax, entry by entry."""
    p, t = softmax(inputs, config), inputs["t"]
    dz = np.zeros(p.shape)
    for n, j in np.ndindex(p.shape):
        dz[n, j] = -float(de) * math.fsum(float(t[n, i]) * ((i == j) - p[n, j]) for i in range(p.shape[1])) / len(t)
    return {"z": dz}


def _target_size(inputs: Inputs, config: Config, de: Any) -> dict[str, float]:
    return {
        "z": abs(float(de)) * float(np.max(np.abs(inputs["t"]))) / len(inputs["t"]),
        "y": float(np.max(np.abs(inputs["z"])) * np.max(np.abs(inputs["t"]))),
    }


ORACLES = (
    Oracle("scipy.special and the Jacobian", ("softmax",), softmax, softmax_gradients, scale=_cotangent_size),
    Oracle(
        "scipy.special and the Jacobian", ("softmax_cross_entropy",), cross_entropy, cross_entropy_gradients,
        scale=_target_size,
    ),
)  # fmt: skip  # a table: what belongs together stays on one line
