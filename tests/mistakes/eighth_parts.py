"""What the eighth set of mistakes is written with, beside the tools of the third."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.layer import Layer
from cnngrad.layers._windows import Windows
from tests.mistakes.mistake import WrongGradient
from tests.mistakes.slips import again, pool_geometry

Spot = Callable[[tuple[int, ...], int, Windows], tuple[int, ...]]


def through(layer: Layer, delta: Callable[[Any], Any]) -> dict[str, WrongGradient]:
    """The gradients of x, w and b that follow from a wrong δ."""
    return {
        "x": lambda s: again(layer, s, dy=delta(s)).x,
        "w": lambda s: again(layer, s, dy=delta(s)).w,
        "b": lambda s: again(layer, s, dy=delta(s)).b,
    }


def conv_share(s: Any) -> Callable[[int], Any]:
    """What each window of a convolution hands to one of its taps, ``(N, C, *T)``."""
    taps = s.w.reshape(*s.w.shape[:2], -1)
    return lambda number: np.einsum("nf...,fc->nc...", s.dy, taps[:, :, number])


def area(s: Any, g: Windows) -> Any:
    """How many entries each window of a mean pooling averages."""
    if s.config.get("count_padding", True):
        return float(np.prod(g.kernel))
    valid = g.pad_with(np.ones(g.size))
    return sum(valid[tap] for tap in g.taps())


def winners_to(s: Any, spot: Spot, border: float = -np.inf, add: bool = True) -> Any:
    """Max pooling's ``dx`` by a loop over windows.

    Args:
        spot: from a window and the number of its maximum, where in the padded input ``dy`` goes.
        border: what the padding holds while the maximum is sought.
    """
    g = pool_geometry(s)
    padded = g.pad_with(s.x, border)
    number = np.stack([padded[tap] for tap in g.taps()]).argmax(axis=0)
    dx = np.zeros_like(padded)
    for index in np.ndindex(*s.dy.shape):
        at = spot(index[2:], int(number[index]), g)
        if all(0 <= place < side for place, side in zip(at, g.padded, strict=True)):
            here = (*index[:2], *at)
            dx[here] = s.dy[index] + (dx[here] if add else 0)
    return g.crop(dx)


def usual_spot(window: tuple[int, ...], number: int, g: Windows) -> tuple[int, ...]:
    """Where the entry with this number in row-major order lies."""
    inside = np.unravel_index(number, g.kernel)
    return tuple(int(t * s + k) for t, s, k in zip(window, g.stride, inside, strict=True))
