"""The eighth set: slips of convolutions with an activation, and of those with the channels last."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import channels_last_conv, conv, relu_conv, sigmoid_conv
from tests.mistakes.eighth_parts import through
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import again, slip

RATE = 0.01


def _slope_of_output(s: Any) -> Any:
    a = 1 / (1 + np.exp(-s.out))
    return s.dy * a * (1 - a)


CONVOLUTION_KINDS: tuple[Mistake, ...] = (
    slip(
        relu_conv,
        "eighth_relu_mask_from_dy",
        "mask",
        "The rectifier's backward zeroes dy where dy itself is negative; it must zero it where z is not positive.",
        needs="",
        **through(conv, lambda s: np.maximum(s.dy, 0)),
    ),
    slip(
        relu_conv,
        "eighth_bias_before_relu_mask",
        "mask",
        "db sums dy before the rectifier's mask is applied; it must sum δ = dy [z > 0].",
        b=lambda s: s.dy.sum(axis=(0, *range(2, s.dy.ndim))),
    ),
    slip(
        sigmoid_conv,
        "eighth_sigmoid_slope_at_output",
        "activation derivative",
        "The slope is σ'(y), the derivative function called with the output; it must be σ'(z), which is y(1 - y).",
        needs="",
        **through(conv, _slope_of_output),
    ),
    slip(
        sigmoid_conv,
        "eighth_dx_from_da",
        "missing term",
        "dx is computed from dy, without the slope y(1 - y) that dw and db have; it must come from δ = dy y(1 - y).",
        x=lambda s: again(conv, s).x,
    ),
    slip(
        channels_last_conv,
        "eighth_bias_reshaped_channels_first",
        "axis",
        "db is dy.reshape(F, -1).sum(axis=1), written for channels first; "
        "with channels last it must sum over all axes but the last.",
        b=lambda s: s.dy.reshape(len(s.b), -1).sum(axis=1),
        needs="several kernels",
    ),
    slip(
        channels_last_conv,
        "eighth_kernel_updated_before_dx",
        "order",
        "backward updates w -= 0.01 dw and then computes dx with the new w; dx must use the w of the forward pass.",
        x=lambda s: again(channels_last_conv, s, w=s.w - RATE * s.right.w).x,
    ),
)
