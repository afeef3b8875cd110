"""Points to hold layers against oracles at, and ways to spoil a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.core.arrays import cotangent_like, flatten, outputs_of
from cnngrad.core.case import Case, Point
from cnngrad.core.layer import Layer

RULES = ("lattice", "integers", "kink", "normal", "saturated", "scale:1e6", "scale:1e-6")


def points(layer: Layer, rule: str, number: int, seed: int = 0) -> Iterator[Point]:
    """Points at ``number`` declared configurations, drawn at random."""
    rng = np.random.default_rng([seed, *layer.name.encode(), *rule.encode()])
    for own in range(number):
        dims: dict[str, int] = {}
        while not dims or not layer.allows(dims):
            dims = {name: int(rng.integers(low, high + 1)) for name, (low, high) in (layer.dims or {}).items()}
        yield Case(tuple(dims.items()), (), rule, own).point(layer)


def point_with(layer: Layer, values: str = "lattice", seed: int = 0, **sizes: int) -> Point:
    """The point at one configuration; dims left out take their lowest value."""
    dims = {name: low for name, (low, _) in (layer.dims or {}).items()} | sizes
    return Case(tuple(dims.items()), (), values, seed).point(layer)


def cotangent(layer: Layer, point: Point) -> Any:
    """A cotangent for the layer's output there."""
    y, _ = layer.vjp(*point.inputs, **point.config)
    return cotangent_like(y, point.cotangent(flatten(outputs_of(y)).size))


def spoilt(layer: Layer, what: str, spoil: Callable[[Any], Any]) -> Layer:
    """The layer with one of its answers changed: ``y``, or the gradient ``d<input>``."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)

        def changed(dy: Any) -> tuple[Any, ...]:
            found = dict(zip(layer.inputs, backward(dy), strict=True))
            return tuple(spoil(found[name]) if what == f"d{name}" else found[name] for name in layer.inputs)

        return (spoil(y) if what == "y" else y), changed

    return replace(layer, vjp=vjp)


def one_entry(values: Any) -> Any:
    """The largest entry off by a millionth of itself."""
    array = np.array(values, dtype=np.float64)
    worst = np.unravel_index(np.argmax(np.abs(array)), array.shape)
    array[worst] *= 1 + 2.0**-20
    return array
