"""The eighth set: slips of the losses and of batch normalisation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.layers import batch_norm, half_squared_error, softmax, softmax_cross_entropy, softmax_vjp, weight_decay
from tests.mistakes.mistake import Mistake, all_but_channels
from tests.mistakes.slips import slip


def _probabilities(s: Any) -> Any:
    return softmax_vjp(s.z)[0]


def _label_minus_one(s: Any) -> Any:
    label = np.eye(s.t.shape[1])[s.t.argmax(axis=1)]
    return s.dy * (_probabilities(s) - label) / len(s.z)


def _norm(s: Any) -> Any:
    """What the usual forward pass of batch normalisation caches."""
    axes = all_but_channels(s.x)
    centred = s.x - s.x.mean(axis=axes, keepdims=True)
    var = (centred**2).mean(axis=axes, keepdims=True)
    eps = s.config.get("eps", 1e-5)
    gamma = s.gamma.reshape(-1, *[1] * (s.x.ndim - 2))
    std = np.sqrt(var + eps)
    return SimpleNamespace(axes=axes, centred=centred, var=var, std=std, hat=centred / std, gamma=gamma)


def _mean(n: Any, value: Any) -> Any:
    return value.mean(axis=n.axes, keepdims=True)


def _normal_dx(s: Any, std: Any, count: float | None = None) -> Any:
    """``dx`` with a deviation and a number of entries of one's own."""
    n = _norm(s)
    many = s.x.size / s.x.shape[1]
    scale = many / (count or many)
    return n.gamma / std * (s.dy - scale * _mean(n, s.dy) - scale * n.hat * _mean(n, s.dy * n.hat))


def _weak_power(s: Any) -> Any:
    n = _norm(s)
    d_hat = s.dy * n.gamma
    # Σ d_hat (x - μ) · (-½)(var + ε)^(-½) · 2 (x - μ)/m
    by_variance = -n.centred * _mean(n, d_hat * n.centred) / n.std
    return (d_hat - _mean(n, d_hat)) / n.std + by_variance


COSTS: tuple[Mistake, ...] = (
    slip(
        softmax,
        "eighth_softmax_diagonal_only",
        "dropped term",
        "dz is dp p(1 - p), the diagonal of the Jacobian; the terms -p_j p_k of the other classes are missing.",
        z=lambda s: s.dy * s.out * (1 - s.out),
    ),
    slip(
        softmax,
        "eighth_softmax_sum_without_axis",
        "axis",
        "The sum of dp p runs over the whole batch; it must be taken for each row, along the last axis.",
        z=lambda s: s.out * (s.dy - (s.dy * s.out).sum()),
        needs="batch > 1",
    ),
    slip(
        softmax_cross_entropy,
        "eighth_cross_entropy_times_slope",
        "extra factor",
        "p - t is multiplied with p(1 - p), as for a sigmoid output; p - t has the softmax's derivative in it already.",
        z=lambda s: s.right.z * _probabilities(s) * (1 - _probabilities(s)),
    ),
    slip(
        softmax_cross_entropy,
        "eighth_cross_entropy_not_averaged",
        "constant factor",
        "dz is not divided by the batch size, which the loss is; it must be (p - t)/N.",
        z=lambda s: s.right.z * len(s.z),
        needs="batch > 1",
    ),
    slip(
        softmax_cross_entropy,
        "eighth_one_subtracted_at_label",
        "wrong input",
        "dz subtracts 1 from p at the argmax of t, as for one-hot labels; it must subtract the targets t themselves, "
        "from p times the sum of t.",
        z=_label_minus_one,
        needs="soft or unnormalised targets",
    ),
    slip(
        half_squared_error,
        "eighth_error_over_all_entries",
        "constant factor",
        "dy is (y - t)/y.size, as for np.mean; the loss averages over the samples only, so it must be (y - t)/N.",
        y=lambda s: s.right.y * len(s.y) / s.y.size,
        needs="several outputs",
    ),
    slip(
        half_squared_error,
        "eighth_loss_ignores_cotangent",
        "missing term",
        "The backward pass returns (y - t)/N whatever flows into it; it must multiply with dE.",
        y=lambda s: (s.y - s.t) / len(s.y),
    ),
    slip(
        weight_decay,
        "eighth_decay_keeps_the_half",
        "constant factor",
        "The gradient of (λ/2) Σ w² is written (λ/2) w; the 2 of the square cancels the half, so it is λ w.",
        w=lambda s: s.right.w / 2,
    ),
)

BATCH_NORM: tuple[Mistake, ...] = (
    slip(
        batch_norm,
        "eighth_statistics_as_constants",
        "dropped term",
        "dx is γ dy/√(var + ε), as if mean and variance were constants; "
        "the terms through the mean and the variance are missing.",
        x=lambda s: _norm(s).gamma / _norm(s).std * s.dy,
    ),
    slip(
        batch_norm,
        "eighth_gamma_gradient_from_x",
        "wrong input",
        "dγ sums dy x with the raw input; it must sum dy x̂ with the normalised one.",
        gamma=lambda s: (s.dy * s.x).sum(axis=all_but_channels(s.x)),
    ),
    slip(
        batch_norm,
        "eighth_variance_power_minus_half",
        "power",
        "The derivative with respect to the variance has (var + ε)^(-1/2); it must have (var + ε)^(-3/2).",
        x=_weak_power,
    ),
    slip(
        batch_norm,
        "eighth_maps_averaged_over_n",
        "constant factor",
        "The two sums in dx are divided by the batch size N; for maps they must be divided by N times the places, "
        "N H W.",
        x=lambda s: _normal_dx(s, _norm(s).std, len(s.x)),
        needs="maps of more than one entry",
    ),
    slip(
        batch_norm,
        "eighth_backward_without_epsilon",
        "missing term",
        "dx divides by √var; it must divide by √(var + ε), as the forward pass does.",
        x=lambda s: _normal_dx(s, np.sqrt(_norm(s).var)),
        needs="an ε that is not tiny beside the variance",
    ),
)
