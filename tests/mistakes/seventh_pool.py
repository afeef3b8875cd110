"""The seventh set's poolings: argmax indices, upsampling by repetition, powers and areas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.layers import max_pool, mean_pool, p_norm_pool, subsample
from cnngrad.layers._windows import Windows
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import again, places, pool_geometry, routed, scattered, slip


def _place(g: Windows, padded: Any) -> Any:
    return np.stack([padded[tap] for tap in g.taps()]).argmax(axis=0)


def _column_major(place: Any, g: Windows) -> Any:
    return np.ravel_multi_index(np.unravel_index(place, g.kernel, order="F"), g.kernel)


def _windows_overwritten(s: Any) -> Any:
    """``dx[window] = mask * dy``: the zeros of the mask wipe out what an earlier window has put there."""
    g = pool_geometry(s)
    place = _place(g, g.pad_with(s.x, -np.inf))
    padded = g.zeros(s.x, s.x.dtype)
    for t in np.ndindex(*g.out):
        for number, k in enumerate(np.ndindex(*g.kernel)):
            at = (..., *places(t, k, g.stride, g.dilation))
            padded[at] = s.dy[(..., *t)] * (place[(..., *t)] == number)
    return g.crop(padded)


def _zeros_compete(s: Any) -> Any:
    g = pool_geometry(s)
    place = _place(g, g.pad_with(s.x, 0.0))
    return scattered(g, lambda number: s.dy * (place == number))


def _area(s: Any, g: Windows) -> Any:
    if s.config["count_padding"]:
        return math.prod(g.kernel)
    valid = g.pad_with(np.ones(g.size))
    return np.sum([valid[tap] for tap in g.taps()], axis=0)


def _repeated(s: Any) -> Any:
    """``np.repeat`` by the window along every axis, cut or filled up with zeros to the padded input's size."""
    g = pool_geometry(s)
    up = s.dy / _area(s, g)
    for axis, side in enumerate(g.kernel, start=2):
        up = np.repeat(up, side, axis)
    padded = g.zeros(s.x, s.x.dtype)
    shared = (..., *(slice(min(a, b)) for a, b in zip(up.shape[2:], g.padded, strict=True)))
    padded[shared] = up[shared]
    return g.crop(padded)


def _square_window(s: Any) -> Any:
    g = pool_geometry(s)
    return s.right.x * (math.prod(g.kernel) / g.kernel[0] ** g.rank if s.config["count_padding"] else 1)


def _signed_power(s: Any) -> Any:
    g, p = pool_geometry(s), s.config["p"]
    padded, taps = g.pad_with(s.x), list(g.taps())
    y = np.where(s.out == 0, 1, s.out)
    return scattered(g, lambda number: s.dy * padded[taps[number]] ** (p - 1) / y ** (p - 1))


def _inner_power_only(s: Any) -> Any:
    g, p = pool_geometry(s), s.config["p"]
    padded, taps = g.pad_with(s.x), list(g.taps())

    def share(number: int) -> Any:
        entry = padded[taps[number]]
        return s.dy * np.sign(entry) * np.abs(entry) ** (p - 1)

    return scattered(g, share)


def _upsampled_delta(s: Any) -> Any:
    delta = s.dy * (s.out * (1 - s.out) if s.config["activation"] == "sigmoid" else 1)
    for axis in range(2, s.x.ndim):
        delta = np.repeat(delta, s.config["window"], axis)
    return delta


