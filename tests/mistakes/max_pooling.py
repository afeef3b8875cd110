"""Mistakes in max pooling and in p-norm pooling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.layers import max_pool, p_norm_pool
from tests.mistakes.mistake import Mistake, planted
from tests.mistakes.placing import Place, honest, one_early, pool_windows, scatter, window_as_stride


def _entries(s: Any, border: float = -np.inf) -> Any:
    """The entries of every window, by tap: ``(taps, N, C, *T)``."""
    g = pool_windows(s)
    padded = g.pad_with(s.x, border)
    return np.stack([padded[tap] for tap in g.taps()])


def _number(s: Any, tap: tuple[int, ...]) -> int:
    """The number of a tap in row-major order."""
    return int(np.ravel_multi_index(tap, pool_windows(s).kernel))


def _route(s: Any, chosen: Any, place: Place = honest, assign: bool = False) -> Any:
    """All of dy to one tap of each window, the one whose number is ``chosen``."""
    return scatter(pool_windows(s), s.x, lambda tap: s.dy * (chosen == _number(s, tap)), place, assign)


def _argmax(s: Any) -> Any:
    return _entries(s).argmax(axis=0)


def _columns_first(s: Any) -> Any:
    """The recorded place decoded as if the window were read column by column."""
    kernel = pool_windows(s).kernel
    return np.ravel_multi_index(np.unravel_index(_argmax(s), kernel, order="F"), kernel)


def _ties_paid_each(s: Any) -> Any:
    entries = _entries(s)
    top = entries.max(axis=0)
    return scatter(pool_windows(s), s.x, lambda tap: s.dy * (entries[_number(s, tap)] == top))


def _winner_of_any(s: Any) -> Any:
    """A winner is marked once for all windows, so each window that holds it pays it, won or not."""
    g = pool_windows(s)
    winner = scatter(g, s.x, lambda tap: 1.0 * (_argmax(s) == _number(s, tap))) > 0
    return winner * scatter(g, s.x, lambda tap: s.dy)


MAX = (
    planted(
        max_pool, "max_pool_ties_paid_twice", "pooling routing", "every entry of a tie gets all of dy",
        needs="ties", x=_ties_paid_each,
    ),
    planted(
        max_pool, "max_pool_minimum", "pooling routing", "dy goes to the minimum of each window",
        needs="area > 1", x=lambda s: _route(s, _entries(s, np.inf).argmin(axis=0)),
    ),
    planted(
        max_pool, "max_pool_all_to_first", "pooling routing", "dy goes to the first entry of each window",
        needs="area > 1", x=lambda s: _route(s, 0),
    ),
    planted(
        max_pool, "max_pool_all_to_last", "pooling routing", "dy goes to the last entry of each window",
        needs="area > 1", x=lambda s: _route(s, math.prod(pool_windows(s).kernel) - 1),
    ),
    planted(
        max_pool, "max_pool_as_mean", "pooling routing", "dy is spread evenly over each window, as in mean pooling",
        needs="area > 1",
        x=lambda s: scatter(pool_windows(s), s.x, lambda tap: s.dy / math.prod(pool_windows(s).kernel)),
    ),
    planted(
        max_pool, "max_pool_to_every_entry", "pooling routing", "every entry of the window gets all of dy",
        needs="area > 1", x=lambda s: scatter(pool_windows(s), s.x, lambda tap: s.dy),
    ),
    planted(
        max_pool, "max_pool_largest_size", "pooling routing", "dy goes to the entry of largest |x|, not of largest x",
        needs="area > 1",
        x=lambda s: _route(s, np.where(np.isinf(_entries(s)), -1, np.abs(_entries(s))).argmax(axis=0)),
    ),
    planted(
        max_pool, "max_pool_overlap_assigned", "assignment", "dx is assigned where windows overlap; it must be added",
        needs="overlap", x=lambda s: _route(s, _argmax(s), assign=True),
    ),
    planted(
        max_pool, "max_pool_place_read_column_by_column", "pooling routing",
        "the recorded place is decoded column by column; it was recorded row by row",
        needs="rank > 1", x=lambda s: _route(s, _columns_first(s)),
    ),
    planted(
        max_pool, "max_pool_winner_of_any_window", "pooling routing",
        "the mask marks the winners of all windows, so an entry is paid by windows it does not win",
        needs="overlap", x=_winner_of_any,
    ),
    planted(
        max_pool, "max_pool_divided_by_area", "constant factor", "dy is divided by the area of the window",
        needs="area > 1", x=lambda s: s.right.x / math.prod(pool_windows(s).kernel),
    ),
    planted(
        max_pool, "max_pool_times_maximum", "activation derivative", "dy is multiplied by the maximum itself",
        x=lambda s: scatter(
            pool_windows(s), s.x, lambda tap: s.dy * s.out * (_argmax(s) == _number(s, tap))
        ),
    ),
    planted(
        max_pool, "max_pool_padding_wins", "geometry",
        "the backward pads with 0, so that padding wins over negative entries",
        needs="padding", x=lambda s: _route(s, _entries(s, 0.0).argmax(axis=0)),
    ),
    planted(
        max_pool, "max_pool_crop_off_by_one", "geometry", "dx is cropped one entry late: shifted by one",
        needs="padding", x=lambda s: _route(s, _argmax(s), one_early),
    ),
    planted(
        max_pool, "max_pool_window_taken_for_stride", "geometry",
        "dx moves by the window where it must move by the stride",
        needs="stride other than window", x=lambda s: _route(s, _argmax(s), window_as_stride),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line


def _norm(s: Any, share: Callable[[Any, Any], Any], assign: bool = False) -> Any:
    """The dx from a formula for dy's factor, of the entries x and the norms y of their windows; 0 where y is 0."""
    entries = _entries(s, 0.0)
    y = np.where(s.out == 0, 1, s.out)

    def of_tap(tap: Any) -> Any:
        return s.dy * np.where(s.out == 0, 0, share(entries[_number(s, tap)], y))

    return scatter(pool_windows(s), s.x, of_tap, assign=assign)


