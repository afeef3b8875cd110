"""The fourth set's mistakes in convolutions, written without sight of the rules or of the other sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.layers import conv, relu_conv, sigmoid_conv, true_conv
from tests.mistakes.mistake import Mistake, all_but_channels, rot180
from tests.mistakes.slips import again, conv_geometry, slip


def _weights_reshaped(s: Any) -> Any:
    g = conv_geometry(s)
    delta = np.moveaxis(s.dy, 0, -1).reshape(len(s.w), -1)
    return g.crop(g.add_columns(s.w.reshape(-1, len(s.w)) @ delta, s.x.shape[1]))


def _read_with(s: Any, *, stride: Any, dilation: Any) -> Any:
    """``dw`` of a loop that steps through the padded input with strides of its own."""
    g = conv_geometry(s)
    steps = (np.broadcast_to(given, g.rank) for given in (stride, dilation))
    sides = zip(g.out, g.kernel, *steps, strict=True)
    reach = tuple(slice(step * (t - 1) + d * (k - 1) + 1) for t, k, step, d in sides)
    config = {"stride": stride, "pad": 0, "dilation": dilation}
    return again(conv, s, x=g.pad_with(s.x)[(..., *reach)], config=config).w


def _added_by_index(s: Any) -> Any:
    """``dx[:, :, places] += columns``, in which NumPy adds once to a place that is named twice."""
    g = conv_geometry(s)
    padded = np.arange(math.prod(g.padded)).reshape(1, 1, *g.padded)
    places = np.stack([padded[tap].ravel() for tap in g.taps()])
    kernels, errors = (array.reshape(*array.shape[:2], -1) for array in (s.w, s.dy))
    columns = np.einsum("fck,nft->nckt", kernels, errors)
    dx = np.zeros((*s.x.shape[:2], padded.size))
    dx[:, :, places] += columns
    return g.crop(dx.reshape(*s.x.shape[:2], *g.padded))


def _before_the_crop(s: Any) -> Any:
    return again(conv, s, x=conv_geometry(s).pad_with(s.x), config=s.config | {"pad": 0}).x


def _cropped_from_the_start(s: Any) -> Any:
    return _before_the_crop(s)[(..., *map(slice, s.x.shape[2:]))]


def _remainder_in_front(s: Any) -> Any:
    g = conv_geometry(s)
    rest = tuple(slack % stride for slack, stride in zip(g.slack, g.stride, strict=True))
    return g.crop(np.roll(_before_the_crop(s), rest, tuple(range(2, s.x.ndim))))


def _turned_in_a_plane(s: Any) -> Any:
    return again(conv, s, w=s.w[..., ::-1]).x if s.x.ndim == 5 else s.right.x


CONV = (
    slip(
        conv,
        "columns_weights_reshaped",
        "transpose",
        "the kernels as rows have to be transposed for dX = Wᵀ dy; reshape leaves their entries in the old order",
        x=_weights_reshaped,
        needs="several kernels",
    ),
    slip(
        conv,
        "kernel_gradient_walks_by_ones",
        "geometry",
        "dw correlates x with dy as if the windows lay one apart: spread dy by the stride",
        w=lambda s: _read_with(s, stride=1, dilation=s.config["dilation"]),
        needs="stride > 1",
    ),
    slip(
        conv,
        "kernel_gradient_of_close_taps",
        "geometry",
        "dw reads neighbouring entries of x although the taps of a dilated kernel lie apart",
        w=lambda s: _read_with(s, stride=s.config["stride"], dilation=1),
        needs="dilation",
    ),
    slip(
        conv,
        "columns_added_by_index",
        "assignment",
        "dx[places] += columns adds only once where places repeat: use np.add.at, or a loop over the taps",
        x=_added_by_index,
        needs="windows that share an entry",
    ),
    slip(
        conv,
        "border_cut_at_the_far_end_only",
        "geometry",
        "the padded dx is cut to dx[:H, :W]; the border in front has to go too, dx[p : p + H]",
        x=_cropped_from_the_start,
        needs="padding",
    ),
    slip(
        conv,
        "remainder_put_in_front",
        "geometry",
        "the zeros for entries no window reaches are put in front of dx; they belong behind it",
        x=_remainder_in_front,
        needs="remainder",
    ),
    slip(
        conv,
        "volume_kernel_turned_in_a_plane",
        "rotation",
        "np.rot90(w, 2, axes=(2, 3)) turns two of the three spatial axes of a kernel for volumes",
        x=_turned_in_a_plane,
        needs="rank 3",
    ),
)

TRUE_CONV = (
    slip(
        true_conv,
        "all_axes_flipped_for_kernel",
        "axis",
        "x is flipped along its channels as well, so w[f, c] gets the gradient for another channel",
        w=lambda s: again(true_conv, s, x=s.x[:, ::-1]).w,
        needs="several channels",
    ),
    slip(
        true_conv,
        "rot90_of_the_first_axes",
        "axis",
        "np.rot90(w, 2) turns the first two axes, kernels and channels; the spatial ones have to be turned",
        x=lambda s: again(true_conv, s, w=rot180(s.w[::-1, ::-1])).x,
    ),
    slip(
        true_conv,
        "maps_zipped",
        "dropped term",
        "zip(range(F), range(C)) pairs each kernel with one channel; every pair has its own gradient",
        w=lambda s: (s.right.w.T * np.eye(*s.w.shape[1::-1])).T,
        needs="several channels or kernels",
    ),
)


def _mask_without_bias(s: Any, name: str) -> Any:
    z, _ = conv.vjp(s.x, s.w, 0 * s.b, **s.config)
    return getattr(again(conv, s, dy=s.dy * (z > 0)), name)


RELU_CONV = (
    slip(
        relu_conv,
        "bias_before_the_rectifier",
        "activation derivative",
        "db is summed before dy goes back through the rectifier: sum δ = dy ⊙ [z > 0]",
        b=lambda s: s.dy.sum(axis=all_but_channels(s.dy)),
    ),
    slip(
        relu_conv,
        "mask_before_the_bias",
        "mask",
        "the mask is taken of the convolution before the bias is added",
        x=lambda s: _mask_without_bias(s, "x"),
        w=lambda s: _mask_without_bias(s, "w"),
        b=lambda s: _mask_without_bias(s, "b"),
    ),
)


def _activated_twice(s: Any, name: str) -> Any:
    again_y = 1 / (1 + np.exp(-s.out))
    return getattr(again(conv, s, dy=s.dy * again_y * (1 - again_y)), name)


def _first_kernel_for_all(s: Any) -> Any:
    delta = s.dy * s.out * (1 - s.out)
    return again(conv, s, dy=delta, w=np.broadcast_to(s.w[:1], s.w.shape)).x


SIGMOID_CONV = (
    slip(
        sigmoid_conv,
        "slope_function_given_the_output",
        "activation derivative",
        "σ′ is called with y = σ(z), which is activated again inside: call it with z, or write y(1 - y)",
        x=lambda s: _activated_twice(s, "x"),
        w=lambda s: _activated_twice(s, "w"),
        b=lambda s: _activated_twice(s, "b"),
    ),
    slip(
        sigmoid_conv,
        "bias_averaged_over_examples",
        "constant factor",
        "db is divided by the batch size, dw is not: the cost has the mean in it already",
        b=lambda s: s.right.b / len(s.x),
        needs="batch > 1",
    ),
    slip(
        sigmoid_conv,
        "first_kernel_hands_everything_back",
        "wrong input",
        "the loop over the kernels convolves every dy[f] with w[0]: take w[f]",
        x=_first_kernel_for_all,
        needs="several kernels",
    ),
)


CONVOLUTIONS: tuple[Mistake, ...] = (*CONV, *TRUE_CONV, *RELU_CONV, *SIGMOID_CONV)
