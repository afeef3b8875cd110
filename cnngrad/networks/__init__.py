"""Chains of layers, the systems of the five source texts on top of them, and the parameter update."""

from __future__ import annotations

from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.channels_last import channels_last_net, connected_conv
from cnngrad.networks.deeplearntoolbox import program_numbers, program_parameters, toolbox
from cnngrad.networks.lenet import lenet
from cnngrad.networks.paper import initial_paper, paper_net, partial_conv
from cnngrad.networks.perceptron import convolutional_perceptron, delta_recursion, perceptron, pre_activation
from cnngrad.networks.sigmoid_net import batch_gradient, sigmoid_net, with_decay
from cnngrad.networks.trace import Stage, StageError, Trace
from cnngrad.networks.update import initial, inputs_for, one_hot_rows, rate_at, updated

__all__ = [
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
