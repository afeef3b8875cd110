"""The five source texts' networks: right end to end, and a wrong stage inside each is seen and found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.layers import identity, relu
from cnngrad.networks import (
    Chain,
    channels_last_net,
    connected_conv,
    convolutional_perceptron,
    initial,
    initial_paper,
    lenet,
    paper_net,
    perceptron,
    sigmoid_net,
    toolbox,
    with_decay,
)

NETWORKS = {
    "000 mean": lenet(),
    "000 max": lenet("max"),
    "001 perceptron": perceptron((6, 5, 4, 3)),
    "001 linear": perceptron((4, 3, 2), relu, "linear"),
    "001 no hidden layer": perceptron((4, 2), identity),
    "001 convolution": convolutional_perceptron((12, 14)),
    "002 mean": sigmoid_net("mean", (12, 11)),
    "002 max": sigmoid_net("max", (12, 11)),
    "002 p-norm": sigmoid_net("p_norm", (12, 11)),
    "003 layer": channels_last_net(image=(10, 9, 2)),
    "003 connections": channels_last_net(connected_conv, (10, 9, 2)),
    "004 program": toolbox(),
    "004 pooling first": toolbox((("i",), ("s", 2), ("c", 2, 3)), (10, 8), 3),
    "004 ends in convolution": toolbox((("i",), ("c", 2, 3), ("s", 1), ("c", 3, 2)), (7, 5), 3),
    "004 input only": toolbox((("i",),), (3, 4), 2),
    "004 paper": paper_net("sigmoid"),
    "004 paper, identity": paper_net("identity"),
}


def _inputs(net: Chain, point: Any) -> tuple[Any, ...]:
    last = -1 if net.name == "channels_last_net" else 1
    rng = np.random.default_rng(1)
    inputs: tuple[Any, ...] = point(
        net, initial_paper(net, rng) if "S2.beta" in net.inputs else initial(net, rng, last)
    )
    return inputs


@pytest.mark.parametrize("seed", NETWORKS)
def test_every_gradient_of_the_network_is_right(seed: str, point: Any, wrong_gradients: Any) -> None:
    net = NETWORKS[seed]
    assert wrong_gradients(net, _inputs(net, point)) == []


@pytest.mark.parametrize(
    ("seed", "stage", "name"),
    [
        ("000 mean", "S2", "x"),
        ("000 mean", "C3", "w"),
        ("002 max", "C1", "w"),
        ("001 perceptron", "H2", "z"),
        ("001 convolution", "C1", "b"),
        ("002 p-norm", "S2", "x"),
        ("003 layer", "C2", "x"),
        ("003 connections", "C1", "w"),
        ("004 program", "A2", "x"),
        ("004 paper", "S4", "beta"),
    ],
)
def test_a_wrong_stage_is_seen_and_named(
    seed: str, stage: str, name: str, point: Any, spoil: Any, wrong_gradients: Any
) -> None:
    net = spoil(NETWORKS[seed], stage, name)
    inputs = _inputs(net, point)
    assert wrong_gradients(net, inputs) != []
    rng = np.random.default_rng(0)
    trace = net.trace(*inputs, dy=float(rng.uniform(0.5, 1.5)))
    alone = {traced.name: wrong_gradients(traced.layer, traced.inputs) for traced in trace}
    assert {found: names for found, names in alone.items() if names} == {stage: [name]}


def test_weight_decay_is_part_of_the_loss(point: Any, wrong_gradients: Any, spoil: Any) -> None:
    net = sigmoid_net(image=(8, 9))
    inputs = _inputs(net, point)
    assert wrong_gradients(with_decay(net, 0.5), inputs) == []
    assert wrong_gradients(with_decay(spoil(net, "O3", "w"), 0.5), inputs) == ["O3.w"]
    assert with_decay(net, 0.5).constants == ("E.t",)


def test_lenet_has_the_parameters_of_the_text() -> None:
    sizes = {name: int(np.prod(shape)) for name, shape in lenet().shapes_at({}).items()}
    assert sizes["C1.w"] + sizes["C1.b"] == 156
    assert sizes["C3.w"] + sizes["C3.b"] == 1812
    assert sizes["O5.w"] + sizes["O5.b"] == 1930