POOL: tuple[Mistake, ...] = (
    slip(
        max_pool,
        "seventh_max_pool_index_read_column_major",
        "pooling routing",
        "The number of the maximum in its window, counted row by row, is turned back into a place column by column, as "
        "MATLAB's ind2sub does; it must be read row by row, so dy lands on another entry of the window.",
        x=lambda s: routed(s, s.x, _column_major),
        needs="a window with two sides above 1",
    ),
    slip(
        max_pool,
        "seventh_max_pool_mask_written_over",
        "assignment",
        "Each window's dx is set, dx[window] = mask * dy, so a later window that overlaps wipes out what an earlier "
        "one gave; it must be added, dx[window] += mask * dy.",
        x=_windows_overwritten,
        needs="overlap",
    ),
    slip(
        max_pool,
        "seventh_max_pool_zero_border_wins",
        "pooling routing",
        "The backward looks for the maximum in an input padded with zeros, so in a border window of negative entries "
        "the padding wins and dy is lost; the padding must be -inf, as in the forward.",
        x=_zeros_compete,
        needs="padding and a border window of negative entries only",
    ),
    slip(
        mean_pool,
        "seventh_mean_pool_repeated_by_window",
        "geometry",
        "dx repeats dy/A by the window's side and sets the blocks edge to edge; the windows lie a stride apart, so "
        "each block must begin at t * stride and blocks that overlap must add up.",
        x=_repeated,
        needs="stride other than the window",
    ),
    slip(
        mean_pool,
        "seventh_mean_pool_area_of_a_square",
        "constant factor",
        "dy is divided by the window's first side to the power of the number of axes (k*k); the area must be the "
        "product of the window's sides.",
        x=_square_window,
        needs="rectangular window, padding counted",
    ),
    slip(
        mean_pool,
        "seventh_mean_pool_border_by_full_area",
        "constant factor",
        "The forward divides border windows by the number of valid entries, the backward divides every dy by the full "
        "area of the window; it must divide by the number of valid entries too.",
        x=lambda s: again(mean_pool, s, config=s.config | {"count_padding": True}).x,
        needs="padding not counted",
    ),
    slip(
        p_norm_pool,
        "seventh_p_norm_power_of_signed_x",
        "sign",
        "dx uses x**(p-1) with x's own sign, which loses the sign for an odd p and is NaN for a negative x and a "
        "fractional p; it must be sign(x) |x|**(p-1).",
        x=_signed_power,
        needs="p other than an even number, negative entries",
    ),
    slip(
        p_norm_pool,
        "seventh_p_norm_without_outer_root",
        "missing term",
        "dx = dy sign(x) |x|^(p-1) derives only the sum of powers; the derivative of the outer 1/p-th root is "
        "missing, so it must also be multiplied by y^(1-p).",
        x=_inner_power_only,
        needs="p > 1",
    ),
    slip(
        subsample,
        "seventh_subsample_dbeta_of_the_mean",
        "constant factor",
        "dβ multiplies δ by the mean of each block; the forward scales the sum of the block, so dβ must use the sum.",
        beta=lambda s: s.right.beta / s.config["window"] ** (s.x.ndim - 2),
        needs="window > 1",
    ),
    slip(
        subsample,
        "seventh_subsample_dx_without_beta",
        "missing term",
        "dx is the upsampled δ alone; it must also be multiplied by the channel's β.",
        x=_upsampled_delta,
    ),
    slip(
        subsample,
        "seventh_subsample_dx_before_the_sigmoid",
        "activation derivative",
        "dx upsamples dy times β without the sigmoid's derivative; it must upsample δ = dy y(1 - y), as dβ and db do.",
        x=lambda s: again(subsample, s, config=s.config | {"activation": "identity"}).x,
        needs="sigmoid",
    ),
)

ALSO_POOL: dict[str, tuple[str, ...]] = {
    "seventh_max_pool_index_read_column_major": ("order",),
    "seventh_max_pool_mask_written_over": ("accumulated",),
    "seventh_max_pool_zero_border_wins": ("mask", "geometry"),
    "seventh_mean_pool_area_of_a_square": ("geometry",),
    "seventh_mean_pool_border_by_full_area": ("geometry",),
    "seventh_p_norm_power_of_signed_x": ("not a number", "power"),
    "seventh_p_norm_without_outer_root": ("power", "dropped term"),
    "seventh_subsample_dbeta_of_the_mean": ("extra factor",),
    "seventh_subsample_dx_without_beta": ("dropped term",),
    "seventh_subsample_dx_before_the_sigmoid": ("missing term", "wrong input"),
}
