"""The ninth set, plain convolutions: what goes wrong between the sums on paper and the loops in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.layers import conv, conv1d, conv2d, conv3d, true_conv, true_conv2d
from tests.mistakes.mistake import Mistake, rot180
from tests.mistakes.slips import again, conv_geometry, scattered, slip


def through_taps(s: Any) -> Callable[[int], Any]:
    """What every output hands back through one tap of the kernel, summed over the kernels."""
    taps = s.w.reshape(*s.w.shape[:2], -1)
    return lambda number: np.einsum("nf...,fc->nc...", s.dy, taps[:, :, number])


def unmoved(dy: Any) -> Any:
    """``dy (N, F, *T)`` reshaped to ``(F, N·T)`` as it lies, and read as if the kernels had been moved first."""
    return np.moveaxis(dy.reshape(dy.shape[1], dy.shape[0], *dy.shape[2:]), 0, 1)


def uncropped(s: Any) -> Any:
    """The gradient of the padded input, cut from its first entry on instead of from the first that is not padding."""
    g = conv_geometry(s)
    padded = again(conv, s, x=g.pad_with(s.x), config={**s.config, "pad": 0}).x
    return padded[(..., *(slice(size) for size in g.size))]


def last_kernel(s: Any) -> Any:
    kept = np.zeros_like(s.dy)
    kept[:, -1] = s.dy[:, -1]
    return again(conv, s, dy=kept).x


def misread_kernels(s: Any) -> Any:
    """The kernels reshaped to ``(C, F, *K)``, where the two axes should have been swapped."""
    kernels, channels, *sides = s.w.shape
    return again(conv, s, w=s.w.reshape(channels, kernels, *sides).swapaxes(0, 1)).x


def columns_reshaped(s: Any) -> Any:
    """The matrix ``(C·K, F)`` reshaped to ``(F, C, *K)`` without the transpose."""
    return s.right.w.reshape(len(s.w), -1).T.reshape(s.w.shape)


CONV: tuple[Mistake, ...] = (
    slip(
        conv2d,
        "ninth_full_without_rot180",
        "rotation",
        "dx convolves δ fully with the kernel as it stands, by sliding it; the kernel must be rotated by 180 degrees "
        "first, because the forward is a cross-correlation.",
        x=lambda s: again(conv, s, w=rot180(s.w)).x,
        needs="a kernel larger than 1",
    ),
    slip(
        conv3d,
        "ninth_rot90_twice_in_3d",
        "rotation",
        "dx rotates the 3-D kernel by two quarter turns in the plane of the last two axes, as in 2-D; the depth "
        "axis must be flipped too.",
        x=lambda s: again(conv, s, w=np.flip(s.w, 2)).x,
        needs="a kernel deeper than 1",
    ),
    slip(
        conv1d,
        "ninth_delta_not_dilated",
        "geometry",
        "dx convolves δ fully without putting stride - 1 zeros between its entries, so each δ lands at t instead of "
        "at t·stride.",
        x=lambda s: scattered(conv_geometry(s), through_taps(s), step=(1,)),
        needs="stride > 1",
    ),
    slip(
        conv1d,
        "ninth_full_pads_k",
        "geometry",
        "dx pads δ with K zeros before the full correlation instead of with K - 1, so all of dx lies one entry too "
        "far to the right.",
        x=lambda s: scattered(conv_geometry(s), through_taps(s), late=1),
    ),
    slip(
        conv,
        "ninth_one_stride_for_all_axes",
        "geometry",
        "dx puts δ back with the stride of the first spatial axis along every axis; each axis must use its own stride.",
        x=lambda s: scattered(
            conv_geometry(s), through_taps(s), step=conv_geometry(s).stride[:1] * conv_geometry(s).rank
        ),
        needs="a stride that differs between the axes",
    ),
    slip(
        conv2d,
        "ninth_padding_cut_at_the_end",
        "geometry",
        "dx is cut out of the gradient of the padded input as its first H rows and W columns; it must start at the "
        "padding, [p : p + H, p : p + W].",
        x=uncropped,
        needs="padding",
    ),
    slip(
        conv2d,
        "ninth_dx_keeps_last_kernel",
        "assignment",
        "dx is assigned inside the loop over the output maps, so that only the last map's share stays; the shares "
        "of all output maps must be added up.",
        x=last_kernel,
        needs="more than one kernel",
    ),
    slip(
        conv2d,
        "ninth_db_is_the_mean_of_delta",
        "constant factor",
        "db averages δ over the places of the map; the bias is added at every place, so db is the sum over them "
        "(and over the samples).",
        b=lambda s: s.dy.mean(axis=(2, 3)).sum(axis=0),
        needs="more than one place in the output",
    ),
    slip(
        conv2d,
        "ninth_delta_reshaped_not_moved",
        "axis",
        "δ (N, F, H, W) is reshaped to (F, N·H·W) without moving the axis of the kernels to the front, which mixes "
        "samples and kernels; transpose to (F, N, H, W) first.",
        x=lambda s: again(conv, s, dy=unmoved(s.dy)).x,
        w=lambda s: again(conv, s, dy=unmoved(s.dy)).w,
        b=lambda s: again(conv, s, dy=unmoved(s.dy)).b,
        needs="more than one sample and more than one kernel",
    ),
    slip(
        conv2d,
        "ninth_dw_columns_reshaped",
        "transpose",
        "dw is the product (C·K·K, F) of columns and δ, reshaped to (F, C, K, K) at once; it must be transposed to "
        "(F, C·K·K) before.",
        w=columns_reshaped,
        needs="more than one kernel and more than one weight in each",
    ),
    slip(
        conv2d,
        "ninth_kernels_reshaped_for_dx",
        "transpose",
        "dx swaps the kernel's axes F and C with reshape(C, F, K, K), which reorders the entries; it must be "
        "transpose(1, 0, 2, 3).",
        x=misread_kernels,
        needs="more than one input channel and more than one kernel",
    ),
    slip(
        true_conv2d,
        "ninth_true_dw_as_correlation",
        "rotation",
        "dw is the plain valid correlation of x with δ, as if the forward were a cross-correlation; the forward "
        "rotates the kernel, so dw must be rotated by 180 degrees.",
        w=lambda s: rot180(s.right.w),
        needs="a kernel larger than 1",
    ),
    slip(
        true_conv,
        "ninth_true_dw_divided_by_batch",
        "constant factor",
        "dw is divided by the number of samples, while the layer must only sum over them; the mean belongs to the "
        "loss, whose gradient dy already has it.",
        w=lambda s: s.right.w / len(s.x),
        needs="more than one sample",
    ),
)
CONV_ALSO: dict[str, tuple[str, ...]] = {
    "ninth_full_without_rot180": (),
    "ninth_rot90_twice_in_3d": ("axis",),
    "ninth_dx_keeps_last_kernel": ("accumulated", "dropped term"),
    "ninth_db_is_the_mean_of_delta": ("extra factor",),
    "ninth_delta_reshaped_not_moved": ("order", "transpose"),
    "ninth_dw_columns_reshaped": ("order", "axis"),
    "ninth_kernels_reshaped_for_dx": ("order", "axis"),
    "ninth_true_dw_divided_by_batch": ("extra factor",),
}
