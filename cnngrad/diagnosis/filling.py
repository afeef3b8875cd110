"""A layer that only rearranges: dy poured back in another order than the forward took the entries out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, given
from cnngrad.diagnosis.scene import Scene


def refilled(failure: Failure) -> Iterator[Suspect]:
    """A layer that only rearranges: dy poured back in another order than it was taken out."""
    for words, taken, filled in (("", "F", "F"), ("", "C", "F"), ("", "F", "C"), ("", "C", "C")):
        yield from failure.lead(
            "transpose",
            f"the gradient of {failure.name} is dy filled in {'column' if filled == 'F' else 'row'} order{words}",
            given(
                lambda s, t, f: s.cotangent.ravel(order=t).reshape(s.shape, order=f) if s.dy.size == s.g.size else None,
                taken,
                filled,
            ),
            "fill it in the order in which the forward took the entries out, each sample by itself",
            everywhere=True,
        )
    yield from failure.lead(
        "transpose",
        f"the gradient of {failure.name} is dy filled with its last two axes exchanged, not with all spatial ones",
        _last_two_exchanged,
        "turn round all spatial axes as the forward does: with three of them that is more than exchanging two",
    )
    for words, move in (("last", _channels_to_front), ("first, where they come last", _channels_to_back)):
        yield from failure.lead(
            "transpose",
            f"the gradient of {failure.name} takes dy as if the channels came {words}",
            given(_read_as, move),
            "give the entries of dy the order in which the forward wrote them: move the axis of the channels",
            everywhere=True,
        )
    yield from failure.lead(
        "transpose",
        f"the gradient of {failure.name} takes dy as if the channels came last",
        _filled_channels_last,
        "the forward reads map after map: reshape dy to (N, C, ...) at once, and move no axis",
        everywhere=True,
    )
    for words, filled in (("column", "F"), ("row", "C")):
        yield from failure.lead(
            "transpose",
            f"the gradient of {failure.name} is dy filled in {words} order, sample by sample",
            given(lambda s, f: _sample_by_sample(s, f), filled),
            "fill it in the order in which the forward took the entries out",
            everywhere=True,
        )


def _read_as(s: Scene, move: Callable[[Scene], Array | None]) -> Array | None:
    dy = move(s)
    return None if dy is None else s.true(dy)


def _last_two_exchanged(s: Scene) -> Array | None:
    """Each map's entries of dy read column by column within its last two axes; nothing is said of right claims."""
    if s.dy.size != s.g.size or s.value.ndim < 5 or not s.wrong:
        return None
    *outer, height, width = s.shape
    return np.swapaxes(s.dy.reshape(*outer, width, height), -1, -2)


def _channels_to_front(s: Scene) -> Array | None:
    """Each sample's entries of dy read as (places, channels), where they are (channels, places)."""
    if len(s.y_shape) != 2 or s.value.ndim < 3 or s.dy.size != s.g.size:
        return None
    return np.swapaxes(s.cotangent.reshape(len(s.cotangent), -1, s.shape[1]), 1, 2).reshape(s.y_shape)


def _channels_to_back(s: Scene) -> Array | None:
    if len(s.y_shape) != 2 or s.value.ndim < 3 or s.dy.size != s.g.size:
        return None
    return np.swapaxes(s.cotangent.reshape(len(s.cotangent), s.shape[1], -1), 1, 2).reshape(s.y_shape)


def _filled_channels_last(s: Scene) -> Array | None:
    """What dy is poured into (N, *S, C), whatever the order of the forward, and the channels moved to axis 1."""
    if s.value.ndim < 3 or s.dy.size != s.g.size:
        return None
    return np.moveaxis(s.dy.reshape(s.shape[0], *s.shape[2:], s.shape[1]), -1, 1)


def _sample_by_sample(s: Scene, order: Literal["C", "F"]) -> Array | None:
    if s.dy.size != s.g.size or not s.shape or not s.y_shape or s.shape[0] != s.y_shape[0]:
        return None
    return np.stack([sample.ravel().reshape(s.shape[1:], order=order) for sample in s.cotangent])
