"""Small layers for the tests of the checks, and the gradient check at one point of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.checks import gradients
from cnngrad.checks.claim import Claim
from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result
from tests.mistakes.mistake import spoil

NORMAL = "values=normal seed=0"
LATTICE = "values=lattice seed=0"


def layer_of(vjp: Callable[..., Any], inputs: tuple[str, ...] = ("x",), **facts: Any) -> Layer:
    """A layer named ``demo`` whose inputs have three entries if nothing else is said."""
    return Layer(vjp, inputs, "demo", **{"shapes": dict.fromkeys(inputs, (3,)), **facts})


def elementwise(f: Callable[[Any], Any], derivative: Callable[[Any], Any], **facts: Any) -> Layer:
    """``y = f(x)`` with ``dx = f'(x) dy``."""
    return layer_of(lambda x: (f(x), lambda dy: (derivative(x) * dy,)), **facts)


def sized(layer: Layer, **shapes: tuple[int, ...]) -> Layer:
    """A reference layer at one size."""
    return replace(layer, dims=None, config=None, where=None, features={}, shapes=shapes)


def spoilt(layer: Layer, **wrong: Callable[[Any], Any]) -> Layer:
    """The layer with some gradients replaced; see :func:`tests.mistakes.mistake.spoil`."""
    return replace(layer, vjp=spoil(layer, wrong))


def judge(layer: Layer, case: str = LATTICE, *arrays: Any) -> dict[str, Result]:
    """The gradient check's results by input, at a drawn point or at given arrays."""
    parsed = Case.parse(case)
    point = point_from_arrays(layer, arrays, {}, parsed) if arrays else parsed.point(layer)
    return {result.input: result for result in gradients.CHECK.run(layer, point)}


def statuses(judged: dict[str, Result]) -> dict[str, str]:
    return {name: str(result.status) for name, result in judged.items()}


def at_largest(array: Any, change: Callable[[float], float]) -> Any:
    """The array with its largest entry changed."""
    changed = np.array(array)
    place = np.unravel_index(np.argmax(np.abs(changed)), changed.shape)
    changed[place] = change(changed[place])
    return changed


def claim_at(layer: Layer, *arrays: Any, values: str = "lattice") -> Claim:
    """What the layer claims at some arrays, for a cotangent drawn by a rule."""
    at = Evaluation(layer, point_from_arrays(layer, arrays, {}, Case(values=values)))
    y, backward = at.vjp(at.point.inputs)
    y0 = flatten(outputs_of(y))
    dy = at.point.cotangent(y0.size)
    return Claim(at, y0, dy, at.by_name(at.pull(y, backward, dy)), tuple(layer.differentiable))
