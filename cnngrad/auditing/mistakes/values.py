"""Wrong numbers: factors, signs, entries left out or slightly off."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.auditing.planting import Mistake, Seen, in_cotangent, in_gradient
from cnngrad.core.arrays import Array

# An error that a comparison with a tolerance of 1e-5 lets through.
SMALL = 1e-6


def times(name: str, factor: float) -> Mistake:
    """Every entry multiplied."""
    return in_gradient(name, lambda g, seen: g * g.dtype.type(factor))


def at_last_entry(name: str, change: Any) -> Mistake:
    """One entry alone changed, the last: ``change`` takes that entry and the largest size of all."""

    def changed(g: Array, seen: Seen) -> Array:
        g.flat[-1] = change(g.flat[-1], np.max(np.abs(g)))
        return g

    return in_gradient(name, changed)


def _none(g: Array, seen: Seen) -> None:
    return None


MISTAKES: tuple[Mistake, ...] = (
    times("wrong sign", -1),
    times("times 2", 2),
    times("times 1/2", 0.5),
    times("times 1.000001", 1 + SMALL),
    in_gradient("divided by the number of samples", lambda g, seen: g / g.dtype.type(seen.samples)),
    in_gradient("divided by the number of output entries", lambda g, seen: g / g.dtype.type(np.size(seen.y))),
    in_gradient("zero", lambda g, seen: np.zeros_like(g)),
    in_gradient("None", _none),
    in_gradient("absolute values", lambda g, seen: np.abs(g)),
    in_gradient("clipped to -1 … 1", lambda g, seen: np.clip(g, -1, 1)),
    at_last_entry("last entry NaN", lambda entry, largest: np.nan),
    at_last_entry("last entry left out", lambda entry, largest: 0),
    at_last_entry("last entry of the other sign", lambda entry, largest: -entry),
    at_last_entry("last entry off by 1e-6 of the largest", lambda entry, largest: entry + SMALL * largest),
    in_cotangent("dy taken to be all ones", lambda dy, seen: np.ones_like(dy)),
    in_cotangent("absolute values of dy", lambda dy, seen: np.abs(dy)),
    in_cotangent("dy clipped to -1 … 1", lambda dy, seen: np.clip(dy, -1, 1)),
)
