"""The fifth set: pooling, written as loops with a slice of the input and its mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import max_pool, mean_pool, p_norm_pool, subsample
from tests.mistakes.fifth_parts import entries, masked, window_area
from tests.mistakes.slips import again, pool_geometry, scattered, slip


def _mask_assigned(s: Any) -> Any:
    """``dx[window] = mask * dy``: also its zeros overwrite what is there."""
    g = pool_geometry(s)
    return scattered(g, masked(s.dy, entries(g, s.x, -np.inf).argmax(axis=0)), add=False)


def _column_by_column(s: Any) -> Any:
    """The place counted row by row, taken apart column by column."""
    g = pool_geometry(s)
    place = entries(g, s.x, -np.inf).argmax(axis=0)
    turned = np.ravel_multi_index(np.unravel_index(place, g.kernel, order="F"), g.kernel)
    return scattered(g, masked(s.dy, turned))


def _maximum_of_all_channels(s: Any) -> Any:
    g = pool_geometry(s)
    inside = entries(g, s.x, -np.inf)
    mask = inside == inside.max(axis=(0, 2), keepdims=True)
    return scattered(g, lambda number: s.dy * mask[number])


def _padding_of_zeros(s: Any) -> Any:
    g = pool_geometry(s)
    return scattered(g, masked(s.dy, entries(g, s.x, 0).argmax(axis=0)))


def _share_without_stride(s: Any) -> Any:
    g = pool_geometry(s)
    share = s.dy / window_area(s, g)
    return scattered(g, lambda number: share, step=(1,) * g.rank)


def _power_of_norm(s: Any) -> Any:
    """``y^(1/p - 1)`` where ``S^(1/p - 1)``, which is ``y^(1 - p)``, belongs."""
    p = s.config["p"]
    y = np.where(s.out == 0, 1, s.out)
    return again(p_norm_pool, s, dy=s.dy * y ** (p - 1) * y ** (1 / p - 1)).x


def _without_sigmoid(s: Any) -> Any:
    return again(subsample, s, config=s.config | {"activation": "identity"})


POOLING = (
    slip(
        max_pool,
        "fifth_max_pool_dx_mask_assigned",
        "assignment",
        "dx[window] = mask * dy overwrites what windows before gave to the entries they share; it must be added with "
        "+=.",
        x=_mask_assigned,
        needs="overlap",
    ),
    slip(
        max_pool,
        "fifth_max_pool_place_unravelled_column_by_column",
        "pooling routing",
        "The place of the maximum is counted row by row in the forward and taken apart column by column in the "
        "backward, so dy goes to another entry of the window; both must count row by row.",
        x=_column_by_column,
        needs="a window with two sides > 1",
    ),
    slip(
        max_pool,
        "fifth_max_pool_mask_against_maximum_of_all_channels",
        "pooling routing",
        "The mask compares each channel with the maximum over all channels of the window, as the slice lacks the "
        "channel index, so other channels get nothing; each channel's own maximum must be taken.",
        x=_maximum_of_all_channels,
        needs="several channels",
    ),
    slip(
        max_pool,
        "fifth_max_pool_place_found_in_zero_padding",
        "pooling routing",
        "The backward looks for the maximum in x padded with zeros, so a border window of negative numbers hands its "
        "dy to the padding, where it is lost; the padding must be -inf, as in the forward.",
        x=_padding_of_zeros,
        needs="padding, and a border window whose entries are all negative",
    ),
    slip(
        mean_pool,
        "fifth_mean_pool_share_starts_at_i",
        "geometry",
        "The share of dy[i, j] is added to the window that starts at i, j instead of i*stride, j*stride.",
        x=_share_without_stride,
        needs="stride > 1",
    ),
    slip(
        mean_pool,
        "fifth_mean_pool_divides_by_full_window_at_border",
        "constant factor",
        "Where the padding does not count, dy is still divided by the whole area of the window; it must be divided by "
        "the number of entries of x in that window.",
        x=lambda s: again(mean_pool, s, config=s.config | {"count_padding": True}).x,
        needs="padding that is not counted",
    ),
    slip(
        p_norm_pool,
        "fifth_p_norm_pool_without_sign_of_x",
        "sign",
        "dx is dy (|x|/y)^(p-1) without the derivative of |x|; it must be multiplied by sign(x).",
        x=lambda s: s.right.x * np.sign(s.x),
    ),
    slip(
        p_norm_pool,
        "fifth_p_norm_pool_outer_power_of_norm",
        "power",
        "The outer derivative raises the norm y to 1/p - 1; it is the sum of |x|^p that has this exponent, y has 1 - "
        "p.",
        x=_power_of_norm,
        needs="p other than 1",
    ),
    slip(
        subsample,
        "fifth_subsample_dx_divided_by_area",
        "constant factor",
        "dx is divided by the area of the block as in mean pooling; the forward sums the block, so every entry gets "
        "all of beta * delta.",
        x=lambda s: s.right.x / s.config["window"] ** (s.x.ndim - 2),
        needs="window > 1",
    ),
    slip(
        subsample,
        "fifth_subsample_delta_without_sigmoid_derivative",
        "activation derivative",
        "delta is dy alone; with the sigmoid it must be multiplied by y(1 - y).",
        x=lambda s: _without_sigmoid(s).x,
        beta=lambda s: _without_sigmoid(s).beta,
        b=lambda s: _without_sigmoid(s).b,
        needs="sigmoid",
    ),
)
ALSO = {
    "fifth_max_pool_dx_mask_assigned": ("dropped term", "missing term", "pooling routing"),
    "fifth_max_pool_place_unravelled_column_by_column": ("order", "transpose"),
    "fifth_max_pool_mask_against_maximum_of_all_channels": ("axis", "mask", "wrong input"),
    "fifth_max_pool_place_found_in_zero_padding": ("mask", "geometry", "wrong input"),
    "fifth_mean_pool_divides_by_full_window_at_border": ("geometry", "extra factor"),
    "fifth_p_norm_pool_without_sign_of_x": ("missing term", "dropped term"),
    "fifth_p_norm_pool_outer_power_of_norm": ("wrong input",),
    "fifth_subsample_dx_divided_by_area": ("extra factor",),
    "fifth_subsample_delta_without_sigmoid_derivative": ("missing term", "dropped term"),
}
