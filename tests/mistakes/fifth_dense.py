"""The fifth set: dense layers, a neuron, flattening and activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import dense, flatten, neuron, relu, sigmoid, tanh
from tests.mistakes.fifth_parts import NeverReset
from tests.mistakes.slips import slip


def _cross_entropy_delta(s: Any) -> Any:
    a = 1 / (1 + np.exp(-(s.w @ s.x + s.b)))
    return s.dy * (a - s.t)


DENSE = (
    slip(
        dense,
        "fifth_dense_dw_db_averaged_over_batch",
        "extra factor",
        "dw and db are divided by the number of samples; the layer sums over the batch, and the mean belongs to the "
        "loss.",
        w=lambda s: s.right.w / len(s.x),
        b=lambda s: s.right.b / len(s.x),
        needs="batch > 1",
    ),
    slip(
        dense,
        "fifth_dense_gradients_never_reset",
        "accumulated",
        "self.dw += and self.db += add to what the calls of backward before have left; both must start at 0 in each "
        "call.",
        w=NeverReset(lambda s: s.right.w),
        b=NeverReset(lambda s: s.right.b),
        needs="more than one backward at one shape",
    ),
    slip(
        dense,
        "fifth_dense_dx_masked_by_relu_before",
        "extra factor",
        "dx is multiplied by [x > 0], the derivative of a relu that stands before the layer; this is that relu's own "
        "backward, the dense layer's dx is dy W alone.",
        x=lambda s: (s.dy @ s.w) * (s.x > 0),
    ),
    slip(
        dense,
        "fifth_dense_db_sums_outputs_too",
        "axis",
        "db is np.sum(dy) over all axes, the same number for every output; it must be summed over the samples, axis "
        "0, only.",
        b=lambda s: np.full_like(s.b, s.dy.sum()),
        needs="several outputs",
    ),
    slip(
        relu,
        "fifth_relu_dx_times_output",
        "activation derivative",
        "dy is multiplied by max(x, 0), the relu itself; it must be multiplied by its derivative, 1 where x > 0 and "
        "else 0.",
        x=lambda s: s.dy * s.out,
    ),
    slip(
        tanh,
        "fifth_tanh_one_minus_input_squared",
        "activation derivative",
        "The derivative is 1 - x^2 with the cached input x; it is 1 - y^2 with the output y = tanh(x).",
        x=lambda s: s.dy * (1 - s.x**2),
    ),
    slip(
        sigmoid,
        "fifth_sigmoid_returns_local_derivative",
        "missing term",
        "dx is y(1 - y) alone; the chain rule multiplies it by dy.",
        x=lambda s: s.out * (1 - s.out),
    ),
    slip(
        flatten,
        "fifth_flatten_dy_reshaped_row_by_row",
        "order",
        "dy is reshaped to the shape of x, row by row; the forward read the maps column by column, so dy must be "
        "reshaped to the reversed spatial axes and these transposed back.",
        x=lambda s: s.dy.reshape(s.x.shape),
        needs="column by column, and two sides > 1",
    ),
    slip(
        neuron,
        "fifth_neuron_delta_of_cross_entropy",
        "activation derivative",
        "delta is a - t, as with cross-entropy; with the squared error it must be multiplied by a(1 - a).",
        x=lambda s: _cross_entropy_delta(s) * s.w,
        w=lambda s: _cross_entropy_delta(s) * s.x,
        b=lambda s: _cross_entropy_delta(s),
    ),
)
ALSO = {
    "fifth_dense_dw_db_averaged_over_batch": ("constant factor",),
    "fifth_dense_gradients_never_reset": ("stale cache", "added term"),
    "fifth_dense_dx_masked_by_relu_before": ("mask", "activation derivative"),
    "fifth_relu_dx_times_output": ("mask", "wrong input", "extra factor"),
    "fifth_tanh_one_minus_input_squared": ("wrong input",),
    "fifth_sigmoid_returns_local_derivative": ("dropped term", "wrong input"),
    "fifth_flatten_dy_reshaped_row_by_row": ("transpose", "axis"),
    "fifth_neuron_delta_of_cross_entropy": ("missing term", "dropped term"),
}
