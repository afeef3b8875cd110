"""The oracle of batch normalisation: plain loops, sums by ``math.fsum``, the Jacobian of x̂ entry by entry."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.oracles.oracle import Config, Gradients, Inputs, Oracle
from cnngrad.oracles.windows import Place


def channel(shape: Place, number: int) -> list[Place]:
    """The places that are normalised together: those of one channel, axis 1.

    >>> channel((2, 2), 0)
    [(0, 0), (1, 0)]
    """
    return [place for place in np.ndindex(*shape) if place[1] == number]


def centred(x: Array, group: list[Place], eps: float) -> tuple[list[float], float]:
    """``x - mean`` of each place, and ``sqrt(var + eps)``."""
    values = [float(x[place]) for place in group]
    mean = math.fsum(values) / len(values)
    off = [value - mean for value in values]
    return off, math.sqrt(math.fsum(value * value for value in off) / len(values) + eps)


def _groups(inputs: Inputs, config: Config) -> Iterator[tuple[int, list[Place], list[float], float]]:
    x = inputs["x"]
    for number in range(x.shape[1]):
        group = channel(x.shape, number)
        yield number, group, *centred(x, group, float(config.get("eps", 1e-5)))


def batch_norm(inputs: Inputs, config: Config) -> Array:
    """``y = gamma (x - mean)/sqrt(var + eps) + beta``.

    >>> inputs = {"x": np.array([[1.0], [3.0]]), "gamma": np.array([2.0]), "beta": np.array([10.0])}
    >>> batch_norm(inputs, {"eps": 3.0}).tolist()
    [[9.0], [11.0]]
    """
    gamma, beta = inputs["gamma"], inputs["beta"]
    y = np.zeros(inputs["x"].shape)
    for number, group, off, deviation in _groups(inputs, config):
        for place, value in zip(group, off, strict=True):
            y[place] = gamma[number] * value / deviation + beta[number]
    return y


def batch_norm_gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    """``d x̂_j / d x_i = ([i = j] - 1/m)/s - (x_j - mean)(x_i - mean)/(m s^3)``, with m entries and deviation s."""
    gamma = inputs["gamma"]
    dx, dgamma, dbeta = np.zeros(inputs["x"].shape), np.zeros(gamma.shape), np.zeros(gamma.shape)
    for number, group, off, s in _groups(inputs, config):
        m = len(group)
        pulled = [float(dy[place]) for place in group]
        for i, place in enumerate(group):
            slopes = (((i == j) - 1 / m) / s - off[j] * off[i] / (m * s**3) for j in range(m))
            dx[place] = gamma[number] * math.fsum(d * slope for d, slope in zip(pulled, slopes, strict=True))
        dgamma[number] = math.fsum(d * value / s for d, value in zip(pulled, off, strict=True))
        dbeta[number] = math.fsum(pulled)
    return {"x": dx, "gamma": dgamma, "beta": dbeta}


def _size(inputs: Inputs, config: Config, dy: Any) -> dict[str, float]:
    """What dy, its mean and its projection on x̂ are before they cancel."""
    gamma = inputs["gamma"]
    pairs = list(_groups(inputs, config))
    terms = float(np.max(np.abs(dy), initial=0.0))
    return {
        "x": terms * max(abs(float(gamma[number])) * len(group) / s for number, group, _, s in pairs),
        "gamma": terms * max(math.fsum(abs(value) for value in off) / s for _, _, off, s in pairs),
        "beta": terms * max(len(group) for _, group, _, _ in pairs),
    }


ORACLES = (Oracle("plain loops and the Jacobian", ("batch_norm",), batch_norm, batch_norm_gradients, scale=_size),)
