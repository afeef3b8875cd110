"""What the fifth set is written with: the loops and columns of a student's NumPy layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.layers._windows import Windows
from tests.mistakes.slips import Share, places


def tap_shares(s: Any) -> Share:
    """What a convolution's windows give to each of their taps: the columns ``Wᵀ dy``, tap by tap."""
    kernels = s.w.reshape(*s.w.shape[:2], -1)
    return lambda number: np.einsum("nf...,fc->nc...", s.dy, kernels[:, :, number])


def put_back(g: Windows, share: Share, dilation: tuple[int, ...]) -> Any:
    """``col2im`` that lays the taps of a window as far apart as one likes, at most as far as they are."""
    shares = [np.asarray(share(number)) for number in range(int(np.prod(g.kernel)))]
    padded = np.zeros((*shares[0].shape[:2], *g.padded), shares[0].dtype)
    for t in np.ndindex(*g.out):
        for number, k in enumerate(np.ndindex(*g.kernel)):
            padded[(..., *places(t, k, g.stride, dilation))] += shares[number][(..., *t)]
    return g.crop(padded)


def entries(g: Windows, x: Any, padding: float) -> Any:
    """The entries of every window, ``(taps, N, C, *T)``."""
    padded = g.pad_with(x, padding)
    return np.stack([padded[tap] for tap in g.taps()])


def masked(dy: Any, place: Any) -> Share:
    """All of ``dy`` to one place of each window."""
    return lambda number: dy * (place == number)


def window_area(s: Any, g: Windows) -> Any:
    """How many entries each window of a mean pooling averages."""
    if s.config.get("count_padding", True):
        return np.prod(g.kernel)
    return entries(g, np.ones_like(s.x), 0).sum(axis=0)


class NeverReset:
    """A layer's ``self.dw += ...`` that no call of backward sets to zero; new shapes are a new layer."""

    def __init__(self, gradient: Callable[[Any], Any]) -> None:
        self.gradient = gradient
        self.total: Any = None

    def __call__(self, s: Any) -> Any:
        new = np.asarray(self.gradient(s))
        if self.total is None or self.total.shape != new.shape or self.total.dtype != new.dtype:
            self.total = np.zeros_like(new)
        self.total = self.total + new
        return self.total
