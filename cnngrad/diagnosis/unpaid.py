"""Maxima that are right, but for windows that pay nobody: padding has won there, or another window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure
from cnngrad.diagnosis.rows import FAMILY, Rows


def lost_to_padding(failure: Failure, rows: list[Rows]) -> Iterator[Suspect]:
    """Right, but for windows at the border whose entries are all negative: these pay nobody."""
    lost = 0
    for each in (r.told for r in rows):
        nobody = ~np.any(each.paid, axis=1)
        cut = np.any(each.window & _border(each.scene.shape), axis=1)
        negative = np.all(~each.window | (each.scene.value.ravel() < 0), axis=1)
        if not np.allclose(each.claimed[~nobody], each.right[~nobody], atol=1e-6) or np.any(nobody & ~(cut & negative)):
            return
        lost += int(np.sum(nobody))
    if lost and any(each.is_maximum for each in rows):
        yield Suspect(
            "padding with 0 wins over negative entries in the backward",
            f"{lost} windows at the border, all of whose entries are negative, pay nobody; all others are right",
            "pad with -inf before the maximum is looked for, as the forward does",
            "geometry",
        )


# What a maximum may have been sought over besides its own window, as axes of the output.
BEYOND: tuple[tuple[str, Callable[[int], tuple[int, ...]], str], ...] = (
    ("channels", lambda ndim: (1,), "index the window by the channel too"),
    ("samples", lambda ndim: (0,), "index the window by the sample too"),
    ("samples and channels", lambda ndim: (0, 1), "index the window by sample and channel too"),
    ("windows of its map", lambda ndim: tuple(range(2, ndim)), "take the maximum of each window by itself"),
    ("windows", lambda ndim: tuple(range(ndim)), "take the maximum of each window by itself"),
)


def lost_to_others(failure: Failure, rows: list[Rows]) -> Iterator[Suspect]:
    """Right, but for maxima that are not the largest of all channels, samples or windows: these pay nobody."""
    for words, axes_of, advice in BEYOND:
        found = [_lost_beyond(each, axes_of(len(each.scene.y_shape))) for each in rows]
        lost = [count for count in found if count is not None]
        if len(lost) == len(rows) and any(lost):
            yield Suspect(
                f"a maximum gets dy only where it is the largest of all {words}",
                f"{sum(lost)} outputs that are smaller than another one's pay nobody; all others are right",
                f"{advice}: every output pays the maximum of its own window",
                FAMILY,
            )
            return


def _lost_beyond(each: Rows, axes: tuple[int, ...]) -> int | None:
    """How many outputs pay nobody, if these are those that another one along the axes exceeds; ``None`` if not."""
    out = each.scene.out
    beaten = (out < out.max(axis=axes, keepdims=True)).ravel() & each.smooth
    fair = each.smooth & ~beaten
    if np.any(each.claimed[beaten]) or not np.allclose(each.claimed[fair], each.right[fair], atol=1e-6):
        return None
    return int(np.sum(beaten))


def _border(shape: tuple[int, ...]) -> Array:
    """Which entries are first or last along a spatial axis."""
    inside = np.zeros(shape, dtype=bool)
    inside[(slice(None), slice(None), *[slice(1, -1)] * (len(shape) - 2))] = True
    return ~inside.ravel()
