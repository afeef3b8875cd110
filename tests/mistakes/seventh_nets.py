"""The seventh set's batch normalisation and small networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.core.layer import Backward
from cnngrad.layers import batch_norm, relu
from cnngrad.networks import Chain, chain, channels_last_net, perceptron, sigmoid_net, with_decay
from tests.mistakes.mistake import Mistake, all_but_channels, over_channels
from tests.mistakes.slips import slip

DECAY = 0.25


def _probabilities(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _normalised(s: Any) -> tuple[Any, Any]:
    """``x̂`` and the deviation, ready to multiply ``x``."""
    axes = all_but_channels(s.x)
    deviation = np.sqrt(s.x.var(axis=axes, keepdims=True) + s.config["eps"])
    return (s.x - s.x.mean(axis=axes, keepdims=True)) / deviation, deviation


def _statistics_as_constants(s: Any) -> Any:
    return over_channels(s.gamma, s.x) / _normalised(s)[1] * s.dy


def _means_over_samples_only(s: Any) -> Any:
    axes, (normal, deviation) = all_but_channels(s.x), _normalised(s)
    through_mean = s.dy.sum(axis=axes, keepdims=True) / len(s.x)
    through_deviation = normal * (s.dy * normal).sum(axis=axes, keepdims=True) / len(s.x)
    return over_channels(s.gamma, s.x) / deviation * (s.dy - through_mean - through_deviation)


def _shared_activation(net: Chain) -> Any:
    """A perceptron of two equal hidden layers whose one tanh object remembers only its last output."""

    def vjp(*inputs: Any) -> tuple[Any, Backward]:
        loss, _ = net.vjp(*inputs)
        x, w1, b1, w2, b2, w3, b3, t = map(np.asarray, inputs)
        first = np.tanh(x @ w1.T + b1)
        second = np.tanh(first @ w2.T + b2)
        slope = 1 - second**2

        def backward(de: Any) -> tuple[Any, ...]:
            d3 = de * (_probabilities(second @ w3.T + b3) * t.sum(axis=1, keepdims=True) - t) / len(x)
            d2 = d3 @ w3 * slope
            d1 = d2 @ w2 * slope
            each = ((d1, x), (d2, first), (d3, second))
            gradients = [gradient for d, before in each for gradient in (d.T @ before, d.sum(axis=0))]
            return (d1 @ w1, *gradients, None)

        return loss, backward

    return vjp


_NET = channels_last_net(image=(10, 9, 2))
_EQUAL = perceptron((6, 5, 5, 3))
_THROUGH = replace(relu, vjp=lambda x: (relu.vjp(x)[0], lambda dy: (np.array(dy),)))

BATCH_NORM: tuple[Mistake, ...] = (
    slip(
        batch_norm,
        "seventh_batch_norm_frozen_statistics",
        "missing term",
        "dx = γ dy/√(var + ε) treats the mean and the variance as constants; they depend on x, so mean(dy) and "
        "x̂ mean(dy x̂) must be subtracted from dy.",
        x=_statistics_as_constants,
    ),
    slip(
        batch_norm,
        "seventh_batch_norm_divided_by_the_batch",
        "constant factor",
        "In dx the two sums over samples and places are divided by the number of samples N, as in the version for "
        "vectors; they must be divided by the number of entries of a channel, N times the places.",
        x=_means_over_samples_only,
        needs="maps of more than one place",
    ),
    slip(
        batch_norm,
        "seventh_batch_norm_dgamma_with_the_output",
        "wrong input",
        "dγ = Σ dy y uses the saved output y = γ x̂ + β; it must use the normalised input, Σ dy x̂.",
        gamma=lambda s: (s.dy * s.out).sum(axis=all_but_channels(s.x)),
    ),
    slip(
        batch_norm,
        "seventh_batch_norm_dx_over_the_variance",
        "power",
        "dx is divided by var + ε; it must be divided by the deviation, √(var + ε).",
        x=lambda s: s.right.x / _normalised(s)[1],
    ),
)

NETWORKS: tuple[Mistake, ...] = (
    Mistake(
        "seventh_channels_last_net_first_relu_skipped",
        _NET,
        "activation derivative",
        "On the way back the first rectifier R1 is left out: its δ goes on to C1 unmasked; it must be set to 0 where "
        "C1's output is not positive. C1's gradients and dx inherit it.",
        chain(**{**_NET.stages, "R1": _THROUGH}).vjp,
        ("x", "C1.w", "C1.b"),
    ),
    Mistake(
        "seventh_perceptron_one_tanh_object_for_two_layers",
        _EQUAL,
        "stale cache",
        "Both hidden layers share one tanh object that remembers only its last output, so the first hidden layer's δ "
        "is multiplied by the second one's 1 - y²; it must use the output of the first hidden layer.",
        _shared_activation(_EQUAL),
        ("x", "H1.w", "H1.b"),
    ),
    slip(
        with_decay(sigmoid_net("mean", (9, 8)), DECAY),
        "seventh_sigmoid_net_decays_the_biases",
        "added term",
        "The weight decay's λ b is added to the gradients of the biases as well; the penalty holds weights only, so "
        "the biases' gradients must have no decay term.",
        **{
            "C1.b": lambda s: getattr(s.right, "C1.b") + s.dy * DECAY * getattr(s, "C1.b"),
            "O3.b": lambda s: getattr(s.right, "O3.b") + s.dy * DECAY * getattr(s, "O3.b"),
        },
    ),
)

ALSO_NETS: dict[str, tuple[str, ...]] = {
    "seventh_batch_norm_frozen_statistics": ("dropped term",),
    "seventh_batch_norm_divided_by_the_batch": ("axis", "extra factor"),
    "seventh_channels_last_net_first_relu_skipped": ("mask", "missing term"),
    "seventh_perceptron_one_tanh_object_for_two_layers": ("wrong input", "activation derivative"),
}
