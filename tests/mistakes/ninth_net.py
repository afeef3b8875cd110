"""The ninth set, small networks: layers that are right one by one, and one slip where two of them meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.core.layer import Layer
from cnngrad.layers import (
    conv2d,
    dense,
    flatten,
    half_squared_error,
    mean_pool,
    mean_pool_vjp,
    relu,
    sigmoid,
    true_conv2d,
)
from cnngrad.networks import chain
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip

Stages = dict[str, Layer]
WINDOW = {"window": 2, "stride": 2, "pad": 0}


def net(stages: Stages, wrong: Mistake, stage: str, shapes: dict[str, tuple[int, ...]], *expected: str) -> Mistake:
    """A network in which one stage goes backwards wrongly; the mistake is told as the stage's own."""
    right = replace(chain(**stages), name=wrong.name, shapes=shapes)
    spoiled = chain(**stages | {stage: wrong.wrong})
    return Mistake(wrong.name, right, wrong.family, wrong.says, spoiled.vjp, expected)


def pooled_slope(s: Any) -> Any:
    """The slope of the activations after pooling, spread over the windows."""
    pooled, _ = mean_pool_vjp(s.out, **WINDOW)
    spread = np.kron(pooled, np.ones((2, 2)))
    return s.dy * spread * (1 - spread)


def channels_last_back(s: Any) -> Any:
    n, c, *sides = s.x.shape
    return np.moveaxis(s.dy.reshape(n, *sides, c), -1, 1)


rows = flatten.configured(row_fastest=False)
NET: tuple[Mistake, ...] = (
    net(
        {"F1": dense, "A1": sigmoid, "F2": dense, "A2": sigmoid, "E": half_squared_error},
        slip(
            sigmoid,
            "ninth_hidden_slope_forgotten",
            "activation derivative",
            "δ of the hidden layer is W2ᵀ δ2 alone; it must be multiplied by the slope of the hidden sigmoid, a1(1 "
            "- a1).",
            x=lambda s: s.dy,
        ),
        "A1",
        {"x": (3, 4), "F1.w": (5, 4), "F1.b": (5,), "F2.w": (2, 5), "F2.b": (2,), "E.t": (3, 2)},
        "x",
        "F1.w",
        "F1.b",
    ),
    net(
        {"C1": conv2d, "R1": relu, "V": rows, "O": dense, "E": half_squared_error},
        slip(
            rows,
            "ninth_unflattened_channels_last",
            "order",
            "The vector is turned back into maps as (N, H, W, C), the channels then moved to axis 1; the forward "
            "flattened (N, C, H, W), so it must be reshaped to that.",
            x=channels_last_back,
        ),
        "V",
        {"x": (2, 1, 5, 6), "C1.w": (3, 1, 2, 3), "C1.b": (3,), "O.w": (4, 48), "O.b": (4,), "E.t": (2, 4)},
        "x",
        "C1.w",
        "C1.b",
    ),
    net(
        {
            "C1": true_conv2d,
            "A1": sigmoid,
            "S1": mean_pool.configured(**WINDOW),
            "V": rows,
            "O": dense,
            "E": half_squared_error,
        },
        slip(
            sigmoid,
            "ninth_slope_of_the_pooled_map",
            "activation derivative",
            "The slope a(1 - a) of the convolution's sigmoid is taken from the map after pooling, upsampled; it "
            "must be taken from the map before pooling, entry by entry.",
            x=pooled_slope,
        ),
        "A1",
        {"x": (2, 1, 6, 5), "C1.w": (2, 1, 3, 2), "C1.b": (2,), "O.w": (3, 8), "O.b": (3,), "E.t": (2, 3)},
        "x",
        "C1.w",
        "C1.b",
    ),
)
NET_ALSO: dict[str, tuple[str, ...]] = {
    "ninth_hidden_slope_forgotten": ("missing term",),
    "ninth_unflattened_channels_last": ("axis", "transpose"),
    "ninth_slope_of_the_pooled_map": ("wrong input", "stale cache"),
}
