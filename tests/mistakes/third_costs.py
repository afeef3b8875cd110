"""The third set: softmax, the costs, weight decay and batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import batch_norm, half_squared_error, softmax, softmax_cross_entropy, weight_decay
from tests.mistakes.mistake import all_but_channels, over_channels
from tests.mistakes.slips import slip


class _Normalised:
    """Batch normalisation's numbers, over the axes its backward takes its means."""

    def __init__(self, s: Any, axes: tuple[int, ...] | None = None, less: int = 0) -> None:
        own = all_but_channels(s.x)
        self.centred = s.x - s.x.mean(own, keepdims=True)
        self.variance = (self.centred**2).mean(own, keepdims=True) + s.config["eps"]
        self.normal = self.centred / np.sqrt(self.variance)
        self.scaled = over_channels(s.gamma, s.x) * s.dy
        self.axes, self.less = axes or own, less

    def mean(self, array: Any) -> Any:
        total = array.sum(self.axes, keepdims=True)
        return total / (array.size / total.size - self.less)

    def with_plain_last_term(self, dy: Any) -> Any:
        inside = self.scaled - self.mean(self.scaled) - self.normal * self.mean(dy * self.normal)
        return inside / np.sqrt(self.variance)

    def inside(self) -> Any:
        return self.scaled - self.mean(self.scaled) - self.normal * self.mean(self.scaled * self.normal)


def _p(s: Any) -> Any:
    return softmax.vjp(s.z)[0]


COSTS = (
    slip(
        softmax, "softmax_sums_over_the_batch", "axis",
        "Σ dp p runs over the samples (axis 0) where it must run over the classes of each",
        z=lambda s: s.out * (s.dy - (s.dy * s.out).sum(axis=0)),
    ),
    slip(
        softmax, "softmax_bracket_misplaced", "missing term",
        "dz = p ⊙ dp - Σ_k dp_k p_k: the sum is not multiplied by p, the bracket is misplaced",
        z=lambda s: s.out * s.dy - (s.out * s.dy).sum(axis=1, keepdims=True),
    ),
    slip(
        softmax, "softmax_plus_for_minus", "sign",
        "dz = p ⊙ (dp + Σ_k dp_k p_k): the sum is added where it must be subtracted",
        z=lambda s: s.out * (s.dy + (s.out * s.dy).sum(axis=1, keepdims=True)),
    ),
    slip(
        softmax, "softmax_right_for_ones_only", "missing term",
        "dz = p ⊙ (dp - 1): Σ_k dp_k p_k is taken to be 1, which holds for dp = 1 only",
        z=lambda s: s.out * (s.dy - 1),
    ),
    slip(
        softmax_cross_entropy, "cross_entropy_targets_taken_to_sum_to_one", "missing term",
        "dz = (p - t)/N: the factor Σ_k t_k of p is missing",
        needs="unnormalised targets", z=lambda s: s.dy * (_p(s) - s.t) / len(s.z),
    ),
    slip(
        softmax_cross_entropy, "cross_entropy_stops_at_the_probabilities", "missing term",
        "dz = -t/(N p), the gradient with respect to the probabilities: the softmax's own backward is missing",
        z=lambda s: -s.dy * s.t / np.maximum(_p(s), 1e-300) / len(s.z),
    ),
    slip(
        softmax_cross_entropy, "cross_entropy_averaged_over_classes_too", "constant factor",
        "dz is divided by all entries, N times K, where the mean is over the N samples",
        z=lambda s: s.right.z / s.z.shape[1],
    ),
    slip(
        softmax_cross_entropy, "cross_entropy_targets_summed_over_the_batch", "axis",
        "the factor of p is Σ t over the samples (axis 0) where it is Σ_k t_k over the classes",
        z=lambda s: s.dy * (_p(s) * s.t.sum(axis=0) - s.t) / len(s.z),
    ),
    slip(
        half_squared_error, "half_squared_error_of_the_norm", "power",
        "the gradient is that of ‖y - t‖ and not of its square: it is divided by the norm",
        y=lambda s: s.right.y / np.linalg.norm(s.y - s.t),
    ),
    slip(
        half_squared_error, "half_squared_error_without_dE", "missing term",
        "the gradient is (y - t)/N: dE is left out, which is right for dE = 1 only",
        y=lambda s: (s.y - s.t) / len(s.y),
    ),
    slip(
        half_squared_error, "half_squared_error_gradient_at_the_target", "missing term",
        "the gradient is y/N: the target is not subtracted", y=lambda s: s.dy * s.y / len(s.y),
    ),
    slip(
        weight_decay, "weight_decay_of_squares", "power", "dW = λ W²: the square is not differentiated",
        w=lambda s: s.dy * s.config["decay"] * s.w**2,
    ),
    slip(
        weight_decay, "weight_decay_half_kept", "constant factor",
        "dW = λ/2 W: the ½ of the penalty does not cancel the 2 of the square", w=lambda s: s.right.w / 2,
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

NORMALISED = (
    slip(
        batch_norm, "batch_norm_means_leave_out_space", "axis",
        "in dx the means run over the samples only, not over space as well",
        needs="a spatial axis", x=lambda s: (n := _Normalised(s, axes=(0,))).inside() / np.sqrt(n.variance),
    ),
    slip(
        batch_norm, "batch_norm_means_divide_by_one_less", "constant factor",
        "in dx the means divide by m - 1, where the forward divides by m",
        x=lambda s: (n := _Normalised(s, less=1)).inside() / np.sqrt(n.variance),
    ),
    slip(
        batch_norm, "batch_norm_gamma_in_one_term_only", "missing term",
        "in dx γ multiplies dy and mean(dy), and is missing in the term x̂ mean(dy ⊙ x̂)",
        x=lambda s: _Normalised(s).with_plain_last_term(s.dy),
    ),
    slip(
        batch_norm, "batch_norm_without_root", "power",
        "dx is divided by var + ε where it must be divided by its root",
        x=lambda s: (n := _Normalised(s)).inside() / n.variance,
    ),
    slip(
        batch_norm, "batch_norm_statistics_constant", "missing term",
        "dx = γ/√(var + ε) dy: mean and variance are taken to be constants, as when running averages are used",
        x=lambda s: (n := _Normalised(s)).scaled / np.sqrt(n.variance),
    ),
    slip(
        batch_norm, "batch_norm_dgamma_with_centred_x", "wrong input",
        "dγ sums dy ⊙ (x - μ) where it must take x̂",
        gamma=lambda s: (s.dy * _Normalised(s).centred).sum(axis=all_but_channels(s.x)),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

COSTS_AND_NORMS = (*COSTS, *NORMALISED)
