"""Chains of layers, the systems of the five source texts on top of them, and the parameter update."""

from __future__ import annotations

from collections.abc import Mapping

from cnngrad.core.layer import Layer
from cnngrad.layers import sigmoid, tanh
from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.channels_last import channels_last_net, connected_conv
from cnngrad.networks.deeplearntoolbox import program_numbers, program_parameters, toolbox
from cnngrad.networks.lenet import lenet
from cnngrad.networks.paper import TABLE, initial_paper, paper_net, partial_conv
from cnngrad.networks.perceptron import convolutional_perceptron, delta_recursion, perceptron, pre_activation
from cnngrad.networks.sigmoid_net import batch_gradient, sigmoid_net, with_decay
from cnngrad.networks.trace import Stage, StageError, Trace
from cnngrad.networks.update import initial, inputs_for, one_hot_rows, rate_at, updated

# What is verified beside the reference layers: derivations that stand only here, and each source text's network, its
# sizes small. A new one is a new entry.
DERIVATIONS: tuple[Layer, ...] = (
    pre_activation(tanh),  # z -> W f(z) + b, the text's δ recursion (seed 001)
    connected_conv,  # convolution one connection at a time (seed 003)
    partial_conv(TABLE),  # each map sees some maps only (seed 004)
)
NETWORKS: Mapping[str, Layer] = {
    "lenet (seed 000)": lenet(),
    "lenet, max pooling (seed 000)": lenet("max"),
    "perceptron (seed 001)": perceptron((6, 5, 4, 3)),
    "perceptron, linear output (seed 001)": perceptron((6, 5, 3), sigmoid, "linear"),
    "convolutional_perceptron (seed 001)": convolutional_perceptron((10, 8)),
    "sigmoid_net, mean pooling (seed 002)": with_decay(sigmoid_net("mean", (9, 8)), 0.25),
    "sigmoid_net, max pooling (seed 002)": with_decay(sigmoid_net("max", (9, 8)), 0.25),
    "sigmoid_net, p-norm pooling (seed 002)": with_decay(sigmoid_net("p_norm", (9, 8)), 0.25),
    "channels_last_net (seed 003)": channels_last_net(image=(10, 9, 2)),
    "channels_last_net, connected_conv (seed 003)": channels_last_net(connected_conv, (10, 9, 2)),
    "toolbox (seed 004)": toolbox((("i",), ("c", 2, 3), ("s", 2), ("c", 3, 2), ("s", 2)), (12, 8), 3),
    "paper_net (seed 004)": paper_net("sigmoid"),
    "paper_net, identity (seed 004)": paper_net("identity"),
}

__all__ = [
    "DERIVATIONS",
    "NETWORKS",
    "Chain",
    "Stage",
    "StageError",
    "Trace",
    "batch_gradient",
    "chain",
    "channels_last_net",
    "connected_conv",
    "convolutional_perceptron",
    "delta_recursion",
    "initial",
    "initial_paper",
    "inputs_for",
    "lenet",
    "one_hot_rows",
    "paper_net",
    "partial_conv",
    "perceptron",
    "pre_activation",
    "program_numbers",
    "program_parameters",
    "rate_at",
    "sigmoid_net",
    "toolbox",
    "updated",
    "with_decay",
]
