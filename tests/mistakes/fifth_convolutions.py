"""The fifth set: convolutions, written as loops over windows or as im2col and one matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import (
    channels_last_conv,
    conv,
    conv1d,
    conv2d,
    conv3d,
    relu_conv,
    sigmoid_conv,
    true_conv2d,
)
from tests.mistakes.fifth_parts import put_back, tap_shares
from tests.mistakes.mistake import rot180
from tests.mistakes.slips import again, conv_geometry, scattered, slip


def _overwritten(s: Any) -> Any:
    """``for n, for f, for i, for j: dx[window] = w[f] * dy``: the last kernel's last window stays."""
    last = s.w[-1].reshape(s.w.shape[1], -1)
    return scattered(
        conv_geometry(s), lambda number: np.einsum("n...,c->nc...", s.dy[:, -1], last[:, number]), add=False
    )


def _windows_without_stride(s: Any) -> Any:
    """``dw += x[i : i + k] * dy[i]``."""
    g = conv_geometry(s)
    padded, dw = g.pad_with(s.x), np.zeros_like(s.w)
    for t in np.ndindex(*g.out):
        reach = zip(t, g.extent, g.dilation, strict=True)
        window = padded[(..., *(slice(i, i + extent, d) for i, extent, d in reach))]
        dw += np.einsum("nf,nc...->fc...", s.dy[(..., *t)], window)
    return dw


def _cropped_at_the_corner(s: Any) -> Any:
    g = conv_geometry(s)
    padded = again(conv3d, s, x=g.pad_with(s.x), config=s.config | {"pad": 0}).x
    return padded[(..., *(slice(size) for size in g.size))]


def _rows_without_transpose(s: Any) -> Any:
    """``dy.reshape(F, -1)``, read as the columns are: the sample runs fastest."""
    samples, kernels, *out = s.dy.shape
    return np.moveaxis(s.dy.reshape(kernels, *out, samples), -1, 0)


def _remainder_first(s: Any) -> Any:
    g = conv_geometry(s)
    late = tuple(slack % stride for slack, stride in zip(g.slack, g.stride, strict=True))
    return scattered(g, tap_shares(s), late=late)


def _one_window_short(s: Any) -> Any:
    """What ``range(0, size - k, stride)`` reaches of ``dy``."""
    g = conv_geometry(s)
    kept = np.array(s.dy)
    if g.slack[0] % g.stride[0] == 0:
        kept[..., -1] = 0
    return kept


def _alive_before_bias(s: Any) -> Any:
    z, _ = conv.vjp(s.x, s.w, np.zeros_like(s.b), **s.config)
    return s.dy * (z > 0)


def _sigmoid_twice(s: Any) -> Any:
    again_squashed = 1 / (1 + np.exp(-s.out))
    return s.dy * again_squashed * (1 - again_squashed)


