"""Oracles by the connection matrix: every layer that is linear in x, and those with an activation behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.oracles import wirings
from cnngrad.oracles.activations import EXACT
from cnngrad.oracles.connections import Wire, forward_by, gradients_by
from cnngrad.oracles.convolutions import CORRELATIONS, TRUE_CONVOLUTIONS, Backward, Forward, activated, terms
from cnngrad.oracles.oracle import Config, Gradients, Inputs, Oracle, always, never


def linear(wire: Wire, *layers: str, exact: Callable[[Inputs, Config], bool] = always) -> Oracle:
    """The oracle of layers that are their connection matrix."""
    return Oracle("connection matrix", layers, forward_by(wire), gradients_by(wire), exact=exact)


def behind(wire: Wire, layer: str, activation: str) -> Oracle:
    """The oracle of a connection matrix with an activation behind."""
    forward, gradients = activated(forward_by(wire), gradients_by(wire), activation)
    exact = always if activation in EXACT else never
    scale = terms(gradients_by(wire))
    return Oracle(f"connection matrix and {activation}", (layer,), forward, gradients, exact=exact, scale=scale)


def whole_powers(inputs: Inputs, config: Config) -> bool:
    """Whether every window's area is a power of two, so that dividing by it needs no rounding.

    >>> import numpy as np
    >>> [whole_powers({"x": np.zeros((1, 1, 6))}, {"window": window}) for window in (2, 3)]
    [True, False]
    """
    return all(area & (area - 1) == 0 for area in wirings.areas(inputs["x"], config))


def _subsample(inputs: Inputs, config: Config) -> Array:
    return _subsample_pair(config)[0](inputs, config)


def _subsample_gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    return _subsample_pair(config)[1](inputs, config, dy)


def _subsample_pair(config: Config) -> tuple[Forward, Backward]:
    wire = wirings.subsample_wiring
    return activated(forward_by(wire), gradients_by(wire), config.get("activation", "identity"))


def subsample_is_linear(inputs: Inputs, config: Config) -> bool:
    """Whether no activation is behind it that rounds."""
    return config.get("activation", "identity") in EXACT


CORRELATION = wirings.convolution_wiring(wirings.straight)

ORACLES = (
    linear(CORRELATION, *CORRELATIONS),
    linear(wirings.convolution_wiring(wirings.rotated), *TRUE_CONVOLUTIONS),
    linear(wirings.convolution_wiring(wirings.straight, last=True), "channels_last_conv"),
    behind(CORRELATION, "relu_conv", "relu"),
    behind(CORRELATION, "sigmoid_conv", "sigmoid"),
    linear(wirings.dense_wiring, "dense"),
    linear(wirings.identity_wiring, "identity"),
    linear(wirings.flatten_wiring, "flatten"),
    linear(wirings.mean_pool_wiring, "mean_pool", exact=whole_powers),
    Oracle(
        "connection matrix", ("subsample",), _subsample, _subsample_gradients,
        exact=subsample_is_linear, scale=terms(gradients_by(wirings.subsample_wiring)),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line
