"""Oracles of the convolutions by ``scipy.signal``: any rank, stride, padding and dilation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.oracles.activations import EXACT, FUNCTIONS, each
from cnngrad.oracles.oracle import Config, Gradients, Inputs, Oracle, always, never
from cnngrad.oracles.scipy_signal import (
    convolution,
    convolution_gradients,
    correlation,
    correlation_gradients,
)

Forward = Callable[[Inputs, Config], Array]
Backward = Callable[[Inputs, Config, Any], Gradients]

CORRELATIONS = ("conv", "conv1d", "conv2d", "conv3d")
TRUE_CONVOLUTIONS = ("true_conv", "true_conv1d", "true_conv2d", "true_conv3d")


def activated(forward: Forward, backward: Backward, activation: str) -> tuple[Forward, Backward]:
    """``y = f(z)`` and, with ``delta = dy * f'(z)`` for ``dy``, the gradients of ``z``."""
    function, slope = FUNCTIONS[activation]

    def gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
        return backward(inputs, config, dy * each(slope, forward(inputs, config)))

    return lambda inputs, config: each(function, forward(inputs, config)), gradients


def terms(backward: Backward) -> Callable[[Inputs, Config, Any], dict[str, float]]:
    """The size of the terms that cancel in a gradient behind an activation of slope at most 1: all signs positive."""

    def scale(inputs: Inputs, config: Config, dy: Any) -> dict[str, float]:
        positive = {name: np.abs(value) for name, value in inputs.items()}
        found = backward(positive, config, np.abs(dy))
        return {name: float(np.max(gradient, initial=0.0)) for name, gradient in found.items()}

    return scale


def channels_first(inputs: Inputs) -> dict[str, Array]:
    """``x (N, *S, C)`` and ``w (F, *K, C)`` with the channels moved behind the first axis."""
    moved = {name: np.moveaxis(inputs[name], -1, 1) for name in ("x", "w")}
    return {**inputs, **moved}


def channels_last_forward(inputs: Inputs, config: Config) -> Array:
    """Correlation with channels last (seed 003)."""
    return np.moveaxis(correlation(channels_first(inputs), config), 1, -1)


def channels_last_gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    """Its gradients, axes moved back."""
    found = correlation_gradients(channels_first(inputs), config, np.moveaxis(dy, -1, 1))
    return {**found, "x": np.moveaxis(found["x"], 1, -1), "w": np.moveaxis(found["w"], 1, -1)}


def _with_activation(layer: str, activation: str) -> Oracle:
    forward, gradients = activated(correlation, correlation_gradients, activation)
    exact = always if activation in EXACT else never
    scale = terms(correlation_gradients)
    return Oracle(f"scipy.signal.correlate and {activation}", (layer,), forward, gradients, exact=exact, scale=scale)


ORACLES = (
    Oracle("scipy.signal.correlate", CORRELATIONS, correlation, correlation_gradients, exact=always),
    Oracle("scipy.signal.convolve", TRUE_CONVOLUTIONS, convolution, convolution_gradients, exact=always),
    Oracle(
        "scipy.signal.correlate, channels last", ("channels_last_conv",),
        channels_last_forward, channels_last_gradients, exact=always,
    ),
    _with_activation("relu_conv", "relu"),
    _with_activation("sigmoid_conv", "sigmoid"),
)  # fmt: skip  # a table: what belongs together stays on one line
