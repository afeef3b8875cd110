"""The third set: convolutions of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import channels_last_conv, conv, relu_conv, sigmoid, sigmoid_conv, true_conv
from cnngrad.networks import connected_conv, partial_conv
from cnngrad.networks.channels_last import connections
from cnngrad.networks.paper import TABLE
from tests.mistakes.mistake import all_but_channels, rot180
from tests.mistakes.slips import again, conv_geometry, places, scattered, slip

some_maps = partial_conv(TABLE)


def _last_of_the_correlation(s: Any) -> Any:
    """``dw`` of length K and more where a remainder makes it longer: the last K entries of it."""
    g = conv_geometry(s)
    extra = [(slack % stride) // d * d for slack, stride, d in zip(g.slack, g.stride, g.dilation, strict=True)]
    later = g.pad_with(s.x)[(..., *(slice(start, None) for start in extra))]
    return again(conv, s, x=later, config=s.config | {"pad": 0}).w


def _every_stride_th(s: Any) -> Any:
    """``dw`` from the correlation with the spread ``dy``, every s-th entry of it and not every d-th."""
    g = conv_geometry(s)
    padded, dw = g.pad_with(s.x), np.zeros_like(s.w)
    for k in np.ndindex(*g.kernel):
        for t in np.ndindex(*g.out):
            at = places(t, k, g.stride, g.stride)
            if all(place < side for place, side in zip(at, g.padded, strict=True)):
                dw[(..., *k)] += s.dy[(..., *t)].T @ padded[(..., *at)]
    return dw


def _placed(s: Any, **placed: Any) -> Any:
    """``dx`` with the windows' contributions put somewhere else."""
    taps = s.w.reshape(*s.w.shape[:2], -1)
    return scattered(conv_geometry(s), lambda number: np.einsum("nf...,fc->nc...", s.dy, taps[..., number]), **placed)


def _spread_with_as_many_zeros_as_the_stride(s: Any) -> Any:
    return _placed(s, step=tuple(stride + 1 if stride > 1 else 1 for stride in conv_geometry(s).stride))


def _full_with_too_little_padding(s: Any) -> Any:
    """Padded by K - 1 on each side, a correlation with the spread kernel starts (d - 1)(K - 1) entries too late."""
    g = conv_geometry(s)
    return _placed(s, late=[-(d - 1) * (k - 1) for d, k in zip(g.dilation, g.kernel, strict=True)])


def _cropped_at_the_end_only(s: Any) -> Any:
    g = conv_geometry(s)
    whole = again(conv, s, x=g.pad_with(s.x), config=s.config | {"pad": 0}).x
    return whole[(..., *(slice(side) for side in g.size))]


def _buffered(s: Any) -> Any:
    i, j, k = connections(s.x.shape[1:], s.w.shape)
    dx, delta = np.zeros((len(s.x), s.x[0].size), s.x.dtype), s.dy.reshape(len(s.x), -1)
    dx[:, i] += s.w.ravel()[k] * delta[:, j]
    return dx


def _channels_and_kernels_reshaped(w: Any) -> Any:
    return w.reshape(w.shape[1], w.shape[0], *w.shape[2:]).swapaxes(0, 1)


def _without_first(dy: Any) -> Any:
    return np.concatenate([np.zeros_like(dy[:1]), dy[1:]])


def _slope(y: Any) -> Any:
    return y * (1 - y)


