"""The sixth set, pooling: places, areas and borders that a port from another language gets wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.layers import max_pool, mean_pool, p_norm_pool, subsample
from cnngrad.layers._windows import Windows
from cnngrad.layers.mean_pool import _area
from tests.mistakes.mistake import Mistake, over_channels
from tests.mistakes.slips import again, pool_geometry, routed, scattered, slip


def _column_major(number: Any, g: Windows) -> Any:
    """A number counted row by row, read as MATLAB's ind2sub reads it."""
    return np.ravel_multi_index(np.unravel_index(number, g.kernel, order="F"), g.kernel)


def _padded_route(s: Any, border: float) -> Any:
    """Max pooling's gradient of the padded input, the border filled with a value of one's own choice."""
    g = pool_geometry(s)
    return again(max_pool, s, x=g.pad_with(s.x, border), config={**s.config, "pad": 0}).x


def _uncropped(s: Any) -> Any:
    return _padded_route(s, -np.inf)[(..., *map(slice, s.x.shape[2:]))]


def _mean_share(s: Any) -> Any:
    return s.dy / _area("mean_pool", pool_geometry(s), s.config["count_padding"], s.x)


def _window_for_stride(s: Any) -> Any:
    g = pool_geometry(s)
    return scattered(g, lambda _: _mean_share(s), step=g.kernel)


def _squared_first_side(s: Any) -> Any:
    """Only the fixed area can be written so; counted areas are no product of sides."""
    g = pool_geometry(s)
    return s.right.x * math.prod(g.kernel) / g.kernel[0] ** g.rank if s.config["count_padding"] else s.right.x


def _clamped(s: Any) -> Any:
    """The entries behind the last window repeat the last one that it reaches."""
    g = pool_geometry(s)
    share = _mean_share(s)
    padded = g.zeros(s.x, share.dtype)
    for tap in g.taps():
        padded[tap] += share
    for axis, (step, out, side) in enumerate(zip(g.stride, g.out, g.kernel, strict=True), start=2):
        moved = np.moveaxis(padded, axis, 0)
        end = step * (out - 1) + side
        moved[end:] = moved[end - 1]
    return g.crop(padded)


def _tiled(s: Any) -> Any:
    delta = s.dy * s.out * (1 - s.out) if s.config["activation"] == "sigmoid" else s.dy
    repeats = np.array(s.x.shape) // np.array(s.dy.shape)
    return over_channels(s.beta, s.x) * np.tile(delta, repeats)


POOLING: tuple[Mistake, ...] = (
    slip(
        max_pool,
        "sixth_max_pool_place_read_column_major",
        "pooling routing",
        "the place of the maximum is counted row by row in the forward pass and decoded column by column in the "
        "backward pass (MATLAB's ind2sub), so dy goes to the transposed place in the window; both must be row-major",
        x=lambda s: routed(s, s.x, _column_major),
        needs="a window larger than 1 along two axes",
    ),
    slip(
        max_pool,
        "sixth_max_pool_border_not_cropped_off",
        "geometry",
        "dx is filled in padded coordinates and its first H x W entries are returned, so it lies too far down by the "
        "padding; the padding must be cropped off on both sides, dx[p:p+H]",
        x=_uncropped,
        needs="padding",
    ),
    slip(
        max_pool,
        "sixth_max_pool_backward_pads_zeros",
        "pooling routing",
        "the backward pass looks for the maximum again in an x padded with zeros, so in border windows of negative "
        "entries the padding wins and their dy is lost; it must pad with -inf or use the recorded place",
        x=lambda s: pool_geometry(s).crop(_padded_route(s, 0.0)),
        needs="padding, and border windows whose entries are all negative",
    ),
    slip(
        mean_pool,
        "sixth_mean_pool_window_for_stride",
        "geometry",
        "the backward pass starts window i at i*window (as an upsample does) and not at i*stride, so shares land in "
        "the wrong place or outside; it must start at i*stride",
        x=_window_for_stride,
        needs="a stride other than the window",
    ),
    slip(
        mean_pool,
        "sixth_mean_pool_divides_by_side_squared",
        "constant factor",
        "dy is divided by the first side of the window squared (scale^2, cubed in 3-D), which is the area of a square "
        "window only; it must be divided by the product of the window's sides",
        x=_squared_first_side,
        needs="a rectangular window",
    ),
    slip(
        mean_pool,
        "sixth_mean_pool_full_area_at_border",
        "constant factor",
        "dy is divided by the full window area everywhere although the forward pass divides by the valid entries "
        "only; border windows must be divided by the number of their entries that are not padding",
        x=lambda s: again(mean_pool, s, config={**s.config, "count_padding": True}).x,
        needs="padding that does not count in the area",
    ),
    slip(
        mean_pool,
        "sixth_mean_pool_remainder_clamped",
        "geometry",
        "the entries behind the last window get the last window's share, because the index of the window is clamped "
        "to the last one; no window reads the remainder, so its gradient must be 0",
        x=_clamped,
        needs="a remainder that is not all padding",
    ),
    slip(
        p_norm_pool,
        "sixth_p_norm_pool_sign_lost",
        "missing term",
        "dx = dy (|x|/y)^(p-1) lacks the factor sign(x), the derivative of |x|, so negative entries get the wrong "
        "sign; it must be dy sign(x) (|x|/y)^(p-1)",
        x=lambda s: s.right.x * np.sign(s.x),
        needs="negative entries",
    ),
    slip(
        p_norm_pool,
        "sixth_p_norm_pool_inner_p_forgotten",
        "constant factor",
        "dx keeps the 1/p that the outer root brings down and forgets the p of the inner power that cancels it, so dx "
        "is too small by the factor p; there must be neither",
        x=lambda s: s.right.x / s.config["p"],
        needs="p other than 1",
    ),
    slip(
        subsample,
        "sixth_subsample_delta_tiled",
        "order",
        "delta is upsampled with np.tile, which repeats the whole map, and not with np.repeat (or kron with ones), "
        "which repeats each entry; every entry of a block must get the delta of its own block",
        x=_tiled,
        needs="a window larger than 1 and more than one block along an axis",
    ),
)

ALSO: dict[str, tuple[str, ...]] = {
    "sixth_max_pool_place_read_column_major": ("transpose", "order"),
    "sixth_max_pool_backward_pads_zeros": ("mask", "wrong input", "geometry"),  # padding with 0 wins
    "sixth_mean_pool_divides_by_side_squared": ("power", "extra factor"),
    "sixth_mean_pool_full_area_at_border": ("geometry", "extra factor"),
    "sixth_mean_pool_remainder_clamped": ("added term", "mask"),
    "sixth_p_norm_pool_sign_lost": ("sign",),
    "sixth_p_norm_pool_inner_p_forgotten": ("extra factor", "missing term"),
    "sixth_subsample_delta_tiled": ("geometry", "axis", "pooling routing"),  # np.repeat, not np.tile
}
