"""Right numbers in the wrong place: turned, transposed, shifted, in another shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnngrad.auditing.planting import Mistake, Seen, in_cotangent, in_gradient
from cnngrad.core.arrays import Array


def _turned(g: Array, seen: Seen) -> Array:
    """By 180°: along every axis but the first two, which are not spatial."""
    return np.flip(g, tuple(range(2, g.ndim)))


def _transposed(g: Array, seen: Seen) -> Array:
    """The last two axes exchanged, and read into the right shape if that was another."""
    return g.swapaxes(-1, -2).reshape(g.shape) if g.ndim > 1 else g


def _flipped(axis: int) -> Callable[[Array, Seen], Array]:
    return lambda g, seen: np.flip(g, axis) if g.ndim else g


def _shifted(axis: int) -> Callable[[Array, Seen], Array]:
    return lambda g, seen: np.roll(g, 1, axis) if g.ndim else g


def _averaged(axis: int) -> Callable[[Array, Seen], Array]:
    def mean(g: Array, seen: Seen) -> Array:
        return np.broadcast_to(g.mean(axis, keepdims=True, dtype=g.dtype), g.shape).copy() if g.ndim else g

    return mean


MISTAKES: tuple[Mistake, ...] = (
    in_gradient("turned by 180° in space", _turned),
    in_gradient("last two axes exchanged", _transposed),
    in_gradient("flipped along its first axis", _flipped(0)),
    in_gradient("flipped along its last axis", _flipped(-1)),
    in_gradient("shifted by one along its first axis", _shifted(0)),
    in_gradient("shifted by one along its last axis", _shifted(-1)),
    in_gradient("averaged along its first axis", _averaged(0)),
    in_gradient("averaged along its last axis", _averaged(-1)),
    in_gradient("all entries back to front", lambda g, seen: g.ravel()[::-1].reshape(g.shape)),
    in_gradient("with an axis of 1 in front", lambda g, seen: g[np.newaxis]),
    in_gradient("flat", lambda g, seen: g.ravel()),
    in_cotangent("dy back to front", lambda dy, seen: dy.ravel()[::-1].reshape(dy.shape)),
)
