"""The ninth set, dense layers and activations: the four equations of backpropagation, and what is lost copying them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import dense, flatten, neuron, relu, sigmoid, tanh
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip

RATE = 0.1


def output(s: Any) -> Any:
    """The neuron's activation."""
    return 1 / (1 + np.exp(-(s.w @ s.x + s.b)))


def error(s: Any) -> Any:
    """The neuron's δ as cross-entropy would have it."""
    return s.dy * (output(s) - s.t)


DENSE: tuple[Mistake, ...] = (
    slip(
        dense,
        "ninth_one_over_m_again",
        "constant factor",
        "dw and db carry the 1/m of the course's formulas, though dy comes from a loss that is already a mean; the "
        "layer must only sum over the samples.",
        w=lambda s: s.right.w / len(s.x),
        b=lambda s: s.right.b / len(s.x),
        needs="more than one sample",
    ),
    slip(
        dense,
        "ninth_updated_before_dx",
        "order",
        "The weights are updated before dx is computed, so dx = dy W uses the new weights; it must use those of the "
        "forward.",
        x=lambda s: s.dy @ (s.w - RATE * s.right.w),
    ),
    slip(
        dense,
        "ninth_db_sums_everything",
        "axis",
        "db is np.sum(dy) without an axis, one number for all biases; it must be the sum over the samples, axis 0, "
        "for each output.",
        b=lambda s: np.full_like(s.b, s.dy.sum()),
        needs="more than one output",
    ),
    slip(
        sigmoid,
        "ninth_sigmoid_of_sigmoid",
        "activation derivative",
        "The derivative function applies the sigmoid to its argument and is handed y, which is activated already: "
        "σ(y)(1 - σ(y)); it must be y(1 - y).",
        x=lambda s: s.dy / (1 + np.exp(-s.out)) * (1 - 1 / (1 + np.exp(-s.out))),
    ),
    slip(
        tanh,
        "ninth_tanh_unsquared",
        "power",
        "The slope of tanh is written 1 - y; it is 1 - y².",
        x=lambda s: s.dy * (1 - s.out),
    ),
    slip(
        relu,
        "ninth_relu_at_least_zero",
        "mask",
        "The mask is [y >= 0] of the output, which is never negative, so nothing is masked; it must be [x > 0].",
        x=lambda s: s.dy * (s.out >= 0),
    ),
    slip(
        neuron,
        "ninth_delta_without_slope",
        "activation derivative",
        "δ is a - t, the one of cross-entropy; with the squared error it is (a - t) a(1 - a).",
        x=lambda s: error(s) * s.w,
        w=lambda s: error(s) * s.x,
        b=error,
    ),
    slip(
        neuron,
        "ninth_slope_twice_in_dx",
        "extra factor",
        "dx multiplies δ w by a(1 - a) once more; δ has this slope already, so dx = δ w.",
        x=lambda s: s.right.x * output(s) * (1 - output(s)),
    ),
    slip(
        flatten,
        "ninth_reshaped_back_row_by_row",
        "order",
        "The backward is dy.reshape(x.shape), row by row, where the forward read the maps column by column; the "
        "spatial axes must be put back in their order.",
        x=lambda s: s.dy.reshape(s.x.shape),
        needs="maps with two sides larger than 1, read column by column",
    ),
)
DENSE_ALSO: dict[str, tuple[str, ...]] = {
    "ninth_one_over_m_again": ("extra factor",),
    "ninth_updated_before_dx": ("stale cache", "wrong input"),
    "ninth_sigmoid_of_sigmoid": ("wrong input", "extra factor"),
    "ninth_tanh_unsquared": ("activation derivative",),
    "ninth_relu_at_least_zero": ("activation derivative", "wrong input"),
    "ninth_delta_without_slope": ("missing term",),
    "ninth_slope_twice_in_dx": ("activation derivative",),
    "ninth_reshaped_back_row_by_row": ("transpose", "axis"),
}
