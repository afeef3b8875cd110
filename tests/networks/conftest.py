"""Shared by the tests of networks: which gradients of a layer disagree with central differences along a direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.core.arrays import cotangent_like, flatten, outputs_of
from cnngrad.core.layer import Layer
from cnngrad.networks import Chain, chain, inputs_for

# So small that hardly any of the thousands of relus and maxima of a network has its kink within it.
STEP = 2.0**-28


def wrong_gradients(layer: Layer, inputs: tuple[Any, ...], probes: int = 2) -> list[str]:
    """The inputs whose claimed gradient is not the derivative, seen along random directions."""
    rng = np.random.default_rng(0)
    y, backward = layer(*inputs)
    dy = cotangent_like(y, rng.uniform(0.5, 1.5, flatten(outputs_of(y)).size))
    claimed = dict(zip(layer.inputs, backward(dy), strict=True))

    def pulled(position: int, moved: Any) -> float:
        changed = (*inputs[:position], moved, *inputs[position + 1 :])
        return float(flatten(outputs_of(layer(*changed)[0])) @ flatten(outputs_of(dy)))

    wrong = []
    for position, name in enumerate(layer.inputs):
        if name in layer.constants:
            continue
        for _ in range(probes):
            at = np.asarray(inputs[position])
            v = rng.uniform(0.5, 1.0, at.shape) * rng.choice([-1.0, 1.0], at.shape)
            numeric = (pulled(position, at + STEP * v) - pulled(position, at - STEP * v)) / (2 * STEP)
            analytic = float(np.sum(claimed[name] * v))
            size = np.sqrt(np.sum((np.asarray(claimed[name]) * v) ** 2)) + 1e-6
            if not abs(analytic - numeric) <= 1e-3 * size:
                wrong.append(name)
                break
    return wrong


def spoil(net: Chain, stage: str, name: str) -> Chain:
    """The network with one stage whose backward gives 1.1 times the gradient of one of its inputs."""
    layer = net.stages[stage]
    place = layer.inputs.index(name)

    def vjp(*inputs: Any, **config: Any) -> tuple[Any, Any]:
        y, backward = layer.vjp(*inputs, **config)
        return y, lambda dy: tuple(1.1 * g if i == place else g for i, g in enumerate(backward(dy)))

    spoilt = chain(**{**net.stages, stage: replace(layer, vjp=vjp)})
    return replace(spoilt, name=net.name, shapes=net.shapes, draw=net.draw)


def point(net: Chain, start: dict[str, Any], seed: int = 0) -> tuple[Any, ...]:
    """Random images and targets, and parameters moved off their start so that no bias is 0."""
    rng = np.random.default_rng(seed)
    shapes = net.shapes_at({})
    values = {name: value + 0.1 * rng.standard_normal(value.shape) for name, value in start.items()}
    constants = {name: net.draw[name](rng, shapes[name], None) for name in net.constants}
    return inputs_for(net, {**values, **constants, "x": rng.standard_normal(shapes["x"])})


@pytest.fixture(name="wrong_gradients")
def _wrong_gradients() -> Callable[..., list[str]]:
    return wrong_gradients


@pytest.fixture(name="spoil")
def _spoil() -> Callable[..., Chain]:
    return spoil


@pytest.fixture(name="point")
def _point() -> Callable[..., tuple[Any, ...]]:
    return point
