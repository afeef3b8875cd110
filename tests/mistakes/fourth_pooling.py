"""The fourth set's mistakes in pooling and subsampling, written without sight of the rules or of the other sets."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from cnngrad.layers import max_pool, mean_pool, p_norm_pool, subsample
from cnngrad.layers._windows import windows
from tests.mistakes.mistake import Mistake, all_but_channels, over_channels
from tests.mistakes.slips import again, places, pool_geometry, routed, scattered, slip


def _area(s: Any) -> Any:
    """How many entries each window averages."""
    g = pool_geometry(s)
    if s.config["count_padding"]:
        return math.prod(g.kernel)
    valid = g.pad_with(np.ones(g.size))
    return reduce(np.add, (valid[tap] for tap in g.taps()))


def _repeated(s: Any) -> Any:
    """Every share repeated over a window of its own, whatever the stride is."""
    g = pool_geometry(s)
    blown = s.dy / _area(s)
    for axis, side in enumerate(g.kernel, start=2):
        blown = np.repeat(blown, side, axis=axis)
    padded = np.zeros((*s.x.shape[:2], *g.padded))
    fits = (..., *(slice(min(sides)) for sides in zip(blown.shape[2:], g.padded, strict=True)))
    padded[fits] = blown[fits]
    return g.crop(padded)


def _square_area(s: Any) -> Any:
    kernel = s.config["window"]
    wrong = math.prod(kernel) / kernel[-1] ** len(kernel)
    return s.right.x * wrong if s.config["count_padding"] else s.right.x


MEAN = (
    slip(
        mean_pool,
        "shares_repeated_side_by_side",
        "geometry",
        "repeating each dy over a window of its own holds only where the stride is the window",
        x=_repeated,
        needs="a stride that is not the window",
    ),
    slip(
        mean_pool,
        "border_windows_divided_by_the_full_area",
        "geometry",
        "the forward pass leaves padding out of the area, the backward pass divides by the whole window",
        x=lambda s: again(mean_pool, s, config=s.config | {"count_padding": True}).x,
        needs="padding not counted",
    ),
    slip(
        mean_pool,
        "area_of_a_square_window",
        "constant factor",
        "the area is taken as the width squared; of a rectangular window it is height times width",
        x=_square_area,
        needs="rectangular window",
    ),
)


def _place_divided_by_height(s: Any) -> Any:
    """The number of the maximum inside its window taken apart with the number of rows."""
    g = pool_geometry(s)
    if g.rank < 2:
        return s.right.x
    padded = g.pad_with(s.x, -np.inf)
    place = np.stack([padded[tap] for tap in g.taps()]).argmax(axis=0)
    height, width = g.kernel[-2:]
    depth, plane = np.divmod(place, height * width)
    row, column = np.divmod(plane, height)
    dx = np.zeros_like(padded)
    for n, c, *t in np.ndindex(*s.dy.shape):
        here = (n, c, *t)
        k = (depth[here], row[here], column[here])[-g.rank :]
        at = places(t, k, g.stride, g.dilation)
        if all(i < side for i, side in zip(at, g.padded, strict=True)):
            dx[(n, c, *at)] += s.dy[here]
    return g.crop(dx)


def _sought_among_zeros(s: Any) -> Any:
    def place_of(_: Any, g: Any) -> Any:
        padded = g.pad_with(s.x, 0.0)
        return np.stack([padded[tap] for tap in g.taps()]).argmax(axis=0)

    return routed(s, s.x, place_of)


MAX = (
    slip(
        max_pool,
        "place_divided_by_the_height",
        "pooling routing",
        "the number of the maximum in its window is divided by the height; row and column come from the width",
        x=_place_divided_by_height,
        needs="rectangular window",
    ),
    slip(
        max_pool,
        "maximum_sought_among_zeros",
        "pooling routing",
        "the backward pass pads with zeros, which win over negative entries: pad with -inf as the forward pass does",
        x=_sought_among_zeros,
        needs="padding",
    ),
    slip(
        max_pool,
        "shared_maximum_written_once",
        "assignment",
        "dx[place] = dy loses what another window gave to the same entry: +=",
        x=lambda s: routed(s, s.x, lambda place, g: place, add=False),
        needs="overlap",
    ),
)


def _norm_shares(s: Any, power: float, *, signed: bool = True, guarded: bool = True) -> Any:
    g = pool_geometry(s)
    size, sign = g.pad_with(np.abs(s.x)), g.pad_with(np.sign(s.x))
    taps = list(g.taps())
    norm = np.where(s.out == 0, 1, s.out) if guarded else s.out
    return scattered(g, lambda k: s.dy * (sign[taps[k]] if signed else 1) * (size[taps[k]] / norm) ** power)


P_NORM = (
    slip(
        p_norm_pool,
        "sizes_without_signs",
        "missing term",
        "the derivative of |x| is sign(x), and it is left out",
        x=lambda s: _norm_shares(s, s.config["p"] - 1, signed=False),
    ),
    slip(
        p_norm_pool,
        "whole_exponent",
        "power",
        "p is turned into a whole number on the way to the backward pass",
        x=lambda s: _norm_shares(s, int(s.config["p"]) - 1),
        needs="fractional p",
    ),
    slip(
        p_norm_pool,
        "empty_window_divided",
        "not a number",
        "|x|/y is 0/0 in a window of zeros; the gradient there is 0",
        x=lambda s: _norm_shares(s, s.config["p"] - 1, guarded=False),
        needs="zero window",
    ),
)


def _block_sums(s: Any) -> Any:
    g = windows("pool", s.x.shape[2:], s.config["window"], stride=s.config["window"])
    return reduce(np.add, (s.x[tap] for tap in g.taps()))


def _tiled(s: Any) -> Any:
    slope = s.out * (1 - s.out) if s.config["activation"] == "sigmoid" else 1
    blocks = (1, 1, *[s.config["window"]] * (s.x.ndim - 2))
    return over_channels(s.beta, s.x) * np.tile(s.dy * slope, blocks)


SUBSAMPLE = (
    slip(
        subsample,
        "scale_before_the_activation",
        "activation derivative",
        "dβ sums dy ⊙ down(x); dy has to go back through the activation first",
        beta=lambda s: (s.dy * _block_sums(s)).sum(axis=all_but_channels(s.x)),
        needs="sigmoid",
    ),
    slip(
        subsample,
        "scale_of_scaled_sums",
        "extra factor",
        "what was kept for dβ is β down(x), already scaled: keep down(x)",
        beta=lambda s: s.right.beta * s.beta,
    ),
    slip(
        subsample,
        "maps_tiled",
        "pooling routing",
        "np.tile repeats the whole map; every entry has to be repeated over its block, np.repeat or np.kron",
        x=_tiled,
        needs="several blocks",
    ),
)

POOLING: tuple[Mistake, ...] = (*MEAN, *MAX, *P_NORM, *SUBSAMPLE)
