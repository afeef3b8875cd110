"""Oracles of the losses, the single neuron and weight decay: plain loops from the formula, sums by ``math.fsum``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.oracles.activations import sigmoid, sigmoid_slope
from cnngrad.oracles.oracle import Config, Gradients, Inputs, Oracle


def half_squared_error(inputs: Inputs, config: Config) -> float:
    """``E = (1/2N) sum_n ||y - t||^2`` (seeds 002 and 004).

    >>> half_squared_error({"y": np.array([[1.0], [2.0]]), "t": np.zeros((2, 1))}, {})
    1.25
    """
    y, t = inputs["y"], inputs["t"]
    return math.fsum((float(y[i]) - float(t[i])) ** 2 for i in np.ndindex(y.shape)) / (2 * len(y))


def half_squared_error_gradients(inputs: Inputs, config: Config, de: Any) -> Gradients:
    """``dE (y - t)/N``."""
    y, t = inputs["y"], inputs["t"]
    dy = np.zeros(y.shape)
    for i in np.ndindex(y.shape):
        dy[i] = float(de) * (float(y[i]) - float(t[i])) / len(y)
    return {"y": dy}


def _distance_size(inputs: Inputs, config: Config, de: Any) -> dict[str, float]:
    return {"y": abs(float(de)) * _largest(inputs["y"], inputs["t"]) / len(inputs["y"])}


def weight_decay(inputs: Inputs, config: Config) -> float:
    """``R = (decay/2) sum W^2`` (seed 002).

    >>> weight_decay({"w": np.array([3.0, 4.0])}, {"decay": 0.5})
    6.25
    """
    return float(config.get("decay", 1e-4)) / 2 * math.fsum(float(value) ** 2 for value in np.ravel(inputs["w"]))


def weight_decay_gradients(inputs: Inputs, config: Config, dr: Any) -> Gradients:
    """``dR decay W``."""
    w = inputs["w"]
    flat = [float(dr) * float(config.get("decay", 1e-4)) * float(value) for value in w.ravel()]
    return {"w": np.array(flat).reshape(w.shape)}


def _neuron(inputs: Inputs) -> tuple[float, float, float]:
    """The weighted sum z, ``a = sigma(z)`` and ``a - t``."""
    x, w = np.ravel(inputs["x"]), np.ravel(inputs["w"])
    z = math.fsum([*(float(w[k]) * float(x[k]) for k in range(x.size)), float(inputs["b"])])
    return z, sigmoid(z), sigmoid(z) - float(inputs["t"])


def neuron(inputs: Inputs, config: Config) -> float:
    """``E = (t - sigma(w x + b))^2 / 2`` (seed 002).

    >>> neuron({"x": np.ones(2), "w": np.array([1.0, -1.0]), "b": 0.0, "t": 1.0}, {})
    0.125
    """
    return _neuron(inputs)[2] ** 2 / 2


def neuron_gradients(inputs: Inputs, config: Config, de: Any) -> Gradients:
    """``dw = dE (a - t) a (1 - a) x``, ``db`` and ``dx`` with 1 and w in the place of x."""
    z, _, off = _neuron(inputs)
    delta = float(de) * off * sigmoid_slope(z)
    return {"x": delta * inputs["w"], "w": delta * inputs["x"], "b": np.asarray(delta)}


def _neuron_size(inputs: Inputs, config: Config, de: Any) -> dict[str, float]:
    large = abs(float(de)) * (1 + abs(float(inputs["t"])))
    return {"x": large * _largest(inputs["w"]), "w": large * _largest(inputs["x"]), "b": large}


def _largest(*arrays: Array) -> float:
    return float(max(np.max(np.abs(a), initial=0.0) for a in arrays))


ORACLES = (
    Oracle(
        "plain loops", ("half_squared_error",), half_squared_error, half_squared_error_gradients, scale=_distance_size
    ),
    Oracle("plain loops", ("weight_decay",), weight_decay, weight_decay_gradients),
    Oracle("plain loops", ("neuron",), neuron, neuron_gradients, scale=_neuron_size),
)
