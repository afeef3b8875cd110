"""Mistakes in softmax and in the costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import half_squared_error, softmax, softmax_cross_entropy, weight_decay
from tests.mistakes.mistake import Mistake, one_sign, planted, without_last


def _p(s: Any) -> Any:
    e = np.exp(s.z - s.z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _dot(s: Any) -> Any:
    """Σ_k dp_k p_k of each sample."""
    return (s.dy * s.out).sum(axis=-1, keepdims=True)


SOFTMAX = (
    planted(
        softmax, "softmax_cross_term_missing", "missing term",
        "dz is dp p(1 - p): the terms of the other classes are missing",
        z=lambda s: s.dy * s.out * (1 - s.out),
    ),
    planted(
        softmax, "softmax_diagonal_only", "missing term", "dz is p dp: nothing is subtracted", z=lambda s: s.out * s.dy,
    ),
    planted(
        softmax, "softmax_sum_of_dp", "missing term", "the sum over dp is not weighted with p",
        z=lambda s: s.out * (s.dy - s.dy.sum(axis=-1, keepdims=True)),
    ),
    planted(
        softmax, "softmax_outer_p_missing", "missing term",
        "dz lacks the factor p in front",
        z=lambda s: s.dy - _dot(s),
    ),
    planted(
        softmax, "softmax_sum_over_batch", "axis", "the sum runs over the samples where it must run over the classes",
        z=lambda s: s.out * (s.dy - (s.dy * s.out).sum(axis=0, keepdims=True)),
    ),
    planted(
        softmax, "softmax_sum_over_everything", "axis", "the sum runs over the whole batch, not over one sample",
        needs="batch > 1", z=lambda s: s.out * (s.dy - (s.dy * s.out).sum()),
    ),
    planted(
        softmax, "softmax_cross_term_added", "sign", "the terms of the other classes are added; they are subtracted",
        z=lambda s: s.out * (s.dy + _dot(s)),
    ),
    planted(
        softmax, "softmax_as_with_cross_entropy", "missing term",
        "dz is p - dp, which holds for the cross-entropy only",
        z=lambda s: s.out - s.dy,
    ),
    planted(
        softmax, "softmax_mean_of_dp", "constant factor", "the sum over the classes is divided by their number",
        z=lambda s: s.out * (s.dy - _dot(s) / s.z.shape[-1]),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

CROSS_ENTROPY = (
    planted(
        softmax_cross_entropy, "cross_entropy_target_not_subtracted", "missing term", "dz is p/N: t is not subtracted",
        z=lambda s: s.dy * _p(s) / len(s.z),
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_sum_of_targets", "missing term",
        "dz is (p - t)/N, which holds only where the targets of a sample sum to 1",
        needs="unnormalised targets", z=lambda s: s.dy * (_p(s) - s.t) / len(s.z),
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_not_averaged", "constant factor",
        "dz is not divided by the number of samples",
        needs="batch > 1", z=lambda s: s.right.z * len(s.z),
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_averaged_twice", "constant factor", "dz is divided by N twice",
        needs="batch > 1", z=lambda s: s.right.z / len(s.z),
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_averaged_over_classes", "constant factor",
        "dz is divided by the number of classes as well",
        z=lambda s: s.right.z / s.z.shape[1],
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_target_minus_output", "constant factor",
        "dz is (t - p)/N: the sign is wrong",
        z=lambda s: -s.right.z,
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_cotangent_ignored", "missing term", "dE is not multiplied in",
        z=lambda s: s.right.z / s.dy,
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_derivative_again", "activation derivative",
        "p - t is multiplied by p(1 - p) once more",
        z=lambda s: s.right.z * _p(s) * (1 - _p(s)),
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_of_probabilities", "missing term",
        "dz is -t/p, the derivative by the probabilities: the softmax's own part is missing",
        z=lambda s: -s.dy * s.t / _p(s) / len(s.z),
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_last_sample_dropped", "dropped sample", "dz of the last sample is 0",
        z=lambda s: without_last(s.right.z),
    ),
    planted(
        softmax_cross_entropy, "cross_entropy_softmax_over_samples", "axis", "p is normalised over the samples",
        z=lambda s: s.dy * (np.exp(s.z) / np.exp(s.z).sum(axis=0) * s.t.sum(axis=1, keepdims=True) - s.t) / len(s.z),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

SQUARED_ERROR = (
    planted(
        half_squared_error, "squared_error_factor_two", "constant factor",
        "dy has a factor 2; the ½ of the cost cancels it",
        y=lambda s: 2 * s.right.y,
    ),
    planted(
        half_squared_error, "squared_error_not_averaged", "constant factor",
        "dy is not divided by the number of samples",
        needs="batch > 1", y=lambda s: s.dy * (s.y - s.t),
    ),
    planted(
        half_squared_error, "squared_error_averaged_over_entries", "constant factor",
        "dy is divided by the number of all entries; the cost divides by the number of samples",
        needs="outputs > 1", y=lambda s: s.dy * (s.y - s.t) / s.y.size,
    ),
    planted(
        half_squared_error, "squared_error_target_minus_output", "constant factor",
        "dy is (t - y)/N: the sign is wrong",
        y=lambda s: s.dy * (s.t - s.y) / len(s.y),
    ),
    planted(
        half_squared_error, "squared_error_target_not_subtracted", "missing term", "dy is y/N: t is not subtracted",
        y=lambda s: s.dy * s.y / len(s.y),
    ),
    planted(
        half_squared_error, "squared_error_cotangent_ignored", "missing term", "dE is not multiplied in",
        y=lambda s: (s.y - s.t) / len(s.y),
    ),
    planted(
        half_squared_error, "squared_error_of_absolute", "power", "dy is sign(y - t)/N, the gradient of |y - t|",
        y=lambda s: s.dy * np.sign(s.y - s.t) / len(s.y),
    ),
    planted(
        half_squared_error, "squared_error_times_output_derivative", "activation derivative",
        "dy is multiplied by y(1 - y), which belongs to the layer below",
        y=lambda s: s.right.y * s.y * (1 - s.y),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

DECAY = (
    planted(
        weight_decay, "weight_decay_twice", "constant factor", "dW is 2λW: the ½ of the penalty cancels the 2",
        w=lambda s: 2 * s.right.w,
    ),
    planted(
        weight_decay, "weight_decay_half", "constant factor",
        "dW is λW/2: the ½ of the penalty is cancelled by the square",
        w=lambda s: s.right.w / 2,
    ),
    planted(
        weight_decay, "weight_decay_without_lambda", "missing term", "dW lacks λ",
        w=lambda s: s.dy * s.w,
    ),
    planted(
        weight_decay, "weight_decay_squared_weights", "power", "dW is λW²: the square is not differentiated",
        w=lambda s: s.dy * s.config["decay"] * s.w**2,
    ),
    planted(
        weight_decay, "weight_decay_of_absolute", "power", "dW is λ sign(W), that of a penalty on |W|",
        w=lambda s: s.dy * s.config["decay"] * np.sign(s.w),
    ),
    planted(
        weight_decay, "weight_decay_cotangent_ignored", "missing term", "dE is not multiplied in",
        w=lambda s: s.config["decay"] * s.w,
    ),
    planted(
        weight_decay, "weight_decay_fixed_lambda", "constant factor", "dW uses λ = 0.0001 whatever λ is given",
        w=lambda s: s.dy * 1e-4 * s.w,
    ),
    planted(
        weight_decay, "weight_decay_first_row_spared", "dropped term",
        "the first row of dW is 0, as if it held the biases",
        w=lambda s: np.where(np.arange(len(s.w))[:, None] == 0, 0, s.right.w),
    ),
    planted(
        weight_decay, "weight_decay_one_sign", "one element", "one entry of dW has the wrong sign",
        w=lambda s: one_sign(s.right.w),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

MISTAKES: tuple[Mistake, ...] = (*SOFTMAX, *CROSS_ENTROPY, *SQUARED_ERROR, *DECAY)
