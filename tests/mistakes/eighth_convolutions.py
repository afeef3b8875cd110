"""The eighth set: slips of convolutions written with loops, with im2col and with full convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import conv, conv1d, conv2d, true_conv
from tests.mistakes.eighth_parts import conv_share
from tests.mistakes.mistake import Mistake, only_sample, rot180
from tests.mistakes.slips import again, conv_geometry, places, scattered, slip


def _with_last_columns(s: Any) -> Any:
    x = np.broadcast_to(s.x[-1:], s.x.shape)
    return again(conv, s, x=x).w


def _maps_reshaped(s: Any) -> Any:
    """``dy.reshape(F, -1)`` read as the rows of the column product, whose places are (sample, window)."""
    n, f = s.dy.shape[:2]
    return np.moveaxis(s.dy.reshape(f, n, *s.dy.shape[2:]), 0, 1)


def _crop_from_the_corner(s: Any) -> Any:
    g = conv_geometry(s)
    padded = again(conv2d, s, x=g.pad_with(s.x), config={**s.config, "pad": 0}).x
    return padded[(..., *(slice(0, side) for side in g.size))]


def _turned_kernels_and_channels(s: Any) -> Any:
    # The vjp turns the kernel once more, so it is handed one that is turned already.
    return again(conv2d, s, w=rot180(np.flip(s.w, (0, 1)))).x


def _channel_last_columns(s: Any) -> Any:
    f, c = s.w.shape[:2]
    return again(conv, s, w=s.w.reshape(f, -1, c).swapaxes(1, 2).reshape(s.w.shape)).x


def _short_range(s: Any) -> Any:
    """``range(0, H - K, stride)`` misses the last window wherever the stride divides H - K."""
    g = conv_geometry(s)
    dy = np.array(s.dy)
    for axis, (slack, stride) in enumerate(zip(g.slack, g.stride, strict=True), start=2):
        if slack % stride == 0:
            np.moveaxis(dy, axis, 0)[-1] = 0
    return dy


def _taps_side_by_side(s: Any) -> Any:
    g, share = conv_geometry(s), conv_share(s)
    padded = np.zeros((*s.x.shape[:2], *g.padded))
    for t in np.ndindex(*g.out):
        for number, k in enumerate(np.ndindex(*g.kernel)):
            padded[(..., *places(t, k, g.stride, (1,) * g.rank))] += share(number)[(..., *t)]
    return g.crop(padded)


def _first_channel(s: Any) -> Any:
    return again(conv2d, s, w=np.broadcast_to(s.w[:, :1], s.w.shape)).x


def _wide_strides(s: Any) -> Any:
    g = conv_geometry(s)
    return scattered(g, conv_share(s), step=(g.stride[-1],) * g.rank)


CONVOLUTIONS: tuple[Mistake, ...] = (
    slip(
        conv2d,
        "eighth_full_convolution_unturned",
        "rotation",
        "dx correlates the padded dy with the kernel as it is; the full convolution takes it turned by 180 degrees.",
        x=lambda s: again(conv2d, s, w=rot180(s.w)).x,
        needs="a kernel of more than one entry",
    ),
    slip(
        conv2d,
        "eighth_rot90_without_axes",
        "rotation",
        "np.rot90(w, 2) turns the kernel and channel axes of w for dx; it must turn the spatial axes instead.",
        x=_turned_kernels_and_channels,
        needs="a kernel of more than one entry, or several kernels or channels",
    ),
    slip(
        true_conv,
        "eighth_kernel_gradient_left_turned",
        "rotation",
        "dw is the gradient of the turned kernel that the forward pass used; it must be turned back by 180 degrees.",
        w=lambda s: rot180(s.right.w),
        needs="a kernel of more than one entry",
    ),
    slip(
        conv,
        "eighth_dw_set_in_sample_loop",
        "accumulated",
        "The loop over the samples sets dw with = and keeps only the last sample's; it must add every sample's up.",
        w=lambda s: again(conv, s, dy=only_sample(s.dy, -1)).w,
        needs="batch > 1",
    ),
    slip(
        conv2d,
        "eighth_conv_gradients_over_m",
        "constant factor",
        "dw and db are divided by the batch size, which the loss has done already; they are plain sums over samples.",
        w=lambda s: s.right.w / len(s.x),
        b=lambda s: s.right.b / len(s.x),
        needs="batch > 1",
    ),
    slip(
        conv2d,
        "eighth_windows_written_not_added",
        "assignment",
        "dx sets each window's patch with =, so a later window overwrites an earlier one; overlapping patches add up.",
        x=lambda s: scattered(conv_geometry(s), conv_share(s), add=False),
        needs="windows that overlap",
    ),
    slip(
        conv,
        "eighth_maps_reshaped_not_moved",
        "transpose",
        "dy (N, F, ...) is reshaped straight to (F, -1), which mixes samples and maps in dw and dx; "
        "the map axis must be moved to the front first.",
        x=lambda s: again(conv, s, dy=_maps_reshaped(s)).x,
        w=lambda s: again(conv, s, dy=_maps_reshaped(s)).w,
        needs="batch > 1, several kernels",
    ),
    slip(
        conv,
        "eighth_scatter_without_stride",
        "geometry",
        "dx puts the patch of window i at i instead of at i times the stride.",
        x=lambda s: scattered(conv_geometry(s), conv_share(s), step=(1,) * (s.x.ndim - 2)),
        needs="stride > 1 and more than one window",
    ),
    slip(
        conv,
        "eighth_scatter_last_stride_for_all",
        "geometry",
        "dx steps along every axis with the stride of the last axis; each axis has a stride of its own.",
        x=_wide_strides,
        needs="anisotropic stride",
    ),
    slip(
        conv2d,
        "eighth_crop_from_the_corner",
        "geometry",
        "The padded dx is cropped as [:H, :W], from the corner; the crop must start after the padding, [p:p+H, p:p+W].",
        x=_crop_from_the_corner,
        needs="padding",
    ),
    slip(
        conv,
        "eighth_columns_channel_fastest",
        "axis",
        "dx reads each column of Wᵀ dy as (taps, channels); the columns were made as (channels, taps).",
        x=_channel_last_columns,
        needs="several channels, a kernel of more than one entry",
    ),
    slip(
        conv2d,
        "eighth_dw_reshaped_not_transposed",
        "transpose",
        "The product X dyᵀ of shape (C K, F) is reshaped to (F, C, ...) as it stands; it must be transposed first.",
        w=lambda s: s.right.w.reshape(len(s.w), -1).T.reshape(s.w.shape),
        needs="several kernels of more than one entry",
    ),
    slip(
        conv,
        "eighth_columns_of_last_sample",
        "stale cache",
        "The forward loop overwrites the cached columns sample by sample, so dw uses the last sample's x for all; "
        "every sample's columns must be kept.",
        w=_with_last_columns,
        needs="batch > 1",
    ),
    slip(
        conv1d,
        "eighth_backward_range_stops_short",
        "dropped term",
        "The backward loop runs over range(0, L - K, stride) and misses the last window in dx and dw; it must run to "
        "L - K + 1.",
        x=lambda s: again(conv1d, s, dy=_short_range(s)).x,
        w=lambda s: again(conv1d, s, dy=_short_range(s)).w,
        needs="no remainder: the stride divides the slack",
    ),
    slip(
        conv,
        "eighth_backward_forgets_dilation",
        "geometry",
        "dx puts the taps of a window next to each other; they lie dilation entries apart, as in the forward pass.",
        x=_taps_side_by_side,
        needs="dilation > 1 and a kernel of more than one entry",
    ),
    slip(
        conv2d,
        "eighth_first_channel_for_all",
        "wrong input",
        "dx of every channel uses w[f, 0], as for grey images; channel c must use w[f, c].",
        x=_first_channel,
        needs="several channels",
    ),
)
