"""Where the windows of a convolution or a pooling lie: strides, padding, dilation, remainders, in any rank.

The output size along each axis is ``floor((S + 2p - d(K-1) - 1)/s) + 1``. A window never reads the remainder at the
far end, so the remainder gets gradient 0.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.errors import UsageError

Sides = tuple[int, ...]
Tap = tuple[Any, ...]


@dataclass(frozen=True)
class Windows:
    """The geometry along each spatial axis; those axes are the last ones of every array.

    >>> g = windows("pool", (5,), 2, stride=2)
    >>> g.out, [np.arange(5)[tap].tolist() for tap in g.taps()]
    ((2,), [[0, 2], [1, 3]])
    """

    size: Sides
    kernel: Sides
    stride: Sides
    pad: Sides
    dilation: Sides

    @cached_property
    def rank(self) -> int:
        return len(self.size)

    @cached_property
    def padded(self) -> Sides:
        return tuple(size + 2 * pad for size, pad in zip(self.size, self.pad, strict=True))

    @cached_property
    def extent(self) -> Sides:
        """How far a window reaches, from its first tap to its last."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @cached_property
    def slack(self) -> Sides:
        """How far the first window can be moved."""
        return tuple(size - extent for size, extent in zip(self.padded, self.extent, strict=True))

    @cached_property
    def out(self) -> Sides:
        return tuple(slack // stride + 1 for slack, stride in zip(self.slack, self.stride, strict=True))

    def taps(self) -> Iterator[Tap]:
        """For each place inside a window, in row-major order, the index of that entry of all windows at once."""
        sides = zip(self.kernel, self.dilation, self.stride, self.out, strict=True)
        axes = [[slice(k * d, k * d + s * (t - 1) + 1, s) for k in range(kernel)] for kernel, d, s, t in sides]
        for slices in itertools.product(*axes):
            yield (..., *slices)

    def columns(self, padded: Array) -> Array:
        """Every window of every sample as a column: ``(N, C, *padded)`` to ``(C * taps, windows * N)``.

        The sample runs fastest, so that what is copied at once is a row of windows and not a row of one window.
        """
        samples_last = np.ascontiguousarray(np.moveaxis(padded, 0, -1))
        channel, *steps, sample = samples_last.strides
        per_tap = (step * d for step, d in zip(steps, self.dilation, strict=True))
        per_window = (step * s for step, s in zip(steps, self.stride, strict=True))
        entries = np.lib.stride_tricks.as_strided(
            samples_last,
            shape=(padded.shape[1], *self.kernel, *self.out, len(padded)),
            strides=(channel, *per_tap, *per_window, sample),
            writeable=False,
        )
        return entries.reshape(padded.shape[1] * math.prod(self.kernel), math.prod(self.out) * len(padded))

    def add_columns(self, columns: Array, channels: int) -> Array:
        """``(N, C, *padded)`` in which every entry of every column is added to where :meth:`columns` reads it from."""
        by_tap = columns.reshape(channels, math.prod(self.kernel), *self.out, -1)
        samples_last = np.zeros((channels, *self.padded, by_tap.shape[-1]), columns.dtype)
        for number, tap in enumerate(self.taps()):
            samples_last[(*tap, slice(None))] += by_tap[:, number]
        return np.moveaxis(samples_last, -1, 0)

    def pad_with(self, x: Array, value: float = 0.0) -> Array:
        """``x`` with a border of ``value``; ``x`` itself where there is no border."""
        if not any(self.pad):
            return x
        padded = np.full_like(x, value, shape=(*x.shape[: -self.rank], *self.padded))
        padded[self._inner] = x
        return padded

    def crop(self, padded: Array) -> Array:
        """The inverse of :meth:`pad_with`."""
        return padded[self._inner] if any(self.pad) else padded

    def zeros(self, like: Array, dtype: Any) -> Array:
        """A padded array of zeros to add gradients up in, with the leading axes of ``like`` and its order in memory."""
        return np.zeros_like(like, shape=(*like.shape[: -self.rank], *self.padded), dtype=dtype)

    @property
    def _inner(self) -> Tap:
        return (..., *(slice(pad, pad + size) for pad, size in zip(self.pad, self.size, strict=True)))


def windows(
    layer: str,
    size: Sides,
    kernel: Any,
    *,
    stride: Any = 1,
    pad: Any = 0,
    dilation: Any = 1,
    kernel_name: str = "window",
) -> Windows:
    """The geometry from numbers, or from one number an axis.

    Raises:
        UsageError: a number out of range, a tuple of the wrong length, a window larger than the padded input.

    >>> windows("pool", (4, 6), 2, stride=(2, 3)).out
    (2, 2)
    """
    rank = len(size)
    geometry = Windows(
        tuple(size),
        per_axis(layer, kernel_name, kernel, rank, least=1),
        per_axis(layer, "stride", stride, rank, least=1),
        per_axis(layer, "pad", pad, rank, least=0),
        per_axis(layer, "dilation", dilation, rank, least=1),
    )
    if min(geometry.slack) < 0:
        raise UsageError(
            f"{layer}: the {kernel_name} {geometry.kernel} reaches over {geometry.extent} entries, the padded input "
            f"has {geometry.padded}; take a smaller {kernel_name} or dilation, or more padding"
        )
    return geometry


def per_axis(layer: str, name: str, value: Any, rank: int, least: int) -> Sides:
    """One whole number for every spatial axis, or one for each.

    Raises:
        UsageError: anything else.
    """
    try:
        sides = (operator.index(value),) * rank if np.ndim(value) == 0 else tuple(operator.index(v) for v in value)
    except TypeError:
        sides = ()
    if len(sides) != rank or min(sides) < least:
        raise UsageError(
            f"{layer}: {name}={value!r}; it takes a whole number from {least} on, or a tuple of {rank} of them, one "
            "for each spatial axis"
        )
    return sides


def pooling(layer: str, x: Array, window: Any, stride: Any, pad: Any) -> Windows:
    """The windows of a pooling over all axes of ``x`` but the first two; they touch where no stride is given.

    Raises:
        UsageError: no spatial axis, or as :func:`windows`.
    """
    if x.ndim < 3:
        raise UsageError(f"{layer}: x has shape {x.shape}; it takes (samples, channels, *spatial) with a spatial axis")
    return windows(layer, x.shape[2:], window, stride=window if stride is None else stride, pad=pad)


def unpooling(layer: str, dy: Array, window: Any, stride: Any, pad: Any, size: Any) -> Windows:
    """The windows that an upsampling spreads ``dy`` over, checked against the shape of ``dy``.

    Raises:
        UsageError: ``dy`` is not what windows over ``size`` give.
    """
    rank = len(window) if np.ndim(window) else max(dy.ndim - 2, 0)
    out = dy.shape[dy.ndim - rank :]
    if not out:
        raise UsageError(
            f"{layer}: dy has shape {dy.shape}; a window {window!r} takes (samples, channels, *spatial), "
            "a tuple takes as many last axes as it is long"
        )
    kernel = per_axis(layer, "window", window, rank, least=1)
    steps = per_axis(layer, "stride", window if stride is None else stride, rank, least=1)
    border = per_axis(layer, "pad", pad, rank, least=0)
    if size is None:
        size = tuple((t - 1) * s + k - 2 * p for t, s, k, p in zip(out, steps, kernel, border, strict=True))
    geometry = windows(layer, per_axis(layer, "size", size, rank, least=1), kernel, stride=steps, pad=border)
    if geometry.out != out:
        raise UsageError(f"{layer}: dy has spatial sides {out}; windows over size {geometry.size} give {geometry.out}")
    return geometry


def refuse_wide_padding(layer: str, geometry: Windows) -> None:
    """Padding of more than half a window would leave windows that hold nothing but padding.

    Raises:
        UsageError: such a padding.
    """
    if any(2 * pad > kernel for pad, kernel in zip(geometry.pad, geometry.kernel, strict=True)):
        raise UsageError(f"{layer}: pad={geometry.pad} with window={geometry.kernel}; pad is at most half the window")
