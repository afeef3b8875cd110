"""Seed 002's network: sigmoid convolution, pooling (mean, max or p-norm), dense; half squared error, weight decay.

    J(W, b) = 1/m Σ_i ½‖y_i − t_i‖² + λ/2 Σ W²        over weights, never biases
    dJ/dW   = 1/m Σ_i dW_i + λ W,   dJ/db = 1/m Σ_i db_i

One iteration of batch gradient descent adds up the gradients of single examples, then divides by their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, Vector
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers import (
    conv2d,
    dense,
    flatten,
    half_squared_error,
    max_pool,
    mean_pool,
    p_norm_pool,
    sigmoid,
    weight_decay_vjp,
)
from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.update import inputs_for, one_hot_rows

POOLINGS = {"mean": mean_pool, "max": max_pool, "p_norm": p_norm_pool}


def sigmoid_net(
    pooling: str = "mean", image: tuple[int, int] = (28, 28), maps: int = 6, kernel: int = 5, batch: int = 2
) -> Chain:
    """The network with its half squared error; :func:`with_decay` adds the weight decay.

    Raises:
        UsageError: an unknown pooling, or a kernel that leaves nothing to pool.

    >>> list(sigmoid_net("p_norm").stages)
    ['C1', 'A1', 'S2', 'F2', 'O3', 'E']
    """
    if pooling not in POOLINGS:
        raise UsageError(f"pooling={pooling!r}; this network takes {', '.join(map(repr, POOLINGS))}")
    height, width = ((side - kernel + 1) // 2 for side in image)
    if min(height, width) < 1:
        raise UsageError(f"a {kernel}x{kernel} kernel and 2x2 pooling leave nothing of a {image[0]}x{image[1]} image")
    pool = POOLINGS[pooling].configured(window=2)
    net = chain(
        C1=conv2d, A1=sigmoid, S2=pool, F2=flatten.configured(row_fastest=False), O3=dense, E=half_squared_error
    )
    shapes = {
        "x": (batch, 1, *image),
        "C1.w": (maps, 1, kernel, kernel),
        "C1.b": (maps,),
        "O3.w": (10, maps * height * width),
        "O3.b": (10,),
        "E.t": (batch, 10),
    }
    return replace(net, name=f"sigmoid_net_{pooling}", shapes=shapes, draw={"E.t": one_hot_rows})


def with_decay(net: Chain, decay: float) -> Layer:
    """The network's loss plus λ/2 Σ W² over its weights: every parameter with more than one axis.

    >>> from cnngrad.networks.update import initial
    >>> net = sigmoid_net(image=(8, 8))
    >>> values = initial(net, np.random.default_rng(0)) | {"x": np.ones((2, 1, 8, 8)), "E.t": np.eye(10)[:2]}
    >>> with_decay(net, 0.1)(*inputs_for(net, values))[0] > net(*inputs_for(net, values))[0]
    np.True_
    """

    def decayed_vjp(*inputs: Any) -> tuple[Any, Backward]:
        loss, of_loss = net.vjp(*inputs)
        decays = {
            i: weight_decay_vjp(inputs[i], decay=decay)
            for i, name in enumerate(net.inputs)
            if name in net.parameters and np.ndim(inputs[i]) > 1
        }

        def backward(de: float) -> tuple[Any, ...]:
            gradients = list(of_loss(de))
            for i, (_, of_decay) in decays.items():
                gradients[i] = gradients[i] + of_decay(de)[0]
            return tuple(gradients)

        return loss + sum(penalty for penalty, _ in decays.values()), backward

    return Layer(decayed_vjp, name=f"{net.name}_with_decay", **net.facts)


def batch_gradient(
    net: Chain, x: Vector, target: Vector, parameters: Mapping[str, Array], decay: float
) -> dict[str, Array]:
    """One iteration's gradient as the text computes it: ΔW += dW example by example, then ΔW/m + λ W.

    >>> from cnngrad.networks.update import initial
    >>> net = sigmoid_net(image=(8, 8))
    >>> start = initial(net, np.random.default_rng(0))
    >>> sorted(batch_gradient(net, np.ones((3, 1, 8, 8)), np.eye(10)[:3], start, 0.1))
    ['C1.b', 'C1.w', 'O3.b', 'O3.w']
    """
    total = {name: np.zeros_like(value) for name, value in parameters.items()}
    for i in range(len(x)):
        one = {**parameters, "x": x[i : i + 1], "E.t": target[i : i + 1]}
        gradients = net.trace(*inputs_for(net, one)).gradients
        for name in total:
            total[name] += gradients[name]
    mean = {name: summed / len(x) for name, summed in total.items()}
    return {name: g + decay * parameters[name] if g.ndim > 1 else g for name, g in mean.items()}