CONVOLUTIONS = (
    slip(
        conv2d,
        "fifth_conv2d_dx_window_is_assigned",
        "assignment",
        "dx is written with = in the loop over kernels and windows, so a later one overwrites what the earlier ones "
        "gave; every kernel and every window that reads an entry must be added with +=.",
        x=_overwritten,
        needs="several kernels or overlapping windows",
    ),
    slip(
        conv2d,
        "fifth_conv2d_dw_window_starts_at_i",
        "geometry",
        "dw takes the window of x that starts at i, j instead of i*stride, j*stride.",
        w=_windows_without_stride,
        needs="stride > 1",
    ),
    slip(
        conv3d,
        "fifth_conv3d_dx_keeps_first_entries_of_padded",
        "geometry",
        "dx is cut out of the padded gradient from index 0 on; the cut must start at index pad, after the border.",
        x=_cropped_at_the_corner,
        needs="padding",
    ),
    slip(
        conv,
        "fifth_conv_dy_reshaped_to_rows_without_transpose",
        "transpose",
        "dy (N, F, *T) is reshaped to (F, -1) as it stands, which mixes samples and kernels; its axes must be moved to "
        "(F, *T, N), the order of the im2col columns, before the reshape.",
        x=lambda s: again(conv, s, dy=_rows_without_transpose(s)).x,
        w=lambda s: again(conv, s, dy=_rows_without_transpose(s)).w,
        needs="batch > 1",
    ),
    slip(
        conv2d,
        "fifth_conv2d_dx_cols_from_w_reshaped",
        "transpose",
        "The columns of dx use w.reshape(-1, F) where they need w.reshape(F, -1).T: a reshape is no transpose.",
        x=lambda s: again(conv2d, s, w=s.w.reshape(-1, len(s.w)).T.reshape(s.w.shape)).x,
        needs="several kernels, and more than one weight in each",
    ),
    slip(
        conv2d,
        "fifth_conv2d_dx_rot90_turns_first_two_axes",
        "rotation",
        "For dx the kernel is turned by np.rot90(w, 2), which turns the kernel and channel axes (0, 1); it must be "
        "turned by 180 degrees along the two spatial axes (2, 3).",
        x=lambda s: again(conv2d, s, w=np.flip(s.w)).x,
        needs="more than one weight in w",
    ),
    slip(
        conv1d,
        "fifth_conv1d_dw_np_convolve",
        "rotation",
        "dw is np.convolve(x, dy), which reverses dy; it is the correlation of x with dy as it stands.",
        w=lambda s: again(conv1d, s, dy=np.flip(s.dy, 2)).w,
        needs="more than one window",
    ),
    slip(
        conv,
        "fifth_conv_col2im_without_dilation",
        "geometry",
        "dx puts neighbouring taps of a window at neighbouring entries; they lie dilation apart, as in the forward.",
        x=lambda s: put_back(conv_geometry(s), tap_shares(s), (1,) * (s.x.ndim - 2)),
        needs="dilation > 1 and a kernel side > 1",
    ),
    slip(
        conv2d,
        "fifth_conv2d_dx_remainder_padded_in_front",
        "geometry",
        "The zeros for the rows and columns that the stride leaves over are put before dx, which shifts all of it; the "
        "remainder is at the end.",
        x=_remainder_first,
        needs="a remainder: stride > 1 that does not divide the padded side minus the kernel",
    ),
    slip(
        conv1d,
        "fifth_conv1d_backward_loop_one_window_short",
        "dropped term",
        "The backward loops over range(0, size - k, stride) and so leaves out the last window wherever it ends exactly "
        "at the end of the padded x; the range must end at size - k + 1.",
        x=lambda s: again(conv1d, s, dy=_one_window_short(s)).x,
        w=lambda s: again(conv1d, s, dy=_one_window_short(s)).w,
        needs="no remainder",
    ),
    slip(
        true_conv2d,
        "fifth_true_conv2d_dw_left_rotated",
        "rotation",
        "dw is the gradient of the kernel as the forward turned it; it must be turned back by 180 degrees.",
        w=lambda s: rot180(s.right.w),
        needs="a kernel larger than 1 x 1",
    ),
    slip(
        channels_last_conv,
        "fifth_channels_last_dw_reshaped_from_channels_first",
        "transpose",
        "dw is computed as (F, C, *K) and then reshaped to (F, *K, C), which shuffles its entries; the channel axis "
        "must be moved to the end.",
        w=lambda s: np.ascontiguousarray(np.moveaxis(s.right.w, -1, 1)).reshape(s.w.shape),
        needs="several channels and a kernel of more than one tap",
    ),
    slip(
        channels_last_conv,
        "fifth_channels_last_dw_of_last_sample",
        "dropped sample",
        "The loop over the samples sets dw with = and so keeps only the last sample's; dw is the sum over the batch.",
        w=lambda s: again(channels_last_conv, s, x=s.x[-1:], dy=s.dy[-1:]).w,
        needs="batch > 1",
    ),
    slip(
        relu_conv,
        "fifth_relu_conv_mask_of_dy",
        "mask",
        "The relu's backward sets dy to 0 where dy itself is negative; it must be 0 where z, the convolution's output, "
        "is not positive.",
        x=lambda s: again(conv, s, dy=s.dy * (s.dy > 0)).x,
        w=lambda s: again(conv, s, dy=s.dy * (s.dy > 0)).w,
        b=lambda s: again(conv, s, dy=s.dy * (s.dy > 0)).b,
    ),
    slip(
        relu_conv,
        "fifth_relu_conv_mask_of_z_without_bias",
        "stale cache",
        "The relu's mask is taken from the convolution as it was cached before the bias was added; it must be "
        "z > 0 with the bias in z.",
        x=lambda s: again(conv, s, dy=_alive_before_bias(s)).x,
        w=lambda s: again(conv, s, dy=_alive_before_bias(s)).w,
        b=lambda s: again(conv, s, dy=_alive_before_bias(s)).b,
    ),
    slip(
        sigmoid_conv,
        "fifth_sigmoid_conv_derivative_of_activation",
        "activation derivative",
        "The sigmoid's derivative is evaluated at the activation y, as sigmoid(y)(1 - sigmoid(y)); at z it is y(1 - "
        "y).",
        x=lambda s: again(conv, s, dy=_sigmoid_twice(s)).x,
        w=lambda s: again(conv, s, dy=_sigmoid_twice(s)).w,
        b=lambda s: again(conv, s, dy=_sigmoid_twice(s)).b,
    ),
)
ALSO = {
    "fifth_conv2d_dx_window_is_assigned": ("dropped term", "missing term"),
    "fifth_conv_dy_reshaped_to_rows_without_transpose": ("order", "axis"),
    "fifth_conv2d_dx_cols_from_w_reshaped": ("order", "axis"),
    "fifth_conv2d_dx_rot90_turns_first_two_axes": ("axis", "order"),
    "fifth_conv1d_dw_np_convolve": ("order",),
    "fifth_conv1d_backward_loop_one_window_short": ("geometry", "missing term"),
    "fifth_channels_last_dw_reshaped_from_channels_first": ("order", "axis"),
    "fifth_channels_last_dw_of_last_sample": ("assignment", "dropped term"),
    "fifth_relu_conv_mask_of_dy": ("activation derivative", "wrong input"),
    "fifth_relu_conv_mask_of_z_without_bias": ("mask", "wrong input", "activation derivative"),
    "fifth_sigmoid_conv_derivative_of_activation": ("wrong input",),
}
