"""The sixth set, dense layers, the single neuron, flattening and activations."""

from __future__ import annotations

import numpy as np

from cnngrad.layers import dense, flatten, neuron, relu, sigmoid, tanh
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import again, slip

DENSE: tuple[Mistake, ...] = (
    slip(
        dense,
        "sixth_dense_db_sum_of_everything",
        "axis",
        "db is np.sum(dy) without an axis, one number for all outputs; it must be summed over the batch axis only",
        b=lambda s: np.full_like(s.b, s.dy.sum()),
        needs="more than one output",
    ),
    slip(
        dense,
        "sixth_dense_dx_after_update",
        "wrong input",
        "backward takes the step w -= 0.1 * dw first and computes dx from the new w; dx must use the weights of the "
        "forward pass",
        x=lambda s: s.dy @ (s.w - 0.1 * s.right.w),
    ),
    slip(
        dense,
        "sixth_dense_dw_db_averaged_again",
        "constant factor",
        "dw and db are divided by the batch size although the loss already averages over the batch; a layer must sum "
        "over the samples",
        w=lambda s: s.right.w / len(s.x),
        b=lambda s: s.right.b / len(s.x),
        needs="a batch of more than one sample",
    ),
    slip(
        relu,
        "sixth_relu_mask_from_dy",
        "mask",
        "the mask is taken from dy (np.maximum(dy, 0)) and not from the input; dy must be kept where x > 0, whatever "
        "its own sign",
        x=lambda s: np.maximum(s.dy, 0),
    ),
    slip(
        sigmoid,
        "sixth_sigmoid_slope_of_input",
        "activation derivative",
        "the derivative is computed as x(1 - x) from the input; it must be y(1 - y) from the output y = sigmoid(x)",
        x=lambda s: s.dy * s.x * (1 - s.x),
    ),
    slip(
        tanh,
        "sixth_tanh_square_of_difference",
        "activation derivative",
        "the derivative is written (1 - y)^2 with the bracket in the wrong place; it must be 1 - y^2",
        x=lambda s: s.dy * (1 - s.out) ** 2,
    ),
    slip(
        flatten,
        "sixth_flatten_back_row_by_row",
        "order",
        "dy is reshaped back row by row although the forward pass reads the maps column by column (MATLAB's order); "
        "the spatial axes must be put back in the order in which they were read",
        x=lambda s: s.dy.reshape(s.x.shape),
        needs="column by column order and maps of more than one row and column",
    ),
    slip(
        flatten,
        "sixth_flatten_features_by_batch",
        "transpose",
        "dy (N, D) is transposed to MATLAB's features x batch before it is reshaped to (N, C, ...), so samples are "
        "mixed; it must be reshaped without the transpose",
        x=lambda s: again(flatten, s, dy=s.dy.T.reshape(s.dy.shape)).x,
        needs="a batch of more than one sample and more than one feature",
    ),
    slip(
        neuron,
        "sixth_neuron_target_minus_output",
        "sign",
        "delta is (t - a) a(1 - a), the direction that the weights are moved in; the gradient has (a - t) a(1 - a), "
        "so dx, dw and db have the wrong sign",
        x=lambda s: -s.right.x,
        w=lambda s: -s.right.w,
        b=lambda s: -s.right.b,
    ),
)

ALSO: dict[str, tuple[str, ...]] = {
    "sixth_dense_dx_after_update": ("stale cache", "order", "assignment"),
    "sixth_dense_dw_db_averaged_again": ("extra factor",),
    "sixth_relu_mask_from_dy": ("wrong input", "activation derivative"),
    "sixth_sigmoid_slope_of_input": ("wrong input",),
    "sixth_tanh_square_of_difference": ("power",),
    "sixth_flatten_back_row_by_row": ("transpose", "axis"),
    "sixth_flatten_features_by_batch": ("axis", "order"),
}
