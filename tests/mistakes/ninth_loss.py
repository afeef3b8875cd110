"""The ninth set, losses and batch normalisation: derivatives that are a page on paper and a line in the code."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import batch_norm, half_squared_error, softmax, softmax_cross_entropy, weight_decay
from tests.mistakes.mistake import Mistake, all_but_channels, over_channels
from tests.mistakes.slips import slip


def probabilities(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def deviation(s: Any) -> Any:
    return np.sqrt(s.x.var(axis=all_but_channels(s.x), keepdims=True) + s.config.get("eps", 1e-5))


def normalised(s: Any) -> Any:
    return (s.x - s.x.mean(axis=all_but_channels(s.x), keepdims=True)) / deviation(s)


def scale(s: Any) -> Any:
    return over_channels(s.gamma, s.x) / deviation(s)


def total(s: Any, values: Any) -> Any:
    """The sum of each channel."""
    return values.sum(axis=all_but_channels(s.x), keepdims=True)


def across_samples_only(s: Any) -> Any:
    """The input's gradient with the sums over a channel divided by the number of samples."""
    n, hat = len(s.x), normalised(s)
    return scale(s) * (s.dy - total(s, s.dy) / n - hat * total(s, s.dy * hat) / n)


LOSS: tuple[Mistake, ...] = (
    slip(
        softmax,
        "ninth_softmax_diagonal",
        "dropped term",
        "dz keeps only the diagonal of the Jacobian, dp p(1 - p); every probability depends on every score, so it is "
        "p (dp - Σ dp p).",
        z=lambda s: s.dy * s.out * (1 - s.out),
    ),
    slip(
        softmax,
        "ninth_softmax_sum_over_batch",
        "axis",
        "The sum Σ dp p is np.sum without an axis and runs over the whole batch; it must run over the classes of "
        "each sample.",
        z=lambda s: s.out * (s.dy - (s.dy * s.out).sum()),
        needs="more than one sample",
    ),
    slip(
        softmax_cross_entropy,
        "ninth_p_minus_t_not_averaged",
        "constant factor",
        "dz is p - t without the 1/N, though the forward averages the cost over the samples; it must be divided by N.",
        z=lambda s: s.right.z * len(s.z),
        needs="more than one sample",
    ),
    slip(
        softmax_cross_entropy,
        "ninth_p_minus_t_for_any_targets",
        "dropped term",
        "dz is (p - t)/N, which takes the targets of each sample to sum to 1; for other targets p must be "
        "multiplied by their sum.",
        z=lambda s: s.dy * (probabilities(s.z) - s.t) / len(s.z),
        needs="targets that do not sum to 1",
    ),
    slip(
        half_squared_error,
        "ninth_two_from_the_square",
        "constant factor",
        "dy is 2(y - t)/N: the 2 of the square is kept, though the ½ in front of the cost cancels it; it is (y - t)/N.",
        y=lambda s: 2 * s.right.y,
    ),
    slip(
        weight_decay,
        "ninth_decay_of_the_size",
        "sign",
        "dW is λ|W|, as if the norm's derivative had no sign; it is λW, with the sign of each weight.",
        w=lambda s: s.dy * s.config["decay"] * np.abs(s.w),
    ),
)
NORM: tuple[Mistake, ...] = (
    slip(
        batch_norm,
        "ninth_statistics_constant",
        "dropped term",
        "dx is dy γ/√(var + ε), with the mean and the variance held constant; both depend on x, so mean(dy) and "
        "x̂ mean(dy x̂) must be subtracted from dy.",
        x=lambda s: s.dy * scale(s),
    ),
    slip(
        batch_norm,
        "ninth_path_through_variance_lost",
        "dropped term",
        "dx has the paths through x - μ and through μ, but not the one through the variance; the term x̂ mean(dy "
        "x̂) must be subtracted too.",
        x=lambda s: scale(s) * (s.dy - s.dy.mean(axis=all_but_channels(s.x), keepdims=True)),
    ),
    slip(
        batch_norm,
        "ninth_dgamma_from_x",
        "wrong input",
        "dγ multiplies dy with x before it is normalised; γ scales x̂, so dγ = Σ dy x̂.",
        gamma=lambda s: (s.dy * s.x).sum(axis=all_but_channels(s.x)),
    ),
    slip(
        batch_norm,
        "ninth_means_over_samples_only",
        "constant factor",
        "The two means in dx divide the sums over a channel by N, as for vectors; for maps they must be divided by "
        "N·H·W, how many entries the sums have.",
        x=across_samples_only,
        needs="maps with more than one place",
    ),
)
LOSS_ALSO: dict[str, tuple[str, ...]] = {
    "ninth_softmax_diagonal": ("missing term",),
    "ninth_p_minus_t_for_any_targets": ("missing term",),
    "ninth_two_from_the_square": ("extra factor",),
    "ninth_decay_of_the_size": (),
    "ninth_statistics_constant": ("missing term",),
    "ninth_path_through_variance_lost": ("missing term",),
    "ninth_dgamma_from_x": ("stale cache",),
    "ninth_means_over_samples_only": ("axis",),
}
