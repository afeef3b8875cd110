"""The seventh set's other convolutions: channels last, true, and with an activation behind them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import channels_last_conv, conv, relu_conv, sigmoid_conv, true_conv2d
from tests.mistakes.mistake import Mistake, all_but_channels, rot180
from tests.mistakes.slips import again, slip


def _last_kernel_only(s: Any) -> Any:
    dy = np.zeros_like(s.dy)
    dy[..., -1] = s.dy[..., -1]
    return dy


def _positive_dy(s: Any) -> Any:
    return s.dy * (s.dy.real > 0)


def _slope_of_the_output(s: Any) -> Any:
    a = 1 / (1 + np.exp(-s.out))
    return s.dy * a * (1 - a)


CONV_KINDS: tuple[Mistake, ...] = (
    slip(
        channels_last_conv,
        "seventh_channels_last_dw_columns_channel_first",
        "order",
        "The columns list a window channel by channel, and dw is reshaped from them straight to (F, KH, KW, C); it "
        "must be reshaped to (F, C, KH, KW) and the channel axis then moved to the end.",
        w=lambda s: np.ascontiguousarray(np.moveaxis(s.right.w, -1, 1)),
        needs="several channels and a kernel of more than one tap",
    ),
    slip(
        channels_last_conv,
        "seventh_channels_last_dx_set_per_kernel",
        "assignment",
        "In the loop over kernels dx[..., c] is set where it must be added to: only the last kernel's share of dx is "
        "left, and it must be the sum over all of them.",
        x=lambda s: again(channels_last_conv, s, dy=_last_kernel_only(s)).x,
        needs="several kernels",
    ),
    slip(
        relu_conv,
        "seventh_relu_conv_masked_by_dy",
        "mask",
        "The rectifier's mask is taken from the incoming gradient, dy > 0; it must be taken from the convolution's "
        "output, z > 0. dx, dw and db inherit it.",
        x=lambda s: again(conv, s, dy=_positive_dy(s)).x,
        w=lambda s: again(conv, s, dy=_positive_dy(s)).w,
        b=lambda s: again(conv, s, dy=_positive_dy(s)).b,
    ),
    slip(
        relu_conv,
        "seventh_relu_conv_db_before_the_mask",
        "wrong input",
        "db sums the incoming dy; it must sum δ = dy * [z > 0], the gradient after the rectifier's mask, as dw and dx "
        "do.",
        b=lambda s: s.dy.sum(axis=all_but_channels(s.dy)),
    ),
    slip(
        sigmoid_conv,
        "seventh_sigmoid_conv_prime_of_the_output",
        "activation derivative",
        "The function z -> σ(z)(1 - σ(z)) is called with the output y instead of z, so the sigmoid is applied twice; "
        "the derivative must be y(1 - y). dx, dw and db inherit it.",
        x=lambda s: again(conv, s, dy=_slope_of_the_output(s)).x,
        w=lambda s: again(conv, s, dy=_slope_of_the_output(s)).w,
        b=lambda s: again(conv, s, dy=_slope_of_the_output(s)).b,
    ),
    slip(
        true_conv2d,
        "seventh_true_conv2d_dw_left_rotated",
        "rotation",
        "dw correlates x with dy and leaves it at that; the forward turns the kernel by 180 degrees, so dw must be "
        "turned by 180 degrees too.",
        w=lambda s: rot180(s.right.w),
        needs="a kernel of more than one tap",
    ),
)

ALSO_CONV_KINDS: dict[str, tuple[str, ...]] = {
    "seventh_channels_last_dw_columns_channel_first": ("transpose", "axis"),
    "seventh_channels_last_dx_set_per_kernel": ("accumulated", "dropped term"),
    "seventh_relu_conv_masked_by_dy": ("activation derivative", "wrong input"),
    "seventh_relu_conv_db_before_the_mask": ("mask", "activation derivative"),
    "seventh_sigmoid_conv_prime_of_the_output": ("wrong input",),
}
