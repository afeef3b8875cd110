"""The sixth set, convolutions: what goes wrong when printed formulas and MATLAB code become NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import channels_last_conv, conv, conv1d, conv2d, conv3d, relu_conv, sigmoid_conv, true_conv2d
from tests.mistakes.mistake import Mistake, only_sample, rot180, spatial
from tests.mistakes.slips import Share, again, conv_geometry, scattered, slip


def _shares(s: Any) -> Share:
    """What every window gives to one tap: the sum over the kernels."""
    taps = s.w.reshape(*s.w.shape[:2], -1)
    return lambda number: np.einsum("nf...,fc->nc...", s.dy, taps[:, :, number])


def _at_the_end(s: Any) -> Any:
    g = conv_geometry(s)
    return scattered(g, _shares(s), late=tuple(slack % step for slack, step in zip(g.slack, g.stride, strict=True)))


def _overwritten(s: Any) -> Any:
    return scattered(conv_geometry(s), _shares(s), add=False)


def _first_stride_only(s: Any) -> Any:
    g = conv_geometry(s)
    return scattered(g, _shares(s), step=(g.stride[0],) * g.rank)


def _border_at_the_end(s: Any) -> Any:
    """The kernel's gradient with x read where pad(x) has to be, and 0 past its end."""
    g = conv_geometry(s)
    x = np.pad(s.x, [(0, 0), (0, 0), *((0, 2 * pad) for pad in g.pad)])
    return again(conv2d, s, x=x, config={**s.config, "pad": 0}).w


def _taps_side_by_side(s: Any) -> Any:
    g = conv_geometry(s)
    padded = g.pad_with(s.x)
    delta = s.dy.reshape(*s.dy.shape[:2], -1)
    dw = np.zeros_like(s.w)
    for k in np.ndindex(*g.kernel):
        steps = zip(k, g.stride, g.out, strict=True)
        tap = padded[(..., *(slice(i, i + step * (out - 1) + 1, step) for i, step, out in steps))]
        dw[(..., *k)] = np.einsum("nft,nct->fc", delta, tap.reshape(*tap.shape[:2], -1))
    return dw


def _misread_rows(s: Any) -> Any:
    """``dy.reshape(F, -1)`` as it is understood afterwards: kernels first, then samples."""
    samples, kernels, *out = s.dy.shape
    return s.dy.reshape(kernels, samples, *out).swapaxes(0, 1)


def _slope_of_slope(s: Any) -> Any:
    a = 1 / (1 + np.exp(-s.out))
    return again(conv, s, dy=s.dy * a * (1 - a))


