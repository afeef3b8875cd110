"""The parameter update θ ← θ − α_t dθ with a falling rate α_t = α_0 / (1 + decay·t), and where parameters start.

The update has no backward of its own. Source: seed 000.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.errors import UsageError
from cnngrad.networks.chain import Chain

Parameters = Mapping[str, Array]


def rate_at(t: int, first: float, decay: float = 0.0) -> float:
    """α_t = α_0 / (1 + decay·t).

    >>> rate_at(0, 0.5, 0.25), rate_at(4, 0.5, 0.25)
    (0.5, 0.25)
    """
    return first / (1.0 + decay * t)


def updated(parameters: Parameters, gradients: Mapping[str, Any], rate: float) -> dict[str, Array]:
    """θ ← θ − α dθ for every parameter; the old arrays stay as they are.

    Raises:
        UsageError: a parameter without a gradient.

    >>> updated({"w": np.array([1.0, 2.0])}, {"w": np.array([1.0, -1.0]), "x": None}, 0.5)
    {'w': array([0.5, 2.5])}
    """
    absent = [name for name in parameters if gradients.get(name) is None]
    if absent:
        raise UsageError(f"no gradient for {', '.join(absent)}; one is needed for each of {', '.join(parameters)}")
    return {name: value - rate * gradients[name] for name, value in parameters.items()}


def initial(net: Chain, rng: np.random.Generator, channel_axis: int = 1) -> dict[str, Array]:
    """Where training starts: weights uniform on ±sqrt(6/(fan_in + fan_out)), everything with one axis 0.

    A kernel ``(F, C, *K)`` has fan_in = C·∏K and fan_out = F·∏K; a dense weight ``(O, D)`` D and O.

    Args:
        channel_axis: where C stands in a kernel; -1 for channels last.

    Raises:
        UsageError: the chain declares no shapes.

    >>> from cnngrad.networks import lenet
    >>> start = initial(lenet(), np.random.default_rng(0))
    >>> sum(value.size for value in start.values()), bool(np.abs(start["C1.w"]).max() <= (6 / 175) ** 0.5)
    (3898, True)
    """
    shapes = net.shapes_at({})
    return {name: _start(rng, shapes[name], channel_axis) for name in net.parameters}


def _start(rng: np.random.Generator, shape: tuple[int, ...], channel_axis: int) -> Array:
    if len(shape) < 2:
        return np.zeros(shape)
    size = np.prod(shape)
    limit = np.sqrt(6.0 / (size / shape[0] + size / shape[channel_axis]))
    return rng.uniform(-limit, limit, shape)


def inputs_for(net: Chain, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The inputs of a network in its order, from a mapping of names.

    Raises:
        UsageError: an input is missing.

    >>> from cnngrad.core.layer import Layer
    >>> from cnngrad.networks import chain
    >>> net = chain(A=Layer(lambda x, w: (w * x, lambda dy: (w * dy, x * dy)), ("x", "w"), "times"))
    >>> inputs_for(net, {"A.w": 3.0, "x": 2.0})
    (2.0, 3.0)
    """
    absent = [name for name in net.inputs if name not in values]
    if absent:
        raise UsageError(f"no value for {', '.join(absent)}; the network takes {', '.join(net.inputs)}")
    return tuple(values[name] for name in net.inputs)


def one_hot_rows(rng: np.random.Generator, shape: tuple[int, ...], d: Any) -> Array:
    """Targets for a declared network: rows that are 1 at one place and 0 elsewhere.

    >>> one_hot_rows(np.random.default_rng(0), (2, 3), None).sum(axis=1).tolist()
    [1.0, 1.0]
    """
    return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
