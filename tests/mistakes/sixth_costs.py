"""The sixth set, losses and batch normalisation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.layers import batch_norm, half_squared_error, softmax, softmax_cross_entropy, softmax_vjp, weight_decay
from tests.mistakes.mistake import Mistake, all_but_channels, over_channels
from tests.mistakes.slips import slip


def _normalised(s: Any, less: int = 0) -> Any:
    """1/deviation and x̂, the variance divided by the number of entries less some."""
    axes = all_but_channels(s.x)
    scale = 1 / np.sqrt(s.x.var(axis=axes, keepdims=True, ddof=less) + s.config["eps"])
    return SimpleNamespace(axes=axes, scale=scale, x=(s.x - s.x.mean(axis=axes, keepdims=True)) * scale)


def _constant_statistics(s: Any) -> Any:
    return over_channels(s.gamma, s.x) * _normalised(s).scale * s.dy


def _means_over_batch(s: Any) -> Any:
    hat = _normalised(s)
    centred = s.dy - s.dy.mean(axis=0) - hat.x * (s.dy * hat.x).mean(axis=0)
    return over_channels(s.gamma, s.x) * hat.scale * centred


def _one_less(s: Any) -> Any:
    hat = _normalised(s, less=1)
    means = s.dy.mean(axis=hat.axes, keepdims=True), (s.dy * hat.x).mean(axis=hat.axes, keepdims=True)
    return over_channels(s.gamma, s.x) * hat.scale * (s.dy - means[0] - hat.x * means[1])


COSTS: tuple[Mistake, ...] = (
    slip(
        softmax,
        "sixth_softmax_diagonal_only",
        "missing term",
        "dz = dp p(1 - p) uses only the diagonal of the Jacobian, as for a sigmoid; the terms -p_i p_k of the other "
        "classes are missing: dz = p (dp - sum_k dp_k p_k)",
        z=lambda s: s.dy * s.out * (1 - s.out),
    ),
    slip(
        softmax,
        "sixth_softmax_sum_over_batch_too",
        "axis",
        "the sum of dp p is taken over the whole array, samples included; it must be taken over the classes of each "
        "sample alone",
        z=lambda s: s.out * (s.dy - (s.dy * s.out).sum()),
        needs="a batch of more than one sample",
    ),
    slip(
        softmax_cross_entropy,
        "sixth_softmax_cross_entropy_mean_over_entries",
        "constant factor",
        "dz is divided by the number of entries N*K (np.mean over all) and not by the number of samples N, so it is "
        "too small by the number of classes",
        z=lambda s: s.right.z / s.z.shape[1],
    ),
    slip(
        softmax_cross_entropy,
        "sixth_softmax_cross_entropy_targets_taken_as_one",
        "missing term",
        "dz = (p - t)/N holds only where each row of targets sums to 1; p must be multiplied by the sum of its row "
        "of targets",
        z=lambda s: s.dy * (softmax_vjp(s.z)[0] - s.t) / len(s.z),
        needs="targets whose rows do not sum to 1",
    ),
    slip(
        half_squared_error,
        "sixth_half_squared_error_two_from_the_square",
        "constant factor",
        "dy = 2 (y - t)/N keeps the 2 of the square, which the half in the cost cancels; it must be (y - t)/N",
        y=lambda s: 2 * s.right.y,
    ),
    slip(
        weight_decay,
        "sixth_weight_decay_forgets_cotangent",
        "missing term",
        "dW = decay * W is returned without the factor dE, as if the penalty were always the last thing computed; it "
        "must be dE * decay * W",
        w=lambda s: s.config["decay"] * s.w,
    ),
    slip(
        batch_norm,
        "sixth_batch_norm_statistics_constant",
        "missing term",
        "dx = gamma/sqrt(var + eps) dy treats the mean and the variance as constants; they depend on x, so mean(dy) "
        "and x_hat mean(dy x_hat) must be subtracted from dy",
        x=_constant_statistics,
    ),
    slip(
        batch_norm,
        "sixth_batch_norm_dgamma_from_raw_x",
        "wrong input",
        "dgamma sums dy times the raw input x; it must sum dy times the normalised x_hat",
        gamma=lambda s: (s.dy * s.x).sum(axis=all_but_channels(s.x)),
    ),
    slip(
        batch_norm,
        "sixth_batch_norm_means_over_batch_only",
        "axis",
        "the two means in dx are taken over the batch axis only, as for vectors; for maps they must be taken over the "
        "batch and all places, the axes of the forward statistics",
        x=_means_over_batch,
        needs="maps of more than one place",
    ),
    slip(
        batch_norm,
        "sixth_batch_norm_matlab_var",
        "constant factor",
        "the backward pass computes the variance again with n - 1 in the denominator (MATLAB's var, ddof=1) where the "
        "forward pass divides by n, so x_hat and the scale in dx and dgamma are too small; both must divide by n",
        x=_one_less,
        gamma=lambda s: (s.dy * _normalised(s, less=1).x).sum(axis=all_but_channels(s.x)),
    ),
)

ALSO: dict[str, tuple[str, ...]] = {
    "sixth_softmax_diagonal_only": ("dropped term", "activation derivative"),
    "sixth_softmax_sum_over_batch_too": ("added term",),
    "sixth_softmax_cross_entropy_mean_over_entries": ("extra factor",),
    "sixth_half_squared_error_two_from_the_square": ("extra factor",),
    "sixth_batch_norm_statistics_constant": ("dropped term",),
    "sixth_batch_norm_matlab_var": ("extra factor", "wrong input"),
}
