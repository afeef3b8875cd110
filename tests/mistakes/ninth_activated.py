"""The ninth set, convolutions with an activation or with the channels last."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import channels_last_conv, conv, relu_conv, sigmoid_conv
from tests.mistakes.mistake import Mistake, only_sample
from tests.mistakes.slips import again, slip


def positive_delta(s: Any) -> Any:
    """The convolution's gradients for ``dy`` masked by its own sign."""
    return again(conv, s, dy=s.dy * (s.dy > 0))


def slope_of_z(s: Any) -> Any:
    """The convolution's gradients with ``z (1 - z)`` for the slope."""
    z = np.log(s.out / (1 - s.out))
    return again(conv, s, dy=s.dy * z * (1 - z))


ACTIVATED: tuple[Mistake, ...] = (
    slip(
        relu_conv,
        "ninth_mask_from_dy",
        "mask",
        "The relu's mask is taken from the sign of dy; it must be the sign of the pre-activation z: δ = dy ⊙ [z > 0].",
        x=lambda s: positive_delta(s).x,
        w=lambda s: positive_delta(s).w,
        b=lambda s: positive_delta(s).b,
    ),
    slip(
        relu_conv,
        "ninth_mask_of_the_input",
        "mask",
        "The relu's mask is made from the layer's input, [x > 0], and put on dx after the convolution's backward; "
        "it must be [z > 0] on dy before it.",
        x=lambda s: again(conv, s).x * (s.x > 0),
        w=lambda s: again(conv, s).w,
        b=lambda s: again(conv, s).b,
    ),
    slip(
        sigmoid_conv,
        "ninth_slope_from_pre_activation",
        "activation derivative",
        "The slope of the sigmoid is written z(1 - z) with the cached pre-activation z; it must be y(1 - y) with "
        "the output y = σ(z).",
        x=lambda s: slope_of_z(s).x,
        w=lambda s: slope_of_z(s).w,
        b=lambda s: slope_of_z(s).b,
    ),
    slip(
        sigmoid_conv,
        "ninth_db_from_dy",
        "activation derivative",
        "db sums dy, the gradient behind the sigmoid; it must sum δ = dy ⊙ y(1 - y), as dw does.",
        b=lambda s: s.dy.sum(axis=(0, *range(2, s.dy.ndim))),
    ),
    slip(
        channels_last_conv,
        "ninth_dw_of_last_sample",
        "assignment",
        "dw is assigned anew for every sample of the batch, so only the last sample's stays; it must be added up "
        "with +=.",
        w=lambda s: again(channels_last_conv, s, dy=only_sample(s.dy, -1)).w,
        needs="more than one sample",
    ),
)
ACTIVATED_ALSO: dict[str, tuple[str, ...]] = {
    "ninth_mask_from_dy": ("wrong input", "activation derivative"),
    "ninth_mask_of_the_input": ("wrong input", "order", "activation derivative"),
    "ninth_slope_from_pre_activation": ("wrong input", "stale cache"),
    "ninth_db_from_dy": ("missing term", "wrong input"),
    "ninth_dw_of_last_sample": ("accumulated", "dropped sample"),
}
