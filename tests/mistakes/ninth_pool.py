"""The ninth set, poolings: where the upsampling of the textbook meets windows that are not 2 x 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import max_pool, mean_pool, p_norm_pool, subsample
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import again, pool_geometry, scattered, slip


def winners(s: Any, border: float = -np.inf) -> Any:
    """The number of the maximum inside each window."""
    g = pool_geometry(s)
    padded = g.pad_with(s.x, border)
    return np.stack([padded[tap] for tap in g.taps()]).argmax(axis=0)


def to_places(s: Any, place: Any, step: Any = None) -> Any:
    return scattered(pool_geometry(s), lambda number: s.dy * (place == number), step)


def column_by_column(s: Any) -> Any:
    """The winner's number, counted row by row, read as if it were counted column by column."""
    kernel = pool_geometry(s).kernel
    return to_places(s, np.ravel_multi_index(np.unravel_index(winners(s), kernel, order="F"), kernel))


def area(s: Any) -> int:
    return int(np.prod(pool_geometry(s).kernel))


def overwritten(s: Any) -> Any:
    g = pool_geometry(s)
    valid = g.pad_with(np.ones(g.size))
    counted = sum(valid[tap] for tap in g.taps()) if not s.config["count_padding"] else area(s)
    return scattered(g, lambda _: s.dy / counted, add=False)


def euclidean_root(s: Any) -> Any:
    """The root's derivative of p = 2 for every p: ``x |x|^(p-2) / y``."""
    g = pool_geometry(s)
    sign, size = g.pad_with(np.sign(s.x)), g.pad_with(np.abs(s.x))
    y = np.where(s.out == 0, 1, s.out)
    each = [sign[tap] * size[tap] ** (s.config["p"] - 1) / y for tap in g.taps()]
    return scattered(g, lambda number: s.dy * each[number])


def block(s: Any) -> int:
    """How many entries the blocks of a subsampling have."""
    return int(np.prod(np.broadcast_to(s.config["window"], s.x.ndim - 2)))


POOL: tuple[Mistake, ...] = (
    slip(
        mean_pool,
        "ninth_upsample_without_area",
        "constant factor",
        "dx copies dy to every entry of its window and forgets to divide it by the area of the window; each entry "
        "gets dy/A.",
        x=lambda s: scattered(pool_geometry(s), lambda _: s.dy),
        needs="a window larger than 1",
    ),
    slip(
        mean_pool,
        "ninth_mean_pool_overlap_assigned",
        "assignment",
        "dx is assigned window after window with =, so that a later window overwrites what an earlier one left; "
        "where windows overlap the shares must be added with +=.",
        x=overwritten,
        needs="windows that overlap",
    ),
    slip(
        mean_pool,
        "ninth_area_of_a_square",
        "constant factor",
        "dx divides dy by the window's first side to the power of the number of axes, k·k in 2-D; the area is the "
        "product of all its sides.",
        x=lambda s: s.right.x * area(s) / pool_geometry(s).kernel[0] ** pool_geometry(s).rank,
        needs="a window whose sides differ",
    ),
    slip(
        max_pool,
        "ninth_argmax_column_by_column",
        "pooling routing",
        "The place of the maximum is counted row by row inside its window and unravelled column by column, so dy "
        "goes to another entry of it; both must use the same order.",
        x=column_by_column,
        needs="a window with two sides larger than 1",
    ),
    slip(
        max_pool,
        "ninth_blocks_touch",
        "geometry",
        "dx takes window t to start at t·window, as if the windows touched; it starts at t·stride.",
        x=lambda s: to_places(s, winners(s), pool_geometry(s).kernel),
        needs="a stride other than the window",
    ),
    slip(
        max_pool,
        "ninth_max_upsampled",
        "pooling routing",
        "dx copies dy to every entry of its window, as the upsampling of mean pooling does; only the maximum's "
        "entry gets dy, all others 0.",
        x=lambda s: scattered(pool_geometry(s), lambda _: s.dy),
        needs="a window larger than 1",
    ),
    slip(
        max_pool,
        "ninth_argmax_over_zeros",
        "pooling routing",
        "The backward looks for the maximum in x padded with zeros, so where all entries are negative the padding "
        "wins and dy is lost; the padding must be -inf, as in the forward.",
        x=lambda s: to_places(s, winners(s, 0.0)),
        needs="padding",
    ),
    slip(
        p_norm_pool,
        "ninth_root_of_two",
        "power",
        "dx divides by y, which is the derivative of the root for p = 2 only; for any p it divides by y^(p-1): "
        "dx = dy · sign(x) (|x|/y)^(p-1).",
        x=euclidean_root,
        needs="p other than 2",
    ),
    slip(
        subsample,
        "ninth_subsample_takes_the_mean",
        "constant factor",
        "dx is divided by the area of the block, as if the forward took the mean; it takes the sum, so dx = β · "
        "upsample(δ).",
        x=lambda s: s.right.x / block(s),
        needs="blocks larger than 1",
    ),
    slip(
        subsample,
        "ninth_dbeta_without_slope",
        "activation derivative",
        "dβ sums dy ⊙ down(x) without the sigmoid's slope; it must be the sum of δ ⊙ down(x) with δ = dy ⊙ f′(u).",
        beta=lambda s: again(subsample, s, config={**s.config, "activation": "identity"}).beta,
        needs="the sigmoid",
    ),
)


POOL_ALSO: dict[str, tuple[str, ...]] = {
    "ninth_upsample_without_area": ("missing term",),
    "ninth_mean_pool_overlap_assigned": ("accumulated",),
    "ninth_area_of_a_square": ("geometry",),
    "ninth_argmax_column_by_column": ("order", "transpose"),
    "ninth_blocks_touch": ("pooling routing",),
    "ninth_max_upsampled": ("mask",),
    "ninth_argmax_over_zeros": ("geometry", "wrong input"),
    "ninth_root_of_two": (),
    "ninth_subsample_takes_the_mean": ("extra factor",),
    "ninth_dbeta_without_slope": ("missing term", "wrong input"),
}
