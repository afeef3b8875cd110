"""The fifth set: losses and batch normalisation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.layers import batch_norm, half_squared_error, softmax, softmax_cross_entropy, weight_decay
from tests.mistakes.mistake import all_but_channels, over_channels
from tests.mistakes.slips import again, slip


def _labels_only(s: Any) -> Any:
    """``dz[np.arange(N), labels] -= 1``."""
    p, _ = softmax.vjp(s.z)
    dz = np.array(p)
    dz[np.arange(len(dz)), s.t.argmax(axis=1)] -= 1
    return s.dy * dz / len(dz)


def _forward(s: Any) -> Any:
    """The numbers a batch normalisation caches, ready to multiply x."""
    axes = all_but_channels(s.x)
    centred = s.x - s.x.mean(axis=axes, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=axes, keepdims=True) + s.config["eps"])
    d_hat = s.dy * over_channels(s.gamma, s.x)
    return SimpleNamespace(axes=axes, centred=centred, deviation=deviation, hat=centred / deviation, d_hat=d_hat)


def _means_over_samples(s: Any) -> Any:
    f = _forward(s)
    mean = f.d_hat.sum(axis=f.axes, keepdims=True) / len(s.x)
    across = (f.d_hat * f.hat).sum(axis=f.axes, keepdims=True) / len(s.x)
    return (f.d_hat - mean - f.hat * across) / f.deviation


def _deviation_for_variance(s: Any) -> Any:
    f = _forward(s)
    count = s.x.size / s.x.shape[1]
    d_var = -0.5 * (f.d_hat * f.centred).sum(axis=f.axes, keepdims=True) * f.deviation**-1.5
    through_mean = f.d_hat - f.d_hat.mean(axis=f.axes, keepdims=True)
    return through_mean / f.deviation + 2 * d_var * f.centred / count


COSTS = (
    slip(
        softmax,
        "fifth_softmax_diagonal_of_jacobian",
        "dropped term",
        "dz is dp p(1 - p), the diagonal of the Jacobian alone; each score also moves the other probabilities, so "
        "dz is p (dp - sum of dp p).",
        z=lambda s: s.dy * s.out * (1 - s.out),
    ),
    slip(
        softmax,
        "fifth_softmax_inner_sum_over_batch",
        "axis",
        "The sum of dp p runs over the samples too, as np.sum has no axis; it must run over the classes of each "
        "sample.",
        z=lambda s: s.out * (s.dy - np.sum(s.dy * s.out)),
        needs="batch > 1",
    ),
    slip(
        softmax_cross_entropy,
        "fifth_cross_entropy_dz_not_averaged",
        "constant factor",
        "dz is not divided by the number of samples N, though the loss is the mean over the batch.",
        z=lambda s: s.right.z * len(s.z),
        needs="batch > 1",
    ),
    slip(
        softmax_cross_entropy,
        "fifth_cross_entropy_subtracts_one_at_largest_target",
        "wrong input",
        "dz subtracts 1 at the class with the largest target, which is right for one-hot targets only; it must be "
        "p times the row's sum of t, minus t.",
        z=_labels_only,
        needs="soft or unnormalised targets",
    ),
    slip(
        half_squared_error,
        "fifth_half_squared_error_target_minus_output",
        "sign",
        "The error is taken as t - y, so dy has the wrong sign; it must be y - t.",
        y=lambda s: s.dy * (s.t - s.y) / len(s.y),
    ),
    slip(
        weight_decay,
        "fifth_weight_decay_gradient_twice_lambda_w",
        "constant factor",
        "dw is 2 lambda w; the penalty has the factor 1/2 in front, so dw is lambda w.",
        w=lambda s: 2 * s.dy * s.config["decay"] * s.w,
    ),
)
NORMS = (
    slip(
        batch_norm,
        "fifth_batch_norm_means_divide_by_samples_only",
        "constant factor",
        "The two means in dx divide their sums by the number of samples N; on maps a channel has N times the number of "
        "places entries, and the sums must be divided by that.",
        x=_means_over_samples,
        needs="maps of more than one place",
    ),
    slip(
        batch_norm,
        "fifth_batch_norm_dgamma_from_output",
        "wrong input",
        "dgamma sums dy times the layer's output y; it must sum dy times the normalised x, before gamma and beta.",
        gamma=lambda s: (s.dy * s.out).sum(axis=all_but_channels(s.x)),
    ),
    slip(
        batch_norm,
        "fifth_batch_norm_dx_without_gamma",
        "missing term",
        "The gradient of the normalised x is taken to be dy; it is gamma * dy, so dx lacks the factor gamma.",
        x=lambda s: again(batch_norm, s, gamma=np.ones_like(s.gamma)).x,
    ),
    slip(
        batch_norm,
        "fifth_batch_norm_dvar_power_of_deviation",
        "power",
        "The gradient of the variance has the deviation sqrt(var + eps) to the power -3/2; it is var + eps that has "
        "this exponent, the deviation has -3.",
        x=_deviation_for_variance,
    ),
)
ALSO = {
    "fifth_softmax_diagonal_of_jacobian": ("missing term",),
    "fifth_cross_entropy_dz_not_averaged": ("missing term",),
    "fifth_cross_entropy_subtracts_one_at_largest_target": ("dropped term", "missing term"),
    "fifth_weight_decay_gradient_twice_lambda_w": ("extra factor",),
    "fifth_batch_norm_means_divide_by_samples_only": ("axis", "geometry"),
    "fifth_batch_norm_dx_without_gamma": ("dropped term", "constant factor"),
    "fifth_batch_norm_dvar_power_of_deviation": ("wrong input",),
}
