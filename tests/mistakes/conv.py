"""Mistakes in the cross-correlation of stride, padding and dilation."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import conv
from tests.mistakes.mistake import Mistake, one_sign, only_sample, planted, rot180, spatial, without_last
from tests.mistakes.placing import (
    conv_windows,
    input_gradient,
    kernel_gradient,
    no_dilation,
    no_stride,
    not_cropped,
    one_early,
    one_zero_too_many,
    other_stride,
    rest_in_front,
)


def _swapped_sides(w: Any) -> Any:
    """A transpose where a rotation was meant; it fits square kernels only, so the entries are read in a row."""
    return w.swapaxes(-1, -2).reshape(w.shape)


def _kernels_first(s: Any) -> Any:
    """``dy`` as a matrix of F rows, made without moving the axis of the samples away first."""
    return s.dy.reshape(len(s.w), -1)


def _columns(s: Any) -> Any:
    """All windows of all samples side by side: ``(C * taps, N * windows)``."""
    g = conv_windows(s)
    return np.concatenate([g.columns(sample[np.newaxis]) for sample in g.pad_with(s.x)], axis=1)


def _unpadded(s: Any) -> Any:
    """The x with its zeros all at the far end: what indexing x instead of pad(x) reads."""
    g = conv_windows(s)
    padded = np.zeros((*s.x.shape[:2], *g.padded))
    front: Any = (..., *(slice(side) for side in g.size))
    padded[front] = s.x
    return padded


ROTATION = (
    planted(
        conv, "conv_dw_rotated", "rotation", "the kernel's gradient is rotated by 180°",
        needs="k > 1", w=lambda s: rot180(s.right.w),
    ),
    planted(
        conv, "conv_dx_kernel_not_rotated", "rotation", "dx correlates dy with the kernel where it must be rotated",
        needs="k > 1", x=lambda s: input_gradient(s, w=rot180(s.w)),
    ),
    planted(
        conv, "conv_dw_dy_rotated", "rotation", "dw convolves x with dy where it must correlate: dy is rotated",
        needs="more than one window", w=lambda s: kernel_gradient(s, dy=rot180(s.dy)),
    ),
    planted(
        conv, "conv_dw_last_axis_flipped", "rotation", "the kernel's gradient is flipped along its last axis",
        needs="k > 1", w=lambda s: np.flip(s.right.w, -1),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

AXES = (
    planted(
        conv, "conv_dx_kernel_transposed", "transpose", "dx uses kernels with their two sides swapped",
        needs="rank > 1", x=lambda s: input_gradient(s, w=_swapped_sides(s.w)),
    ),
    planted(
        conv, "conv_dw_channels_and_filters_swapped", "transpose",
        "the axes of channels and filters of dw are swapped",
        needs="c > 1 and f > 1", w=lambda s: s.right.w.swapaxes(0, 1).reshape(s.w.shape),
    ),
    planted(
        conv, "conv_dw_dy_reshaped", "transpose", "dy is reshaped to (F, -1) without moving its batch axis back",
        needs="batch > 1", w=lambda s: (_kernels_first(s) @ _columns(s).T).reshape(s.w.shape),
    ),
    planted(
        conv, "conv_db_dy_reshaped", "axis", "db sums dy in runs that mix samples and filters",
        needs="batch > 1", b=lambda s: _kernels_first(s).sum(axis=1),
    ),
    planted(
        conv, "conv_db_not_summed_over_space", "axis",
        "db takes the first place of each map and not the sum over space",
        needs="more than one window", b=lambda s: s.dy.reshape(*s.dy.shape[:2], -1)[..., 0].sum(axis=0),
    ),
    planted(
        conv, "conv_db_mean_over_space", "constant factor", "db averages over space where it must sum",
        needs="more than one window", b=lambda s: s.dy.mean(axis=spatial(s.dy)).sum(axis=0),
    ),
    planted(
        conv, "conv_dx_first_channel_everywhere", "axis", "every channel's dx uses the kernels of the first channel",
        needs="c > 1", x=lambda s: input_gradient(s, w=np.repeat(s.w[:, :1], s.w.shape[1], axis=1)),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

SUMS = (
    planted(
        conv, "conv_dw_first_sample_only", "dropped sample", "dw counts the first sample only",
        needs="batch > 1", w=lambda s: kernel_gradient(s, dy=only_sample(s.dy, 0)),
    ),
    planted(
        conv, "conv_dw_last_sample_dropped", "dropped sample", "dw leaves out the last sample",
        w=lambda s: kernel_gradient(s, dy=without_last(s.dy)),
    ),
    planted(
        conv, "conv_dw_assigned_in_the_batch_loop", "assignment",
        "dw is assigned for each sample where it must be added",
        needs="batch > 1", w=lambda s: kernel_gradient(s, dy=only_sample(s.dy, -1)),
    ),
    planted(
        conv, "conv_db_assigned_in_the_batch_loop", "assignment",
        "db is assigned for each sample where it must be added",
        needs="batch > 1", b=lambda s: s.dy[-1].sum(axis=tuple(range(1, s.dy.ndim - 1))),
    ),
    planted(
        conv, "conv_dw_averaged_over_the_batch", "constant factor", "dw is divided by the number of samples",
        needs="batch > 1", w=lambda s: s.right.w / len(s.x),
    ),
    planted(
        conv, "conv_parameters_averaged_over_the_batch", "constant factor", "dw and db are divided by the batch",
        needs="batch > 1", w=lambda s: s.right.w / len(s.x), b=lambda s: s.right.b / len(s.x),
    ),
    planted(
        conv, "conv_dx_last_filter_dropped", "dropped term", "dx leaves out the last filter",
        x=lambda s: input_gradient(s, w=without_last(s.w)),
    ),
    planted(
        conv, "conv_dx_averaged_over_filters", "constant factor", "dx averages over the filters where it must sum",
        needs="f > 1", x=lambda s: s.right.x / len(s.w),
    ),
    planted(
        conv, "conv_dx_overlap_assigned", "assignment", "dx is assigned where windows overlap; it must be added",
        needs="overlap", x=lambda s: input_gradient(s, assign=True),
    ),
    planted(
        conv, "conv_dw_descent_direction", "constant factor", "dw has the wrong sign: it is the direction of descent",
        w=lambda s: -s.right.w,
    ),
    planted(
        conv, "conv_dw_times_learning_rate", "constant factor", "dw is multiplied by a learning rate of 0.01",
        w=lambda s: 0.01 * s.right.w,
    ),
    planted(
        conv, "conv_dw_one_sign", "one element", "one entry of dw has the wrong sign", w=lambda s: one_sign(s.right.w),
    ),
    planted(
        conv, "conv_dw_half_precision", "precision", "dw is rounded to half precision on the way",
        needs="numbers of many bits", w=lambda s: s.right.w.astype(np.float16).astype(np.float64),
    ),
    planted(
        conv, "conv_dx_single_precision", "precision", "dx is rounded to single precision on the way",
        needs="numbers of many bits", x=lambda s: s.right.x.astype(np.float32).astype(np.float64),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

GEOMETRY = (
    planted(
        conv, "conv_dw_stride_ignored", "geometry", "dw correlates with dy that is not spread by the stride",
        needs="stride > 1", w=lambda s: kernel_gradient(s, no_stride),
    ),
    planted(
        conv, "conv_dx_stride_ignored", "geometry", "dx convolves dy that is not spread by the stride",
        needs="stride > 1", x=lambda s: input_gradient(s, no_stride),
    ),
    planted(
        conv, "conv_dx_one_zero_too_many", "geometry", "dy is spread with s zeros between its entries, not s - 1",
        needs="stride > 1", x=lambda s: input_gradient(s, one_zero_too_many),
    ),
    planted(
        conv, "conv_dw_one_zero_too_many", "geometry", "for dw, dy is spread with s zeros, not s - 1",
        needs="stride > 1", w=lambda s: kernel_gradient(s, one_zero_too_many),
    ),
    planted(
        conv, "conv_dx_strides_of_h_and_w_swapped", "geometry", "dx uses the stride of W along H",
        needs="anisotropic stride", x=lambda s: input_gradient(s, other_stride),
    ),
    planted(
        conv, "conv_dw_dilation_ignored", "geometry", "dw reads neighbouring entries where its taps are dilated",
        needs="dilation", w=lambda s: kernel_gradient(s, no_dilation),
    ),
    planted(
        conv, "conv_dx_dilation_ignored", "geometry", "dx convolves with a kernel that is not spread by the dilation",
        needs="dilation", x=lambda s: input_gradient(s, no_dilation),
    ),
    planted(
        conv, "conv_dw_last_entries_of_a_remainder", "geometry",
        "with a remainder dw keeps the last K entries, not the first",
        needs="remainder", w=lambda s: kernel_gradient(s, rest_in_front),
    ),
    planted(
        conv, "conv_dx_remainder_in_front", "geometry", "the zeros of the remainder stand before dx, not behind it",
        needs="remainder", x=lambda s: input_gradient(s, rest_in_front),
    ),
    planted(
        conv, "conv_dx_crop_off_by_one", "geometry", "dx is cropped one entry late: shifted by one",
        needs="padding", x=lambda s: input_gradient(s, one_early),
    ),
    planted(
        conv, "conv_dx_padding_not_cropped", "geometry", "dx keeps the border in front: its padding is not cropped",
        needs="padding", x=lambda s: input_gradient(s, not_cropped),
    ),
    planted(
        conv, "conv_dw_from_unpadded_x", "wrong input", "dw reads x where it must read pad(x)",
        needs="padding", w=lambda s: kernel_gradient(s, padded=_unpadded(s)),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

MISTAKES: tuple[Mistake, ...] = (*ROTATION, *AXES, *SUMS, *GEOMETRY)
