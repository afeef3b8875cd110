"""Mistakes of a known size: one element of a right layer's gradient, off by a share of itself or of the largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer

Error = Callable[[Sequence[Any], int, int], float]  # of all gradients, the input's position, the entry's
When = Callable[[tuple[Any, ...]], bool]


@dataclass(frozen=True)
class Place:
    """One element of one input's gradient."""

    input: str
    index: int


def of_the_element(share: float) -> Error:
    """An error of this share of the element itself."""
    return lambda gradients, position, index: share * float(np.asarray(gradients[position]).flat[index])


def of_the_largest(share: float) -> Error:
    """An error of this share of the largest entry of the input's gradient."""
    return lambda gradients, position, index: share * float(np.max(np.abs(gradients[position])))


def of_the_largest_of_all(share: float) -> Error:
    """An error of this share of the largest entry of all inputs' gradients."""
    return lambda gradients, position, index: (
        share * max(float(np.max(np.abs(g), initial=0.0)) for g in gradients if g is not None)
    )


def always(inputs: tuple[Any, ...]) -> bool:
    return True


def in_float32(inputs: tuple[Any, ...]) -> bool:
    """Whether a layer is called with float32: a mistake that is made only there."""
    return any(getattr(value, "dtype", None) == np.float32 for value in inputs)


def planted(layer: Layer, place: Place, error: Error, when: When = always) -> Layer:
    """The layer with one element of its claimed gradient off, whatever ``dy`` is."""
    position = layer.inputs.index(place.input)

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)
        if not when(inputs):
            return y, backward

        def wrong(dy: Any) -> list[Any]:
            gradients = list(backward(dy))
            gradient = np.array(gradients[position])
            gradient.flat[place.index] += error(gradients, position, place.index)
            gradients[position] = gradient[()]
            return gradients

        return y, wrong

    return replace(layer, vjp=vjp, shared=None)


def right_gradients(layer: Layer, point: Point) -> dict[str, Array]:
    """The gradients of a right layer for the cotangent that the check will take."""
    at = Evaluation(layer, point)
    y, backward = at.vjp(point.inputs)
    size = sum(np.size(part) for part in (y if isinstance(y, tuple) else (y,)))
    returned = dict(zip(layer.inputs, at.pull(y, backward, point.cotangent(size)), strict=True))
    return {name: np.asarray(returned[name]) for name in layer.differentiable if returned[name] is not None}


def somewhere(rng: np.random.Generator, layer: Layer, point: Point, nonzero: bool = False) -> Place | None:
    """A random element of a random input whose gradient is not all zero; ``None`` where there is none.

    Args:
        nonzero: only elements that are not zero, nor what rounding left of terms that cancel: a share of the element
            would leave them as they are.
    """
    gradients = {name: g for name, g in right_gradients(layer, point).items() if np.any(g)}
    if not gradients:
        return None
    name = str(rng.choice(sorted(gradients)))
    gradient = gradients[name]
    places = (
        np.flatnonzero(np.abs(gradient) > 1e-12 * np.max(np.abs(gradient))) if nonzero else np.arange(gradient.size)
    )
    return Place(name, int(rng.choice(places)))
