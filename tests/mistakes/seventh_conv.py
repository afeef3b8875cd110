"""The seventh set's plain convolutions: loops, im2col and autograd functions as homework has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import conv1d, conv2d, conv3d
from cnngrad.layers._windows import Windows
from tests.mistakes.mistake import Mistake, only_sample, rot180
from tests.mistakes.slips import again, conv_geometry, scattered, slip


def _shares(s: Any) -> Any:
    """What each window gives to a tap: ``Σ_f w[f, c, tap] dy[n, f]``."""
    rows = s.w.reshape(*s.w.shape[:2], -1)
    return lambda number: np.einsum("fc,nf...->nc...", rows[:, :, number], s.dy)


def _kernel_gradient(s: Any, stride: Any, dilation: Any) -> Any:
    """``dw`` with windows read at another stride or dilation than that of the forward pass."""
    g = conv_geometry(s)
    read = Windows(g.size, g.kernel, stride or g.stride, g.pad, dilation or g.dilation)
    padded, dw = g.pad_with(s.x), np.zeros_like(s.w)
    for k in np.ndindex(*g.kernel):
        starts = [i * d for i, d in zip(k, read.dilation, strict=True)]
        at = tuple(slice(a, a + h * (t - 1) + 1, h) for a, h, t in zip(starts, read.stride, g.out, strict=True))
        dw[(..., *k)] = np.einsum("nfp,ncp->fc", _flat(s.dy), _flat(padded[(..., *at)]))
    return dw


def _flat(maps: Any) -> Any:
    return maps.reshape(*maps.shape[:2], -1)


def _cropped_from_the_start(s: Any) -> Any:
    g, share = conv_geometry(s), _shares(s)
    padded = g.zeros(s.x, s.x.dtype)
    for number, tap in enumerate(g.taps()):
        padded[tap] += share(number)
    return padded[(..., *(slice(size) for size in g.size))]


def _fancy_indexed(s: Any) -> Any:
    """``dx_pad[idx] += cols``: of equal indices NumPy keeps the last, and the taps come in row-major order."""
    g, share = conv_geometry(s), _shares(s)
    padded = g.zeros(s.x, s.x.dtype)
    for number, tap in enumerate(g.taps()):
        padded[tap] = share(number)
    return g.crop(padded)


def _remainder_in_front(s: Any) -> Any:
    g = conv_geometry(s)
    return scattered(g, _shares(s), late=tuple(a % b for a, b in zip(g.slack, g.stride, strict=True)))


def _without_stride(s: Any) -> Any:
    g = conv_geometry(s)
    return scattered(g, _shares(s), step=(1,) * g.rank)


def _dy_read_as_kernels_first(s: Any) -> Any:
    """``dy.reshape(F, -1)`` taken for ``dy.transpose(1, 0, 2, 3).reshape(F, -1)``."""
    samples, kernels, *sides = s.dy.shape
    return s.dy.reshape(kernels, samples, *sides).swapaxes(0, 1)


def _without_first_window(s: Any) -> Any:
    dy = np.array(s.dy)
    dy[..., 0] = 0
    return dy


CONV: tuple[Mistake, ...] = (
    slip(
        conv2d,
        "seventh_conv2d_dx_cut_at_the_far_end",
        "geometry",
        "The gradient of the padded input is cropped as dx_pad[:H, :W]; the border lies on both sides, so it must be "
        "dx_pad[p:p+H, p:p+W].",
        x=_cropped_from_the_start,
        needs="padding",
    ),
    slip(
        conv2d,
        "seventh_conv2d_dw_set_per_sample",
        "assignment",
        "In the loop over samples dw is set (dw = ...) where it must be added to (dw += ...), so only the last "
        "sample's gradient is left.",
        w=lambda s: again(conv2d, s, dy=only_sample(s.dy, len(s.dy) - 1)).w,
        needs="batch > 1",
    ),
    slip(
        conv2d,
        "seventh_conv2d_col2im_by_fancy_index",
        "assignment",
        "col2im writes dx_pad[indices] += columns, in which NumPy keeps only the last of the entries with equal "
        "indices; the shares of overlapping windows must add up, with np.add.at or a loop over the taps.",
        x=_fancy_indexed,
        needs="overlap",
    ),
    slip(
        conv1d,
        "seventh_conv1d_dx_kernel_as_it_stands",
        "rotation",
        "dx slides the kernel over the padded dy as it stands; the forward is a cross-correlation, so in dx the kernel "
        "must be reversed.",
        x=lambda s: again(conv1d, s, w=rot180(s.w)).x,
        needs="a kernel of more than one tap",
    ),
    slip(
        conv2d,
        "seventh_conv2d_dx_dy_not_spread_by_stride",
        "geometry",
        "dx is the full convolution of dy itself; at a stride above 1 the entries of dy must first be put s apart, "
        "with zeros between them.",
        x=_without_stride,
        needs="stride > 1",
    ),
    slip(
        conv1d,
        "seventh_conv1d_dw_reads_every_entry",
        "geometry",
        "dw pairs dy[t] with x[t + k]; window t begins at t * stride, so it must be x[t * stride + k].",
        w=lambda s: _kernel_gradient(s, (1,), None),
        needs="stride > 1",
    ),
    slip(
        conv2d,
        "seventh_conv2d_dw_taps_side_by_side",
        "geometry",
        "dw[u, v] reads the input u and v entries into the window, without the dilation; tap (u, v) lies at "
        "(u * dilation, v * dilation).",
        w=lambda s: _kernel_gradient(s, None, (1, 1)),
        needs="dilation",
    ),
    slip(
        conv3d,
        "seventh_conv3d_dx_turned_in_the_plane",
        "rotation",
        "For dx the kernel is turned by 180 degrees in its last two axes only, as in 2-D code; in 3-D it must be "
        "reversed along the depth as well.",
        x=lambda s: again(conv3d, s, w=np.flip(s.w, 2)).x,
        needs="a kernel with a depth above 1",
    ),
    slip(
        conv2d,
        "seventh_conv2d_im2col_dy_without_transpose",
        "order",
        "dy (N, F, H, W) is made a matrix by dy.reshape(F, -1), which mixes samples and kernels; the kernel axis must "
        "be moved to the front first, dy.transpose(1, 0, 2, 3).reshape(F, -1). dw and dx use the mixed matrix.",
        x=lambda s: again(conv2d, s, dy=_dy_read_as_kernels_first(s)).x,
        w=lambda s: again(conv2d, s, dy=_dy_read_as_kernels_first(s)).w,
        needs="batch > 1 and several kernels",
    ),
    slip(
        conv2d,
        "seventh_conv2d_im2col_dw_reshaped",
        "transpose",
        "The product columns @ dyᵀ of shape (C*KH*KW, F) is reshaped to dw's (F, C, KH, KW) as it is; it must be "
        "transposed before it is reshaped.",
        w=lambda s: s.right.w.reshape(len(s.w), -1).T,
        needs="several kernels of more than one entry",
    ),
    slip(
        conv2d,
        "seventh_conv2d_dx_remainder_padded_in_front",
        "geometry",
        "Where the stride leaves a remainder, dx is filled up with zeros in front, which moves it down and to the "
        "right; the rows and columns that no window reaches lie at the far end, so the zeros must go there.",
        x=_remainder_in_front,
        needs="remainder",
    ),
    slip(
        conv1d,
        "seventh_conv1d_loop_from_one",
        "dropped term",
        "The loop over output positions runs from 1, as in MATLAB, and skips position 0; it must run from 0. The first "
        "window is missing from dw and dx.",
        x=lambda s: again(conv1d, s, dy=_without_first_window(s)).x,
        w=lambda s: again(conv1d, s, dy=_without_first_window(s)).w,
    ),
)

ALSO_CONV: dict[str, tuple[str, ...]] = {
    "seventh_conv2d_dw_set_per_sample": ("accumulated", "dropped sample"),
    "seventh_conv2d_col2im_by_fancy_index": ("accumulated",),
    "seventh_conv3d_dx_turned_in_the_plane": ("axis",),
    "seventh_conv2d_im2col_dy_without_transpose": ("transpose", "axis"),
    "seventh_conv2d_im2col_dw_reshaped": ("order",),
    "seventh_conv1d_loop_from_one": ("geometry", "missing term"),
}