CONVOLUTIONS = (
    slip(
        conv, "conv_dx_turns_kernels_and_channels", "rotation",
        "dx writes w[::-1, ::-1] for the rotated kernel: that turns the axes of kernels and channels, not of space",
        x=lambda s: again(conv, s, w=rot180(np.flip(s.w, (0, 1)))).x,
    ),
    slip(
        conv, "conv_dx_kernel_reshaped_not_transposed", "transpose",
        "dx reads the kernels as (C, F) with a reshape where the two axes have to be swapped",
        needs="c > 1 and f > 1", x=lambda s: again(conv, s, w=_channels_and_kernels_reshaped(s.w)).x,
    ),
    slip(
        conv, "conv_dw_keeps_the_last_entries", "geometry",
        "a remainder makes the correlation for dw longer than K, and the last K entries are kept, not the first",
        needs="remainder", w=_last_of_the_correlation,
    ),
    slip(
        conv, "conv_dw_takes_every_stride_th", "geometry",
        "dw takes every s-th entry of the correlation where it must take every d-th: stride in the place of dilation",
        needs="stride other than dilation", w=_every_stride_th,
    ),
    slip(
        conv, "conv_dx_one_zero_too_many_when_spread", "geometry",
        "for dx, dy is spread with s zeros between its entries, not s - 1",
        needs="stride > 1", x=_spread_with_as_many_zeros_as_the_stride,
    ),
    slip(
        conv, "conv_dx_crops_the_far_side_twice", "geometry",
        "dx of the padded input is cropped by 2p at the end and by nothing in front: it is shifted by the padding",
        needs="padding", x=_cropped_at_the_end_only,
    ),
    slip(
        conv, "conv_dx_full_ignores_the_spread_kernel", "geometry",
        "the full correlation for dx pads by K - 1 where the spread kernel needs d(K - 1)",
        needs="dilation", x=_full_with_too_little_padding,
    ),
    slip(
        conv, "conv_dw_summed_in_float32", "precision",
        "dw is added up in a float32 array", w=lambda s: s.right.w.astype(np.float32),
    ),
    slip(
        conv, "conv_db_averaged_over_positions", "constant factor",
        "db is averaged over the output's positions where it must be summed",
        b=lambda s: s.dy.mean(axis=tuple(range(2, s.dy.ndim))).sum(axis=0),
    ),
    slip(
        true_conv, "true_conv_averages_over_the_batch", "constant factor",
        "dw and db are divided by the number of samples: the mean over the batch, which the forward does not take",
        needs="batch > 1", w=lambda s: s.right.w / len(s.x), b=lambda s: s.right.b / len(s.x),
    ),
    slip(
        true_conv, "true_conv_dx_convn_without_rot180", "rotation",
        "dx is convn(dy, w, 'full') where it must be convn(dy, rot180(w), 'full')",
        x=lambda s: again(true_conv, s, w=rot180(s.w)).x,
    ),
    slip(
        true_conv, "true_conv_dw_pairs_wrong_samples", "order",
        "dw pairs the dy of each sample with the x of another: the batch of x is reversed and that of dy is not",
        needs="batch > 1", w=lambda s: again(true_conv, s, x=s.x[::-1]).w,
    ),
    slip(
        true_conv, "true_conv_dw_flips_channels_too", "order",
        "flipall turns the channels of x as well: dw of each channel is made with the x of another",
        needs="c > 1", w=lambda s: again(true_conv, s, x=s.x[:, ::-1]).w,
    ),
    slip(
        true_conv, "true_conv_db_of_the_last_sample", "assignment",
        "in the loop over the samples db is assigned, not added to: the last sample's alone is left",
        needs="batch > 1", b=lambda s: s.dy[-1].sum(axis=tuple(range(1, s.dy[0].ndim))),
    ),
    slip(
        relu_conv, "relu_conv_db_without_mask_of_z", "activation derivative",
        "db sums dy and not δ = dy ⊙ f′(z): the mask is left out for the bias",
        b=lambda s: s.dy.sum(axis=all_but_channels(s.dy)),
    ),
    slip(
        relu_conv, "relu_conv_mask_from_dy", "mask",
        "δ is taken to be max(dy, 0): the mask looks at dy where it must look at z",
        x=lambda s: again(conv, s, dy=np.maximum(s.dy, 0)).x,
        w=lambda s: again(conv, s, dy=np.maximum(s.dy, 0)).w,
        b=lambda s: again(conv, s, dy=np.maximum(s.dy, 0)).b,
    ),
    slip(
        relu_conv, "relu_conv_delta_before_activation", "activation derivative",
        "dy is taken for the δ before the activation, and δ is handed down before the activation of the layer below: "
        "dw and db lack the mask z > 0, dx lacks it and has a mask x > 0 instead",
        x=lambda s: again(conv, s).x * (s.x > 0), w=lambda s: again(conv, s).w, b=lambda s: again(conv, s).b,
    ),
    slip(
        sigmoid_conv, "sigmoid_conv_dx_slope_twice", "activation derivative",
        "dx has f′(z) twice: δ is multiplied by it where δ is made and where it is handed down",
        x=lambda s: again(conv, s, dy=s.dy * _slope(s.out) ** 2).x,
    ),
    slip(
        sigmoid_conv, "sigmoid_conv_slope_at_the_output", "activation derivative",
        "f′ is evaluated at y = f(z) as if that were z: the sigmoid is applied twice before the slope is taken",
        **{
            name: lambda s, name=name: getattr(again(conv, s, dy=s.dy * _slope(sigmoid(s.out)[0])), name)
            for name in ("x", "w", "b")
        },
    ),
    slip(
        sigmoid_conv, "sigmoid_conv_delta_before_activation", "activation derivative",
        "dy is taken for the δ before the activation, and δ is handed down before the activation of the layer below: "
        "dw and db lack f′(z), dx lacks it and has x(1 - x) too many",
        x=lambda s: again(conv, s).x * _slope(s.x), w=lambda s: again(conv, s).w, b=lambda s: again(conv, s).b,
    ),
    slip(
        channels_last_conv, "channels_last_db_by_reshape", "axis",
        "db is dy.reshape(F, -1).sum(1), as if the channels came first: the sums run over the wrong axes",
        needs="f > 1", b=lambda s: s.dy.reshape(len(s.b), -1).sum(axis=1),
    ),
    slip(
        channels_last_conv, "channels_last_dw_without_first_sample", "dropped sample",
        "the loop for dw starts at sample 1: the first sample is left out",
        w=lambda s: again(channels_last_conv, s, dy=_without_first(s.dy)).w,
    ),
    slip(
        channels_last_conv, "channels_last_dx_first_kernel_only", "wrong input",
        "in the loop over the kernels dx reads w[0] where it must read w[f]",
        needs="f > 1", x=lambda s: again(channels_last_conv, s, w=np.broadcast_to(s.w[:1], s.w.shape)).x,
    ),
    slip(
        connected_conv, "connected_conv_dw_averaged", "constant factor",
        "dw is averaged over the places that share a weight, where it is summed over them",
        w=lambda s: s.right.w / s.out[0, ..., 0].size,
    ),
    slip(
        some_maps, "partial_conv_dx_from_all_maps", "mask",
        "dx goes through all kernels, also those that the connection table leaves out of the forward",
        x=lambda s: again(true_conv, s).x,
    ),
    slip(
        connected_conv, "connected_conv_dx_buffered", "assignment",
        "dx[:, i] += ... adds once where an index comes more than once: the last connection of each node alone counts",
        x=_buffered,
    ),
    slip(
        some_maps, "partial_conv_dw_of_absent_connections", "mask",
        "dw is not multiplied by the connection table: kernels that no map uses get a gradient",
        w=lambda s: again(true_conv, s).w,
    ),
    slip(
        some_maps, "partial_conv_db_stays_zero", "dropped term",
        "db is made as zeros and never filled", b=lambda s: np.zeros_like(s.b),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line
