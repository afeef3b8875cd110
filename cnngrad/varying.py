"""Other values beside a user's own arrays: of both signs, larger and smaller, wherever the layer takes them.

A relu whose mask is forgotten shows nothing at positive numbers, and a slope that is cut off nothing at small ones. But
someone's function may be meant for a part of the numbers and not say so: what has a domain, a ``draw``, or all entries
between 0 and 1 (probabilities, masks) stays as it is, and so does all that the forward refuses or answers with NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.values import rng_for

LARGE = 8.0  # the largest entry lies between this and twice this: where sigmoids are flat and exp is finite
SMALL = 2.0**-10
UNEVEN = 1.375  # round numbers are where people put their thresholds, so they should not stay round


@dataclass(frozen=True)
class Variant:
    """Inputs with other values than the user's.

    Attributes:
        size: ``larger`` or ``smaller``.
        signs: the inputs that have both signs now, and had one.
        scaled: the inputs that have another size.
    """

    inputs: tuple[Any, ...]
    size: str
    signs: tuple[str, ...]
    scaled: tuple[str, ...]


def variants(layer: Layer, given: Point) -> list[Variant]:
    """A larger and a smaller variant of a user's point, of both signs; without those in which nothing is changed.

    >>> layer = Layer(lambda x: (np.log(x), lambda dy: (dy / x,)), ("x",), "log")
    >>> from cnngrad.core.case import Case
    >>> [(v.size, v.signs, v.scaled) for v in variants(layer, Point(Case(), ("x",), (np.array([1.5, 2.0]),)))]
    [('larger', (), ('x',)), ('smaller', (), ('x',))]
    """
    found = (_variant(layer, given, size) for size in ("larger", "smaller"))
    return [variant for variant in found if variant.signs or variant.scaled]


def is_open(layer: Layer, name: str, value: Any) -> bool:
    """Whether nothing is known or seen of an input that would bind its values."""
    bound = name in layer.constants or name in layer.draw or name in layer.domain
    return not bound and np.size(value) > 0 and not bool(np.all((value >= 0) & (value <= 1)))


def is_of_one_sign(value: Any) -> bool:
    """Whether there is no entry of one of the signs."""
    return bool(np.all(value >= 0) or np.all(value <= 0))


def _variant(layer: Layer, given: Point, size: str) -> Variant:
    """One input after the other is changed, as far as the forward stays finite."""
    inputs, signs, scaled = list(given.inputs), [], []
    for position, name in enumerate(layer.inputs):
        value = given.inputs[position]
        if not is_open(layer, name, value):
            continue
        factor, signed = _factor(value, size), _signs(given, name, value)
        for turn, scale in ((signed, factor), (1.0, factor), (signed, 1.0)):
            other = np.asarray(value * turn * scale, dtype=np.asarray(value).dtype)
            tried = [*inputs[:position], other, *inputs[position + 1 :]]
            if not np.array_equal(other, value) and _is_finite(layer, given, tried):
                inputs = tried
                signs += [name] if turn is signed and is_of_one_sign(value) and np.size(value) > 1 else []
                scaled += [name] if scale != 1 else []
                break
    return Variant(tuple(inputs), size, tuple(signs), tuple(scaled))


def _factor(value: Any, size: str) -> float:
    """Of few bits, which keeps short numbers short."""
    if size == "smaller":
        return SMALL
    largest = UNEVEN * float(np.max(np.abs(value)))
    return UNEVEN * float(2.0 ** np.ceil(np.log2(LARGE / largest))) if 0 < largest < LARGE else 1.0


def _signs(given: Point, name: str, value: Any) -> Any:
    """1 and -1 in random order, as many of the one as of the other."""
    halves = np.where(np.arange(np.size(value)) % 2, 1.0, -1.0)
    return rng_for(given.case.seed, f"signs {name}").permuted(halves).reshape(np.shape(value))


def _is_finite(layer: Layer, given: Point, inputs: Sequence[Any]) -> bool:
    try:
        y = Evaluation(layer, replace(given, inputs=tuple(inputs))).output()
    except (LayerRaised, UsageError):
        return False
    return bool(np.all(np.isfinite(flatten(outputs_of(y)))))