CONVOLUTIONS: tuple[Mistake, ...] = (
    slip(
        conv2d,
        "sixth_conv2d_dx_kernel_as_is",
        "rotation",
        "dx correlates the full dy with w as it is; with a cross-correlation forward the kernel has to be rotated by "
        "180 degrees first (conv_full(dy, w))",
        x=lambda s: again(conv2d, s, w=rot180(s.w)).x,
        needs="a kernel larger than 1x1",
    ),
    slip(
        conv1d,
        "sixth_conv1d_dw_np_convolve",
        "rotation",
        "dw comes from np.convolve(x, dy), which turns its second argument, so dw is reversed along the taps; it must "
        "be the cross-correlation of x with dy",
        w=lambda s: rot180(s.right.w),
        needs="a kernel of more than one tap",
    ),
    slip(
        true_conv2d,
        "sixth_true_conv2d_dw_flipall_turns_batch",
        "axis",
        "flipall(x) also reverses the batch axis, and the loop over samples then multiplies sample n of dy with sample "
        "N-1-n of x in dw; only the spatial axes may be flipped when the samples are taken one by one",
        w=lambda s: again(true_conv2d, s, x=s.x[::-1]).w,
        needs="a batch of more than one sample",
    ),
    slip(
        conv,
        "sixth_conv_dx_remainder_in_front",
        "geometry",
        "the zeros for the remainder that no window reaches are put in front of dx and not behind it, so dx lies too "
        "far down by the remainder; they must be appended at the far end",
        x=_at_the_end,
        needs="a stride that leaves a remainder",
    ),
    slip(
        conv,
        "sixth_conv_dx_col2im_assigns",
        "accumulated",
        "col2im writes each window's share into dx with = instead of +=, so where windows overlap only the last one "
        "counts; the shares must add up",
        x=_overwritten,
        needs="windows that overlap",
    ),
    slip(
        conv,
        "sixth_conv_dx_first_stride_for_all",
        "geometry",
        "dx places the windows of every axis with the stride of the first axis; each axis must use its own stride",
        x=_first_stride_only,
        needs="strides that differ between the axes",
    ),
    slip(
        conv2d,
        "sixth_conv2d_dw_reads_bare_x",
        "geometry",
        "dw reads x at the places that are meant for pad(x), so every entry comes from p too far down and right; it "
        "must read the padded x (or subtract the padding from the place)",
        w=_border_at_the_end,
        needs="padding",
    ),
    slip(
        conv,
        "sixth_conv_dw_forgets_dilation",
        "geometry",
        "dw reads the entries of a window side by side, at i*s + k; with dilation d they are d apart, at i*s + k*d",
        w=_taps_side_by_side,
        needs="dilation and a kernel of more than one tap",
    ),
    slip(
        conv2d,
        "sixth_conv2d_dy_reshaped_without_transpose",
        "transpose",
        "dy (N, F, H, W) is reshaped to (F, -1) without bringing the kernels to the front first, so dw and dx mix "
        "kernels with samples; it must be transposed to (F, N, H, W) before the reshape",
        x=lambda s: again(conv2d, s, dy=_misread_rows(s)).x,
        w=lambda s: again(conv2d, s, dy=_misread_rows(s)).w,
        needs="more than one sample and more than one kernel",
    ),
    slip(
        conv2d,
        "sixth_conv2d_db_mean_of_map",
        "constant factor",
        "db takes the mean of dy over each output map; it must be the sum over the map (and over the batch), so it is "
        "too small by the number of output places",
        b=lambda s: s.dy.mean(axis=spatial(s.dy)).sum(axis=0),
        needs="more than one output place",
    ),
    slip(
        conv2d,
        "sixth_conv2d_dx_last_kernel_only",
        "accumulated",
        "the loop over the kernels assigns dx instead of adding to it, so dx holds the share of the last kernel only; "
        "it must be the sum over all kernels",
        x=lambda s: again(conv2d, s, w=only_sample(s.w, -1)).x,
        needs="more than one kernel",
    ),
    slip(
        conv3d,
        "sixth_conv3d_dx_depth_not_turned",
        "rotation",
        "dx rotates the kernel only in its rows and columns, as rot90 twice does in 2-D; in 3-D the depth axis has to "
        "be reversed too",
        x=lambda s: again(conv3d, s, w=np.flip(s.w, 2)).x,
        needs="a kernel deeper than 1",
    ),
    slip(
        channels_last_conv,
        "sixth_channels_last_dw_reshaped",
        "transpose",
        "dw is computed as (F, C, *K) and reshaped to (F, *K, C), which scrambles it; the channel axis must be moved "
        "to the end by a transpose",
        w=lambda s: np.moveaxis(s.right.w, -1, 1),
        needs="several channels and a kernel of more than one tap",
    ),
    slip(
        channels_last_conv,
        "sixth_channels_last_dx_flips_channels",
        "axis",
        "the rotation of the kernel for dx reverses the channel axis too (w[:, ::-1, ::-1, ::-1]), so dx has its "
        "channels in reversed order; only the spatial axes may be reversed",
        x=lambda s: again(channels_last_conv, s, w=s.w[..., ::-1]).x,
        needs="several channels",
    ),
    slip(
        relu_conv,
        "sixth_relu_conv_mask_of_own_input",
        "mask",
        "the relu's mask is taken from the layer's input and put on dx after the convolution (the recursion of the "
        "layer below), so dw and db have no mask at all; it must be [z > 0] of this "
        "layer's own z, put on dy before dx, dw and db are computed",
        x=lambda s: again(conv, s).x * (s.x > 0),
        w=lambda s: again(conv, s).w,
        b=lambda s: again(conv, s).b,
    ),
    slip(
        sigmoid_conv,
        "sixth_sigmoid_conv_sigmoid_prime_of_output",
        "activation derivative",
        "sigmoid_prime, which applies the sigmoid itself, is called with the output y and not with z, so the sigmoid "
        "is applied twice; the derivative must be y(1 - y)",
        x=lambda s: _slope_of_slope(s).x,
        w=lambda s: _slope_of_slope(s).w,
        b=lambda s: _slope_of_slope(s).b,
    ),
)

ALSO: dict[str, tuple[str, ...]] = {
    "sixth_true_conv2d_dw_flipall_turns_batch": ("order", "wrong input", "rotation"),
    "sixth_conv_dx_col2im_assigns": ("assignment",),
    "sixth_conv2d_dw_reads_bare_x": ("wrong input",),
    "sixth_conv2d_dy_reshaped_without_transpose": ("axis", "order"),
    "sixth_conv2d_db_mean_of_map": ("extra factor",),
    "sixth_conv2d_dx_last_kernel_only": ("assignment", "dropped term", "missing term"),
    "sixth_conv3d_dx_depth_not_turned": ("axis",),
    "sixth_channels_last_dw_reshaped": ("axis", "order"),
    "sixth_channels_last_dx_flips_channels": ("rotation", "order"),
    "sixth_relu_conv_mask_of_own_input": ("activation derivative", "wrong input", "order"),
    "sixth_sigmoid_conv_sigmoid_prime_of_output": ("wrong input", "stale cache"),
}
