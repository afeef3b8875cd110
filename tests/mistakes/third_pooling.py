"""The third set: poolings and subsampling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnngrad.layers import max_pool, mean_pool, p_norm_pool, subsample
from cnngrad.layers._windows import Windows
from tests.mistakes.mistake import all_but_channels
from tests.mistakes.slips import again, pool_geometry, routed, scattered, slip


def _by_columns(place: Any, g: Windows) -> Any:
    """The number of an entry, counted row by row, read as if it had been counted column by column."""
    return np.ravel_multi_index(np.unravel_index(place, g.kernel, order="F"), g.kernel)


def _whole_area(s: Any) -> int:
    return math.prod(pool_geometry(s).kernel)


def _right_share(s: Any) -> Any:
    g = pool_geometry(s)
    valid = g.pad_with(np.ones(g.size))
    area = _whole_area(s) if s.config["count_padding"] else sum(valid[tap] for tap in g.taps())
    return s.dy / area


def _mean(s: Any, share: Any, **placed: Any) -> Any:
    """Mean pooling's ``dx``, the same share for every entry of a window."""
    return scattered(pool_geometry(s), lambda number: share, **placed)


def _p_norm(s: Any, slope: Any) -> Any:
    """p-norm pooling's ``dx``: a slope from an entry, the output (1 where it is 0) and p."""
    g = pool_geometry(s)
    padded = g.pad_with(s.x)
    taps = [padded[tap] for tap in g.taps()]
    return scattered(g, lambda number: s.dy * slope(taps[number], np.where(s.out == 0, 1, s.out), s.config["p"]))


def _no_guard(s: Any) -> Any:
    g = pool_geometry(s)
    padded = g.pad_with(s.x)
    taps = [padded[tap] for tap in g.taps()]
    return scattered(g, lambda k: s.dy * np.sign(taps[k]) * (np.abs(taps[k]) / s.out) ** (s.config["p"] - 1))


def _delta(s: Any) -> Any:
    return s.dy * s.out * (1 - s.out) if s.config["activation"] == "sigmoid" else s.dy


def _upsampled(s: Any, delta: Any) -> Any:
    for axis in range(2, delta.ndim):
        delta = np.repeat(delta, s.config["window"], axis)
    return delta


POOLING = (
    slip(
        mean_pool, "mean_pool_divides_by_one_side", "constant factor",
        "dy is divided by the window's first side, not by its area",
        needs="rank 2 or 3", x=lambda s: _mean(s, s.dy / pool_geometry(s).kernel[0]),
    ),
    slip(
        mean_pool, "mean_pool_dx_windows_touch", "geometry",
        "dx is upsample(dy)/A: it takes the windows to touch and ignores the stride",
        needs="stride other than window", x=lambda s: _mean(s, _right_share(s), step=pool_geometry(s).kernel),
    ),
    slip(
        mean_pool, "mean_pool_whole_area_at_the_border", "constant factor",
        "dy is divided by the whole window's area also where padding does not count and fewer entries were averaged",
        needs="padding not counted", x=lambda s: _mean(s, s.dy / _whole_area(s)),
    ),
    slip(
        mean_pool, "mean_pool_dx_counted_from_one", "geometry",
        "dx lies one entry too far along every axis: places counted from 1 are used as if counted from 0",
        x=lambda s: _mean(s, _right_share(s), late=1),
    ),
    slip(
        mean_pool, "mean_pool_dx_to_first_entry", "pooling routing",
        "dy, whole, goes to the first entry of the window where every entry gets dy/A",
        x=lambda s: scattered(pool_geometry(s), lambda number: s.dy * (number == 0)),
    ),
    slip(
        max_pool, "max_pool_place_by_columns", "pooling routing",
        "the place of the maximum is counted row by row and read column by column",
        needs="rank 2 or 3", x=lambda s: routed(s, s.x, _by_columns),
    ),
    slip(
        max_pool, "max_pool_place_counted_from_one", "pooling routing",
        "the place counted from 1 is used as if counted from 0: dy goes to the entry after the maximum",
        x=lambda s: routed(s, s.x, lambda place, g: place + 1),
    ),
    slip(
        max_pool, "max_pool_place_of_largest_size", "pooling routing",
        "dy goes to the entry that is largest in absolute value, not to the largest",
        x=lambda s: routed(s, np.abs(s.x), lambda place, g: place),
    ),
    slip(
        max_pool, "max_pool_last_window_wins", "assignment",
        "an entry that is the maximum of several windows gets the last one's dy, not their sum",
        needs="overlap", x=lambda s: routed(s, s.x, lambda place, g: place, add=False),
    ),
    slip(
        p_norm_pool, "p_norm_pool_backward_of_two_norm", "power",
        "dx = dy x/y, which is the backward for p = 2, whatever p is",
        needs="p other than 2", x=lambda s: _p_norm(s, lambda x, y, p: x / y),
    ),
    slip(
        p_norm_pool, "p_norm_pool_divides_by_y_to_the_p", "power",
        "dx divides |x|^(p-1) by y^p where it must divide by y^(p-1)",
        x=lambda s: _p_norm(s, lambda x, y, p: np.sign(x) * (np.abs(x) / y) ** (p - 1) / y),
    ),
    slip(
        p_norm_pool, "p_norm_pool_x_for_its_sign", "wrong input",
        "dx = dy x (|x|/y)^(p-1): x stands where its sign belongs",
        x=lambda s: _p_norm(s, lambda x, y, p: x * (np.abs(x) / y) ** (p - 1)),
    ),
    slip(
        p_norm_pool, "p_norm_pool_nan_in_zero_windows", "missing term",
        "where a window is all zeros |x|/y is 0/0 and dx is NaN; the rule that it is 0 there is missing",
        needs="zero window", x=_no_guard,
    ),
    slip(
        subsample, "subsample_dbeta_with_the_mean", "constant factor",
        "dβ multiplies δ by the mean of the block where down is its sum",
        needs="window > 1", beta=lambda s: s.right.beta / s.config["window"] ** (s.x.ndim - 2),
    ),
    slip(
        subsample, "subsample_dx_divided_by_the_area", "constant factor",
        "dx = β upsample(δ)/n²: it is divided by the area as for a mean, and down is the sum",
        needs="window > 1", x=lambda s: s.right.x / s.config["window"] ** (s.x.ndim - 2),
    ),
    slip(
        subsample, "subsample_dx_beta_left_out", "missing term",
        "dx is upsample(δ): the factor β is missing", x=lambda s: _upsampled(s, _delta(s)),
    ),
    slip(
        subsample, "subsample_parameters_without_slope", "activation derivative",
        "dβ and db are summed from dy and not from δ = dy ⊙ f′(u); dx has the slope", needs="sigmoid",
        beta=lambda s: again(subsample, s, config=s.config | {"activation": "identity"}).beta,
        b=lambda s: s.dy.sum(axis=all_but_channels(s.dy)),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line
