"""Backwards that remember: caches that are stale, sums that are never set to zero, buffers, random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.auditing.planting import Mistake, Site
from cnngrad.core.arrays import is_differentiable, outputs_of
from cnngrad.core.layer import Backward, Vjp

NOISE = 1e-6

Key = tuple[Any, ...]


def _key(arrays: tuple[Any, ...]) -> Key:
    """Calls with arrays of the same shapes and types share what is remembered."""
    return tuple((np.shape(value), str(getattr(value, "dtype", type(value)))) for value in arrays)


def _copies(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.array(value)[()] for value in arrays)


def _caching(keep: Callable[[dict[Key, Any], Key, Any], Any]) -> Callable[[Vjp, Site], Vjp]:
    """A backward that works with the inputs of another call, chosen by ``keep``."""

    def plant(vjp: Vjp, site: Site) -> Vjp:
        cache: dict[Key, Any] = {}

        def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
            key = _key(inputs)
            keep(cache, key, _copies(inputs))
            y, backward = vjp(*inputs, **config)

            def stale(dy: Any) -> list[Any]:
                right = list(outputs_of(backward(dy)))
                wrong = list(outputs_of(vjp(*_copies(cache[key]), **config)[1](dy)))
                for a, b in zip(right, wrong, strict=True):
                    site.note.compare(a, b)
                return wrong

            return y, stale

        return planted

    return plant


def _accumulating(vjp: Vjp, site: Site) -> Vjp:
    sums: dict[Key, list[Any]] = {}

    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*inputs, **config)

        def added(dy: Any) -> list[Any]:
            right = list(outputs_of(backward(dy)))
            before = sums.get(_key(inputs), [0] * len(right))
            wrong = [g if g is None else g + so_far for g, so_far in zip(right, before, strict=True)]
            sums[_key(inputs)] = [0 if g is None else np.array(g) for g in wrong]
            for a, b in zip(right, wrong, strict=True):
                site.note.compare(a, b)
            return wrong

        return y, added

    return planted


class _Buffers:
    """One array for each place, handed out again and again."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.arrays: dict[Key, Any] = {}

    def fill(self, place: str, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        key = (place, *_key((value,)))
        if key in self.arrays:
            self.site.note.compare(self.arrays[key], value)  # what was handed out before changes
        buffer = self.arrays.setdefault(key, value.copy())
        buffer[...] = value
        return buffer


def _gradients_in_buffers(vjp: Vjp, site: Site) -> Vjp:
    buffers = _Buffers(site)

    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*inputs, **config)
        return y, lambda dy: [buffers.fill(f"{k}", g) for k, g in enumerate(outputs_of(backward(dy)))]

    return planted


def _output_in_buffers(vjp: Vjp, site: Site) -> Vjp:
    buffers = _Buffers(site)

    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*inputs, **config)
        filled = [buffers.fill(f"{k}", part) for k, part in enumerate(outputs_of(y))]
        return (tuple(filled) if isinstance(y, (tuple, list)) else filled[0]), backward

    return planted


def _noisy_gradients(vjp: Vjp, site: Site) -> Vjp:
    rng = np.random.default_rng(0)

    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*inputs, **config)
        return y, lambda dy: [_noisy(rng, g, site) for g in outputs_of(backward(dy))]

    return planted


def _noisy_output(vjp: Vjp, site: Site) -> Vjp:
    rng = np.random.default_rng(0)

    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*inputs, **config)
        noisy = [_noisy(rng, part, site) for part in outputs_of(y)]
        return (tuple(noisy) if isinstance(y, (tuple, list)) else noisy[0]), backward

    return planted


def _noisy(rng: np.random.Generator, value: Any, site: Site) -> Any:
    if value is None or not is_differentiable(value):
        return value
    array = np.asarray(value)
    noisy = array * (1 + NOISE * rng.uniform(-1, 1, array.shape)).astype(array.dtype)
    site.note.compare(array, noisy)
    return noisy if array.ndim else noisy[()]


def _first(cache: dict[Key, Any], key: Key, inputs: Any) -> None:
    cache.setdefault(key, inputs)


def _latest(cache: dict[Key, Any], key: Key, inputs: Any) -> None:
    cache[key] = inputs


MISTAKES: tuple[Mistake, ...] = (
    Mistake("cache of the first forward", _caching(_first)),
    Mistake("cache of the latest forward for all", _caching(_latest)),
    Mistake("gradients added up over calls", _accumulating),
    Mistake("gradients in a buffer used again", _gradients_in_buffers),
    Mistake("output in a buffer used again", _output_in_buffers),
    Mistake("gradients random by 1e-6", _noisy_gradients),
    Mistake("output random by 1e-6", _noisy_output),
)
