"""Mistakes in mean pooling and in the trainable subsampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.layers import mean_pool, subsample
from tests.mistakes.mistake import Mistake, all_but_channels, over_channels, planted, without_last
from tests.mistakes.placing import (
    Place,
    honest,
    not_cropped,
    one_early,
    other_stride,
    pool_windows,
    scatter,
    window_as_stride,
)


def _area(s: Any) -> Any:
    """How many entries each window averages."""
    g = pool_windows(s)
    ones = g.pad_with(np.ones(g.size), 1.0 if s.config["count_padding"] else 0.0)
    return sum(ones[tap] for tap in g.taps())


def _full_area(s: Any) -> int:
    return math.prod(pool_windows(s).kernel)


def _spread(s: Any, area: Any, place: Place = honest, assign: bool = False) -> Any:
    return scatter(pool_windows(s), s.x, lambda tap: s.dy / area, place, assign)


def _to_one_tap(s: Any, chosen: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Any:
    """All of dy to one fixed place of each window."""
    g = pool_windows(s)
    return scatter(g, s.x, lambda tap: s.dy * (tap == chosen(g.kernel)))


def _to_maximum(s: Any) -> Any:
    """The share of the largest entry of each window alone."""
    g = pool_windows(s)
    padded = g.pad_with(s.x)
    largest = np.max([padded[tap] for tap in g.taps()], axis=0)
    at_tap = {tap: padded[index] == largest for tap, index in zip(np.ndindex(*g.kernel), g.taps(), strict=True)}
    return scatter(g, s.x, lambda tap: s.dy / _area(s) * at_tap[tap])


def _remainder_filled(s: Any) -> Any:
    """The right dx with its last covered entries repeated into the remainder, as growing dy to the full size does."""
    g = pool_windows(s)
    grown = g.pad_with(s.right.x)
    for axis in range(g.rank):
        covered = (g.out[axis] - 1) * g.stride[axis] + g.kernel[axis]
        grown = np.take(grown, np.minimum(np.arange(g.padded[axis]), covered - 1), axis=2 + axis)
    return g.crop(grown)


MEAN = (
    planted(
        mean_pool, "mean_pool_not_divided", "constant factor", "dy is not divided by the area of the window",
        needs="area > 1", x=lambda s: _spread(s, 1),
    ),
    planted(
        mean_pool, "mean_pool_area_squared", "constant factor", "dy is divided by the area twice",
        needs="area > 1", x=lambda s: _spread(s, _area(s) ** 2),
    ),
    planted(
        mean_pool, "mean_pool_divided_by_side", "constant factor",
        "dy is divided by the side of the window, not its area",
        needs="rank > 1", x=lambda s: _spread(s, pool_windows(s).kernel[-1]),
    ),
    planted(
        mean_pool, "mean_pool_divided_by_stride", "constant factor", "dy is divided by the product of the strides",
        needs="stride other than window", x=lambda s: _spread(s, math.prod(pool_windows(s).stride)),
    ),
    planted(
        mean_pool, "mean_pool_overlap_assigned", "assignment", "dx is assigned where windows overlap; it must be added",
        needs="overlap", x=lambda s: _spread(s, _area(s), assign=True),
    ),
    planted(
        mean_pool, "mean_pool_padding_counted", "constant factor",
        "the area counts the padding, which the forward does not",
        needs="padding not counted", x=lambda s: _spread(s, _full_area(s)),
    ),
    planted(
        mean_pool, "mean_pool_all_to_first", "pooling routing", "the first entry of each window gets all of dy",
        needs="area > 1", x=lambda s: _to_one_tap(s, lambda kernel: (0,) * len(kernel)),
    ),
    planted(
        mean_pool, "mean_pool_routed_to_maximum", "pooling routing", "entries below the window's maximum get nothing",
        needs="area > 1", x=_to_maximum,
    ),
    planted(
        mean_pool, "mean_pool_remainder_filled", "geometry", "the remainder that no window reaches gets a gradient",
        needs="remainder", x=_remainder_filled,
    ),
    planted(
        mean_pool, "mean_pool_strides_of_h_and_w_swapped", "geometry", "dx uses the stride of W along H",
        needs="anisotropic stride", x=lambda s: _spread(s, _area(s), other_stride),
    ),
    planted(
        mean_pool, "mean_pool_window_taken_for_stride", "geometry",
        "dx moves by the window where it must move by the stride",
        needs="stride other than window", x=lambda s: _spread(s, _area(s), window_as_stride),
    ),
    planted(
        mean_pool, "mean_pool_crop_off_by_one", "geometry", "dx is cropped one entry late: shifted by one",
        needs="padding", x=lambda s: _spread(s, _area(s), one_early),
    ),
    planted(
        mean_pool, "mean_pool_padding_not_cropped", "geometry",
        "dx keeps the border in front: its padding is not cropped",
        needs="padding", x=lambda s: _spread(s, _area(s), not_cropped),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line


def _down(s: Any) -> Any:
    """The sum over each block."""
    g = pool_windows(s)
    return sum(s.x[tap] for tap in g.taps())


def _derivative(s: Any) -> Any:
    return s.out * (1 - s.out) if s.config["activation"] == "sigmoid" else np.ones_like(s.out)


def _up(s: Any, delta: Any) -> Any:
    return scatter(pool_windows(s), s.x, lambda tap: delta)


def _summed(per_entry: Any) -> Any:
    return per_entry.sum(axis=all_but_channels(per_entry))


def _beta(s: Any) -> Any:
    return over_channels(s.beta, s.x)


SUBSAMPLE = (
    planted(
        subsample, "subsample_dbeta_without_derivative", "activation derivative",
        "dβ sums dy where it must take dy f′(u)",
        needs="sigmoid", beta=lambda s: _summed(s.dy * _down(s)),
    ),
    planted(
        subsample, "subsample_derivative_missing", "activation derivative", "δ is dy; f′(u) is missing",
        needs="sigmoid",
        x=lambda s: _beta(s) * _up(s, s.dy), beta=lambda s: _summed(s.dy * _down(s)), b=lambda s: _summed(s.dy),
    ),
    planted(
        subsample, "subsample_db_derivative_twice", "activation derivative",
        "db has f′(u) twice, as code that changes dy in place does",
        needs="sigmoid", b=lambda s: _summed(s.dy * _derivative(s) ** 2),
    ),
    planted(
        subsample, "subsample_dx_without_beta", "missing term", "dx is not multiplied by β",
        x=lambda s: _up(s, s.dy * _derivative(s)),
    ),
    planted(
        subsample, "subsample_dx_divided_by_area", "constant factor", "dx is divided by the area; the forward sums",
        needs="window > 1", x=lambda s: s.right.x / math.prod(pool_windows(s).kernel),
    ),
    planted(
        subsample, "subsample_dbeta_of_mean", "constant factor", "dβ takes the mean of each block; the forward sums",
        needs="window > 1", beta=lambda s: s.right.beta / math.prod(pool_windows(s).kernel),
    ),
    planted(
        subsample, "subsample_dbeta_from_output", "wrong input", "dβ multiplies δ by the output where it takes down(x)",
        beta=lambda s: _summed(s.dy * _derivative(s) * s.out),
    ),
    planted(
        subsample, "subsample_db_averaged", "constant factor", "db averages over the batch where it must sum",
        needs="batch > 1", b=lambda s: s.right.b / len(s.x),
    ),
    planted(
        subsample, "subsample_dbeta_last_sample_dropped", "dropped sample", "dβ leaves out the last sample",
        beta=lambda s: _summed(without_last(s.dy * _derivative(s) * _down(s))),
    ),
    planted(
        subsample, "subsample_dx_first_beta_everywhere", "axis", "dx uses β of the first channel for every channel",
        needs="c > 1", x=lambda s: s.beta[0] * _up(s, s.dy * _derivative(s)),
    ),
    planted(
        subsample, "subsample_db_times_area", "constant factor", "db sums over the entries of x: the area too often",
        needs="window > 1", b=lambda s: _summed(_up(s, s.dy * _derivative(s))),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

MISTAKES: tuple[Mistake, ...] = (*MEAN, *SUBSAMPLE)
