"""The eighth set: slips of poolings written with loops, masks and np.repeat."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import max_pool, mean_pool, p_norm_pool, subsample
from cnngrad.layers._windows import Windows
from tests.mistakes.eighth_parts import area, usual_spot, winners_to
from tests.mistakes.mistake import Mistake, all_but_channels
from tests.mistakes.slips import again, pool_geometry, scattered, slip


def _sides_swapped(window: tuple[int, ...], number: int, g: Windows) -> tuple[int, ...]:
    inside = np.unravel_index(number, g.kernel[::-1])
    return tuple(int(t * s + k) for t, s, k in zip(window, g.stride, inside, strict=True))


def _window_as_step(window: tuple[int, ...], number: int, g: Windows) -> tuple[int, ...]:
    inside = np.unravel_index(number, g.kernel)
    return tuple(int(t * side + k) for t, side, k in zip(window, g.kernel, inside, strict=True))


def _best_over_channels(s: Any) -> Any:
    wins = s.out == s.out.max(axis=1, keepdims=True)
    return again(max_pool, s, dy=s.dy * wins).x


def _edge_repeated(s: Any) -> Any:
    g = pool_geometry(s)
    dx = np.array(s.right.x)
    for axis, (t, step, k, p) in enumerate(zip(g.out, g.stride, g.kernel, g.pad, strict=True), start=2):
        lines, end = np.moveaxis(dx, axis, 0), (t - 1) * step + k - p
        if 0 < end < len(lines):
            lines[end:] = lines[end - 1]
    return dx


def _first_stride_for_all(s: Any) -> Any:
    g = pool_geometry(s)
    return scattered(g, lambda _: s.dy / area(s, g), step=(g.stride[0],) * g.rank)


def _over_the_stride(s: Any) -> Any:
    g = pool_geometry(s)
    return scattered(g, lambda _: s.dy / np.prod(g.stride))


def _whole_window(s: Any) -> Any:
    g = pool_geometry(s)
    return scattered(g, lambda _: s.dy / np.prod(g.kernel))


def _delta(s: Any) -> Any:
    return s.dy * s.out * (1 - s.out) if s.config.get("activation") == "sigmoid" else s.dy


def _flat(s: Any) -> Any:
    return again(subsample, s, config={**s.config, "activation": "identity"})


POOLING: tuple[Mistake, ...] = (
    slip(
        max_pool,
        "eighth_winner_overwritten",
        "assignment",
        "dx at the maximum is set with =; an entry that wins in several overlapping windows must add their dy up.",
        x=lambda s: winners_to(s, usual_spot, add=False),
        needs="overlap",
    ),
    slip(
        max_pool,
        "eighth_argmax_unravelled_by_wrong_side",
        "pooling routing",
        "The argmax is split into row and column with the window's height; it must be divided by the width, "
        "np.unravel_index(place, (kh, kw)).",
        x=lambda s: winners_to(s, _sides_swapped),
        needs="rectangular window",
    ),
    slip(
        max_pool,
        "eighth_windows_assumed_to_touch",
        "geometry",
        "The backward pass starts window i at i times the window's side; it starts at i times the stride.",
        x=lambda s: winners_to(s, _window_as_step),
        needs="a stride other than the window, more than one window",
    ),
    slip(
        max_pool,
        "eighth_argmax_over_zero_padding",
        "pooling routing",
        "The backward pass finds the argmax again in x padded with 0, so padding beats negative maxima and dy is lost; "
        "it must pad with -inf as the forward pass does.",
        x=lambda s: winners_to(s, usual_spot, border=0.0),
        needs="padding",
    ),
    slip(
        max_pool,
        "eighth_max_upsampled_without_mask",
        "mask",
        "dy is repeated over the whole window; only the entry that is the maximum must get it.",
        x=lambda s: scattered(pool_geometry(s), lambda _: s.dy),
        needs="a window of more than one entry",
    ),
    slip(
        max_pool,
        "eighth_mask_by_max_over_channels",
        "pooling routing",
        "The mask compares the window with its maximum over all channels, so other channels lose their dy; "
        "each channel has a maximum of its own.",
        x=_best_over_channels,
        needs="several channels",
    ),
    slip(
        mean_pool,
        "eighth_mean_share_undivided",
        "constant factor",
        "Every entry of a window gets all of dy; it must get dy divided by the window's area.",
        x=lambda s: scattered(pool_geometry(s), lambda _: s.dy),
        needs="a window of more than one entry",
    ),
    slip(
        mean_pool,
        "eighth_mean_over_stride_area",
        "constant factor",
        "dy is divided by the product of the strides; it must be divided by the area of the window.",
        x=_over_the_stride,
        needs="a stride other than the window",
    ),
    slip(
        mean_pool,
        "eighth_remainder_padded_with_edge",
        "geometry",
        "The upsampled dy is filled up to x's size with np.pad(mode='edge'); "
        "the remainder that no window reads must get 0.",
        x=_edge_repeated,
        needs="remainder",
    ),
    slip(
        mean_pool,
        "eighth_mean_one_stride_for_all",
        "geometry",
        "The backward pass steps along every axis with the first axis's stride; each axis must use its own.",
        x=_first_stride_for_all,
        needs="anisotropic stride",
    ),
    slip(
        mean_pool,
        "eighth_mean_whole_window_at_border",
        "constant factor",
        "With count_padding=False, dy is divided by the whole window's area at the border too; "
        "it must be divided by the number of valid entries.",
        x=_whole_window,
        needs="padding not counted",
    ),
    slip(
        p_norm_pool,
        "eighth_p_norm_without_sign",
        "sign",
        "The gradient has |x|^(p-1) without sign(x), so it is positive for negative entries; it must be times sign(x).",
        x=lambda s: s.right.x * np.sign(s.x),
    ),
    slip(
        p_norm_pool,
        "eighth_p_norm_inner_factor",
        "constant factor",
        "The outer factor 1/p is kept and the inner derivative's p is forgotten; the two must cancel.",
        x=lambda s: s.right.x / s.config.get("p", 2),
        needs="p other than 1",
    ),
    slip(
        subsample,
        "eighth_beta_times_output",
        "wrong input",
        "dβ sums δ times the layer's output y; it must sum δ times down(x), the block sums before β, b and f.",
        beta=lambda s: (_delta(s) * s.out).sum(axis=all_but_channels(s.out)),
    ),
    slip(
        subsample,
        "eighth_subsample_without_slope",
        "missing term",
        "δ is dy without the slope of the sigmoid; it must be dy y(1 - y).",
        x=lambda s: _flat(s).x,
        beta=lambda s: _flat(s).beta,
        b=lambda s: _flat(s).b,
        needs="sigmoid",
    ),
)
