"""The eighth set: slips of dense layers, the single neuron, flatten and the activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import dense, flatten, neuron, relu, sigmoid, tanh
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip

RATE = 0.01
DECAY = 0.01


def _square_untransposed(s: Any) -> Any:
    return s.dy @ s.w.T if s.w.shape[0] == s.w.shape[1] else s.right.x


def _channels_last(s: Any) -> Any:
    n, c, *sides = s.x.shape
    return np.moveaxis(s.dy.reshape(n, *sides, c), -1, 1)


DENSE: tuple[Mistake, ...] = (
    slip(
        dense,
        "eighth_weights_updated_before_dx",
        "order",
        "backward updates w -= 0.01 dw and then computes dx = dy w with the new w; dx must use the old w.",
        x=lambda s: s.dy @ (s.w - RATE * s.right.w),
    ),
    slip(
        dense,
        "eighth_square_weights_untransposed",
        "transpose",
        "dx is dy wᵀ where w is (F, D), which only a square w lets pass; it must be dy w.",
        x=_square_untransposed,
        needs="as many outputs as features, more than one",
    ),
    slip(
        dense,
        "eighth_bias_summed_over_everything",
        "axis",
        "db is np.sum(dy), one number for all outputs; it must be summed over the samples only, axis 0.",
        b=lambda s: np.full_like(s.b, s.dy.sum()),
        needs="several outputs",
    ),
    slip(
        dense,
        "eighth_decay_in_layer_backward",
        "added term",
        "dw has 0.01 w added for weight decay although the forward pass has no penalty; dw is dyᵀ x alone.",
        w=lambda s: s.right.w + DECAY * s.w,
    ),
    slip(
        dense,
        "eighth_outer_product_of_batch_sums",
        "accumulated",
        "dw is the outer product of dy and x each summed over the batch; "
        "it must be the sum of each sample's own outer product.",
        w=lambda s: np.outer(s.dy.sum(axis=0), s.x.sum(axis=0)),
        needs="batch > 1",
    ),
    slip(
        dense,
        "eighth_bias_of_first_sample",
        "dropped sample",
        "db is dy[0], the first sample's only; it must be the sum over all samples.",
        b=lambda s: s.dy[0],
        needs="batch > 1",
    ),
    slip(
        neuron,
        "eighth_target_minus_output",
        "sign",
        "δ starts from t - a, so every gradient has the wrong sign; the derivative of ½(t - a)² is a - t.",
        x=lambda s: -s.right.x,
        w=lambda s: -s.right.w,
        b=lambda s: -s.right.b,
    ),
    slip(
        neuron,
        "eighth_neuron_weights_and_inputs_swapped",
        "wrong input",
        "dw is δ w, as dx is; it must be δ x.",
        w=lambda s: s.right.b * s.w,
    ),
    slip(
        flatten,
        "eighth_columns_reshaped_as_rows",
        "order",
        "dy is reshaped to x's shape row by row although the forward pass read the maps column by column; "
        "the axes must be reversed back.",
        x=lambda s: s.dy.reshape(s.x.shape),
        needs="column by column, maps of more than one row and column",
    ),
    slip(
        flatten,
        "eighth_unflattened_channels_last",
        "axis",
        "dy is reshaped to (N, *S, C) and the channels are moved to the front; the forward pass read map after map, "
        "so the reshape must be (N, C, ...).",
        x=_channels_last,
        needs="several channels, maps of more than one entry",
    ),
    slip(
        relu,
        "eighth_leaky_slope_in_backward",
        "activation derivative",
        "The backward pass of a leaky rectifier lets 0.01 dy through where x < 0; the plain rectifier's is 0 there.",
        x=lambda s: s.dy * np.where(s.x > 0, 1, 0.01),
    ),
    slip(
        sigmoid,
        "eighth_sigmoid_denominator_not_squared",
        "power",
        "The slope is e^-x / (1 + e^-x); the denominator must be squared, (1 + e^-x)².",
        x=lambda s: s.dy * np.exp(-s.x) / (1 + np.exp(-s.x)),
    ),
    slip(
        tanh,
        "eighth_tanh_slope_from_input",
        "wrong input",
        "The slope is 1 - x², from the cached input; it must be 1 - y² with the output y = tanh x.",
        x=lambda s: s.dy * (1 - s.x**2),
    ),
    slip(
        tanh,
        "eighth_tanh_slope_without_dy",
        "missing term",
        "dx is 1 - y² alone, the local slope; it must be multiplied with dy.",
        x=lambda s: 1 - s.out**2,
    ),
)
