"""The seventh set's dense layers, activations and losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import (
    dense,
    flatten,
    half_squared_error,
    neuron,
    relu,
    sigmoid,
    softmax,
    softmax_cross_entropy,
    tanh,
    weight_decay,
)
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip


def _probabilities(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _error_without_slope(s: Any) -> Any:
    a = 1 / (1 + np.exp(-(s.w @ s.x + s.b)))
    return s.dy * (a - s.t)


DENSE: tuple[Mistake, ...] = (
    slip(
        dense,
        "seventh_dense_one_over_m_in_the_layer",
        "extra factor",
        "dw and db are divided by the number of samples; dy already holds the loss's 1/m, so both must be plain sums.",
        w=lambda s: s.right.w / len(s.x),
        b=lambda s: s.right.b / len(s.x),
        needs="batch > 1",
    ),
    slip(
        dense,
        "seventh_dense_db_sum_without_axis",
        "axis",
        "db = np.sum(dy) adds up all of dy and gives every output the same number; it must sum over the samples only, "
        "axis 0.",
        b=lambda s: np.full_like(s.b, s.dy.sum()),
        needs="several outputs",
    ),
    slip(
        dense,
        "seventh_dense_dx_after_the_update",
        "wrong input",
        "The weights are updated (w -= rate * dw) before dx = dy @ w is computed; dx must use the weights of the "
        "forward pass.",
        x=lambda s: s.dy @ (s.w - 0.1 * s.right.w),
    ),
    slip(
        neuron,
        "seventh_neuron_delta_of_cross_entropy",
        "activation derivative",
        "δ = a - t is that of cross-entropy; with the squared error the sigmoid's derivative stays, so it must be "
        "δ = (a - t) a(1 - a). dx, dw and db inherit it.",
        x=lambda s: _error_without_slope(s) * s.w,
        w=lambda s: _error_without_slope(s) * s.x,
        b=_error_without_slope,
    ),
    slip(
        neuron,
        "seventh_neuron_inner_minus_forgotten",
        "sign",
        "The derivative of ½(t - a)² is written (t - a), without the inner -1; it must be (a - t). dx, dw and db have "
        "the wrong sign.",
        x=lambda s: -s.right.x,
        w=lambda s: -s.right.w,
        b=lambda s: -s.right.b,
    ),
    slip(
        flatten,
        "seventh_flatten_back_row_by_row",
        "order",
        "The forward reads each map column by column, the backward reshapes dy row by row; dy must be put back column "
        "by column.",
        x=lambda s: s.dy,
        needs="column by column, two sides above 1",
    ),
    slip(
        relu,
        "seventh_relu_times_its_output",
        "activation derivative",
        "dx multiplies dy by max(x, 0), the rectifier's output; it must multiply by its derivative, 1 where x > 0 and "
        "0 elsewhere.",
        x=lambda s: s.dy * np.maximum(s.x, 0),
    ),
    slip(
        tanh,
        "seventh_tanh_one_minus_y",
        "power",
        "The derivative is written 1 - y; it must be 1 - y², with the output squared.",
        x=lambda s: s.dy * (1 - s.out),
    ),
    slip(
        sigmoid,
        "seventh_sigmoid_x_times_one_minus_x",
        "wrong input",
        "The derivative is written x(1 - x) with the layer's input; it must use the output, y(1 - y).",
        x=lambda s: s.dy * s.x * (1 - s.x),
    ),
)

LOSSES: tuple[Mistake, ...] = (
    slip(
        softmax,
        "seventh_softmax_diagonal_only",
        "missing term",
        "dz = dp p(1 - p) has only the diagonal of the Jacobian; each score also moves the other probabilities, so it "
        "must be p(dp - Σ_k dp_k p_k).",
        z=lambda s: s.dy * s.out * (1 - s.out),
    ),
    slip(
        softmax,
        "seventh_softmax_sum_over_the_samples",
        "axis",
        "The inner sum Σ dp p runs over axis 0, the samples; it must run over the classes of each sample, the last "
        "axis.",
        z=lambda s: s.out * (s.dy - (s.dy * s.out).sum(axis=0, keepdims=True)),
    ),
    slip(
        softmax_cross_entropy,
        "seventh_cross_entropy_over_all_entries",
        "extra factor",
        "dz is divided by the number of all scores, samples times classes; the loss is the mean over the samples, so "
        "it must be divided by the number of samples only.",
        z=lambda s: s.right.z / s.z.shape[1],
    ),
    slip(
        softmax_cross_entropy,
        "seventh_cross_entropy_targets_taken_for_one",
        "missing term",
        "dz = (p - t)/N takes each row of targets to sum to 1; for other targets p must be multiplied by the row's "
        "sum, (p Σt - t)/N.",
        z=lambda s: s.dy * (_probabilities(s.z) - s.t) / len(s.z),
        needs="unnormalised targets",
    ),
    slip(
        half_squared_error,
        "seventh_squared_error_ignores_upstream",
        "missing term",
        "The backward returns (y - t)/N and ignores the gradient dE that comes in; it must be multiplied by dE.",
        y=lambda s: (s.y - s.t) / len(s.y),
    ),
    slip(
        weight_decay,
        "seventh_weight_decay_keeps_the_half",
        "constant factor",
        "dW = (λ/2) W keeps the half of the penalty; the 2 of the derived square cancels it, so it must be λ W.",
        w=lambda s: s.right.w / 2,
    ),
)

ALSO_DENSE: dict[str, tuple[str, ...]] = {
    "seventh_dense_one_over_m_in_the_layer": ("constant factor",),
    "seventh_dense_dx_after_the_update": ("stale cache", "order"),
    "seventh_neuron_delta_of_cross_entropy": ("missing term",),
    "seventh_flatten_back_row_by_row": ("transpose",),
    "seventh_relu_times_its_output": ("mask", "wrong input", "extra factor"),
    "seventh_tanh_one_minus_y": ("activation derivative",),
    "seventh_sigmoid_x_times_one_minus_x": ("activation derivative",),
    "seventh_softmax_diagonal_only": ("dropped term", "activation derivative"),
    "seventh_cross_entropy_over_all_entries": ("constant factor",),
    "seventh_cross_entropy_targets_taken_for_one": ("constant factor",),
    "seventh_squared_error_ignores_upstream": ("dropped term", "wrong input"),
}
