"""The fourth set's mistakes in the derivations that stand only in the networks, written without sight of the rules.

The recursion before the activation, and the convolution in which a map sees some maps only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.layers import tanh, true_conv
from cnngrad.networks import TABLE, partial_conv, pre_activation
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import again, slip

AFTER_TANH = pre_activation(tanh)

PRE_ACTIVATION = (
    slip(
        AFTER_TANH,
        "slope_from_the_sum_itself",
        "activation derivative",
        "1 - z² takes the sum z for the activated value: 1 - tanh(z)²",
        z=lambda s: s.dy @ s.w * (1 - s.z**2),
    ),
    slip(
        AFTER_TANH,
        "weights_times_unactivated",
        "wrong input",
        "dW = δ ⊗ b takes what the layer before put out, f(z); here it takes z",
        w=lambda s: s.dy.T @ s.z,
    ),
    slip(
        AFTER_TANH,
        "product_of_two_sums",
        "added term",
        "Σ_k δ_k times Σ_k W_kh is not Σ_k W_kh δ_k: it adds all products of different k",
        z=lambda s: s.dy.sum(axis=1, keepdims=True) * s.w.sum(axis=0) * (1 - np.tanh(s.z) ** 2),
        needs="several outputs",
    ),
)

NEIGHBOURS = np.eye(4, dtype=bool) | np.eye(4, k=1, dtype=bool)
NEIGHBOURS_CONV = replace(partial_conv(NEIGHBOURS), name="partial_conv_of_neighbours")


def _unmasked(s: Any, w: Any) -> Any:
    return again(true_conv, s, w=w)


CONNECTIONS = (
    slip(
        partial_conv(TABLE),
        "unconnected_maps_learn",
        "mask",
        "dw is not zero where two maps are not connected: multiply it by the table",
        w=lambda s: _unmasked(s, s.w).w,
    ),
    slip(
        NEIGHBOURS_CONV,
        "table_read_by_columns",
        "mask",
        "the backward pass reads table[c, f]; its rows are the output maps, table[f, c]",
        x=lambda s: _unmasked(s, s.w * NEIGHBOURS.T[:, :, np.newaxis, np.newaxis]).x,
    ),
)

DERIVATIONS: tuple[Mistake, ...] = (*PRE_ACTIVATION, *CONNECTIONS)