def _divided_by_zero(s: Any) -> Any:
    entries, power = _entries(s, 0.0), s.config["p"] - 1

    def of_tap(tap: Any) -> Any:
        x = entries[_number(s, tap)]
        return s.dy * np.sign(x) * (np.abs(x) / s.out) ** power

    return scatter(pool_windows(s), s.x, of_tap)


P_NORM = (
    planted(
        p_norm_pool, "p_norm_sign_forgotten", "missing term", "dx lacks sign(x)",
        x=lambda s: _norm(s, lambda x, y: (np.abs(x) / y) ** (s.config["p"] - 1)),
    ),
    planted(
        p_norm_pool, "p_norm_power_p", "power", "the power is p; it is p - 1",
        needs="area > 1", x=lambda s: _norm(s, lambda x, y: np.sign(x) * (np.abs(x) / y) ** s.config["p"]),
    ),
    planted(
        p_norm_pool, "p_norm_not_divided_by_norm", "missing term", "|x|^(p-1) is not divided by y^(p-1)",
        needs="p other than 1", x=lambda s: _norm(s, lambda x, y: np.sign(x) * np.abs(x) ** (s.config["p"] - 1)),
    ),
    planted(
        p_norm_pool, "p_norm_divided_by_power_p", "power", "dx is divided by y^p; it is divided by y^(p-1)",
        x=lambda s: _norm(s, lambda x, y: np.sign(x) * np.abs(x) ** (s.config["p"] - 1) / y ** s.config["p"]),
    ),
    planted(
        p_norm_pool, "p_norm_outer_power_forgotten", "constant factor",
        "the factor p of the inner power is not cancelled",
        needs="p other than 1", x=lambda s: s.config["p"] * s.right.x,
    ),
    planted(
        p_norm_pool, "p_norm_inner_power_forgotten", "constant factor",
        "the factor 1/p of the outer power is not cancelled",
        needs="p other than 1", x=lambda s: s.right.x / s.config["p"],
    ),
    planted(
        p_norm_pool, "p_norm_two_for_every_p", "power", "dx is x/y, which holds for p = 2 only",
        needs="p other than 2", x=lambda s: _norm(s, lambda x, y: x / y),
    ),
    planted(
        p_norm_pool, "p_norm_as_maximum", "pooling routing", "all of dy goes to the entry of largest |x|",
        needs="area > 1", x=lambda s: _route(s, np.abs(_entries(s, 0.0)).argmax(axis=0)),
    ),
    planted(
        p_norm_pool, "p_norm_overlap_assigned", "assignment", "dx is assigned where windows overlap; it must be added",
        needs="overlap",
        x=lambda s: _norm(s, lambda x, y: np.sign(x) * (np.abs(x) / y) ** (s.config["p"] - 1), assign=True),
    ),
    planted(
        p_norm_pool, "p_norm_not_a_number_at_zero", "missing term", "dx is 0/0 where a whole window is 0",
        needs="zero window",
        x=_divided_by_zero,
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

MISTAKES: tuple[Mistake, ...] = (*MAX, *P_NORM)
