"""Backwards of convolutions and poolings by hand, one tap at a time, with the place of each tap left open.

The honest place of tap k of window t is ``dilation * k + stride * t``; a mistake in the geometry is another formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.layers._windows import Windows, windows

Place = Callable[["Along"], Any]


@dataclass(frozen=True)
class Along:
    """One tap along one axis.

    Attributes:
        k: the number of the tap; t: the numbers of all windows.
        mirrored_stride: the stride of the opposite axis: of W for H.
        rest: the entries at the far end that no window reaches.
    """

    k: int
    t: Any
    stride: int
    dilation: int
    window: int
    mirrored_stride: int
    rest: int
    pad: int


def honest(a: Along) -> Any:
    return a.dilation * a.k + a.stride * a.t


def no_stride(a: Along) -> Any:
    return a.dilation * a.k + a.t


def one_zero_too_many(a: Along) -> Any:
    """Spread with s zeros between the entries instead of s - 1."""
    return a.dilation * a.k + (a.stride + 1 if a.stride > 1 else 1) * a.t


def no_dilation(a: Along) -> Any:
    return a.k + a.stride * a.t


def rest_in_front(a: Along) -> Any:
    return honest(a) + a.rest


def other_stride(a: Along) -> Any:
    return a.dilation * a.k + a.mirrored_stride * a.t


def window_as_stride(a: Along) -> Any:
    return a.k + a.window * a.t


def one_early(a: Along) -> Any:
    """The padding taken to be one wider than it is, where there is any."""
    return honest(a) - (1 if a.pad else 0)


def not_cropped(a: Along) -> Any:
    """The first entries kept of a gradient that still has its border."""
    return honest(a) + a.pad


def conv_windows(s: Any) -> Windows:
    """Where the windows of the convolution lie that a backward sees."""
    return windows("conv", s.x.shape[2:], s.w.shape[2:], **s.config)


def pool_windows(s: Any) -> Windows:
    """Where the windows of the pooling lie that a backward sees."""
    stride = s.config.get("stride") or s.config["window"]
    return windows("pool", s.x.shape[2:], s.config["window"], stride=stride, pad=s.config.get("pad", 0))


def taps(g: Windows, place: Place) -> Iterator[tuple[Any, Any, Any]]:
    """For each tap: its number along each axis, which windows it lies inside for, and where that is."""
    for tap in np.ndindex(*g.kernel):
        inside, places = [], []
        for axis, k in enumerate(tap):
            along = Along(
                k,
                np.arange(g.out[axis]),
                g.stride[axis],
                g.dilation[axis],
                g.kernel[axis],
                g.stride[-1 - axis],
                g.slack[axis] % g.stride[axis],
                g.pad[axis],
            )
            where = place(along)
            fits = (where >= 0) & (where < g.padded[axis])
            inside.append(np.flatnonzero(fits))
            places.append(where[fits])
        yield tap, (..., *np.ix_(*inside)), (..., *np.ix_(*places))


def scatter(g: Windows, like: Any, share: Callable[[Any], Any], place: Place = honest, assign: bool = False) -> Any:
    """Hand every entry of every window its share; ``assign`` overwrites where it should add."""
    padded = np.zeros((*like.shape[:2], *g.padded))
    for tap, inside, where in taps(g, place):
        part = share(tap)[inside]
        padded[where] = part if assign else padded[where] + part
    return g.crop(padded)


def input_gradient(s: Any, place: Place = honest, w: Any = None, assign: bool = False) -> Any:
    """The dx of a convolution: every tap hands ``dy`` times its weight back to where it read."""
    kernel = s.w if w is None else w

    def share(tap: Any) -> Any:
        return np.moveaxis(np.tensordot(s.dy, kernel[(..., *tap)], axes=(1, 0)), -1, 1)

    return scatter(conv_windows(s), s.x, share, place, assign)


def kernel_gradient(s: Any, place: Place = honest, padded: Any = None, dy: Any = None) -> Any:
    """The dw of a convolution: every tap sums ``dy`` times what it read."""
    g = conv_windows(s)
    read = g.pad_with(s.x) if padded is None else padded
    sent = s.dy if dy is None else dy
    dw = np.zeros(s.w.shape)
    axes = (0, *range(2, s.x.ndim))
    for tap, inside, where in taps(g, place):
        dw[(..., *tap)] = np.tensordot(sent[inside], read[where], axes=(axes, axes))
    return dw
