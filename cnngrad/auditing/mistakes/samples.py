"""Mistakes along the batch: a sample left out, or reaching into another's gradient."""

from __future__ import annotations

import numpy as np

from cnngrad.auditing.planting import Mistake, Seen, Site, in_cotangent, in_gradient
from cnngrad.core.arrays import Array


def _no_axis(site: Site) -> str:
    return (
        "" if site.sample_axis(site.name or "y") is not None else "no axis of samples is declared for it (batch_axis)"
    )


def _axis(array: Array, seen: Seen) -> int | None:
    axis = seen.site.sample_axis(seen.site.name or "y")
    return axis if axis is not None and -array.ndim <= axis < array.ndim else None


def _without_last(dy: Array, seen: Seen) -> Array:
    axis = _axis(dy, seen)
    if axis is not None:
        np.moveaxis(dy, axis, 0)[-1] = 0
    return dy


def _leaking(g: Array, seen: Seen) -> Array:
    """Each sample's gradient with a thousandth of its neighbour's."""
    axis = _axis(g, seen)
    if axis is None or g.shape[axis] < 2:
        return g
    leaked: Array = g + g.dtype.type(1e-3) * np.roll(g, 1, axis)
    return leaked


def _exchanged(g: Array, seen: Seen) -> Array:
    axis = _axis(g, seen)
    return g if axis is None else np.flip(g, axis)


MISTAKES: tuple[Mistake, ...] = (
    in_cotangent("last sample left out", _without_last, _no_axis),
    in_gradient("samples in reversed order", _exchanged, _no_axis),
    in_gradient("samples leak into each other", _leaking, _no_axis),
)
