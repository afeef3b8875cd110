"""An oracle: an independent answer for a reference layer, which shares no code with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, outputs_of
from cnngrad.core.case import Point
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.oracles.comparison import Comparison

Inputs = Mapping[str, Array]
Config = Mapping[str, Any]
Gradients = dict[str, Array]

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)
DYADIC_RULES = ("lattice", "integers", "kink")


def always(inputs: Inputs, config: Config) -> bool:
    """Of every point."""
    return True


def never(inputs: Inputs, config: Config) -> bool:
    """Of no point."""
    return False


@dataclass(frozen=True)
class Oracle:
    """An independent answer for one or several layers.

    Args:
        name: by what means it answers, for messages.
        layers: the names of the layers it answers for.
        forward: ``forward(inputs, config) -> y``, or ``None`` if it knows the gradients only.
        gradients: ``gradients(inputs, config, dy) -> {input: gradient}``, some inputs or all; ``None`` for none.
        covers: which points it can answer at.
        exact: at which points the layer's arithmetic and its own need no rounding, where the inputs are few-bit
            dyadic numbers, or round in the same place, so that the two must agree in every bit.
        scale: ``scale(inputs, config, dy) -> {input: size}``, the size of the terms that cancel in a gradient (in
            the output: ``"y"``), where rounding is not relative to what is left of them.
    """

    name: str
    layers: tuple[str, ...]
    forward: Callable[[Inputs, Config], Any] | None = None
    gradients: Callable[[Inputs, Config, Any], Gradients] | None = None
    covers: Callable[[Inputs, Config], bool] = always
    exact: Callable[[Inputs, Config], bool] = never
    scale: Callable[[Inputs, Config, Any], Mapping[str, float]] | None = None

    def __post_init__(self) -> None:
        if self.forward is None and self.gradients is None:
            raise UsageError(f"the oracle {self.name!r} answers nothing: give it a forward, gradients, or both")
        if not self.layers:
            raise UsageError(f"the oracle {self.name!r} names no layer: layers=('conv',)")

    def answers(self, inputs: Inputs, config: Config, dy: Any) -> dict[str, Array]:
        """All it has to say at a point: ``y``, and the gradients under their inputs' names with a ``d`` in front."""
        said: dict[str, Array] = {}
        if self.forward is not None:
            said["y"] = np.asarray(outputs_of(self.forward(inputs, config))[0])
        if self.gradients is not None:
            found = self.gradients(inputs, config, dy)
            said.update({f"d{name}": np.asarray(gradient) for name, gradient in found.items()})
        return said


def compare(oracle: Oracle, layer: Layer, point: Point, dy: Any) -> list[Comparison]:
    """Hold a layer against an oracle at one point: the output and every gradient the oracle knows.

    Args:
        dy: the cotangent, in the structure of the layer's output.

    Returns:
        Nothing where the oracle does not cover the point.

    Raises:
        UsageError: the oracle is not one for this layer.

    >>> from cnngrad.core.case import Case
    >>> double = Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "double", shapes={"x": (3,)})
    >>> sums = Oracle("sums", ("double",), lambda inputs, config: inputs["x"] + inputs["x"], exact=always)
    >>> [comparison.holds for comparison in compare(sums, double, Case().point(double), np.ones(3))]
    [True]
    """
    if layer.name not in oracle.layers:
        raise UsageError(
            f"the oracle {oracle.name!r} does not answer for {layer.name}; it does for {', '.join(oracle.layers)}"
        )
    inputs, config = dict(zip(point.names, point.inputs, strict=True)), point.config
    if not oracle.covers(inputs, config):
        return []
    y, backward = layer.vjp(*(np.array(value) for value in point.inputs), **config)
    claimed = {"y": np.asarray(outputs_of(y)[0])}
    claimed.update({f"d{name}": gradient for name, gradient in zip(layer.inputs, backward(dy), strict=True)})
    said = oracle.answers(inputs, config, dy)
    exact = point.case.values in DYADIC_RULES and oracle.exact(inputs, config)
    bounds = dict.fromkeys(said, 0.0) if exact else rounding(oracle, layer, point, dy)
    return [
        Comparison(
            f"{what} of {layer.name} is that of {oracle.name}", _numbers(claimed[what]), answer, bound=bounds[what]
        )
        for what, answer in said.items()
    ]


def rounding(oracle: Oracle, layer: Layer, point: Point, dy: Any) -> dict[str, float]:
    """How far apart rounding can put two right computations.

    A multiple of the unit of each answer's largest entry, and of the change that one unit in each input makes.
    """
    inputs, config = dict(zip(point.names, point.inputs, strict=True)), point.config
    here = oracle.answers(inputs, config, dy)
    bounds = {what: 64 * EPS * _largest(answer) + TINY for what, answer in here.items()}
    for what, size in (oracle.scale(inputs, config, dy) if oracle.scale else {}).items():
        key = what if what == "y" else f"d{what}"
        bounds[key] = bounds.get(key, 0.0) + 64 * EPS * size
    for seed in range(2):
        rng = np.random.default_rng(seed)
        near = {name: _nudged(rng, a) if name in layer.differentiable else a for name, a in inputs.items()}
        for what, answer in oracle.answers(near, config, _nudged(rng, dy)).items():
            bounds[what] += 16 * _largest(answer - here[what])
    return bounds


def _nudged(rng: np.random.Generator, values: Any) -> Any:
    array = np.asarray(values, dtype=np.float64)
    return (array * (1 + EPS * rng.choice([-2.0, -1.0, 1.0, 2.0], size=array.shape)))[()]


def _numbers(claimed: Any) -> Array:
    """NaN, which agrees with nothing, where a layer gives no gradient."""
    return np.asarray(np.nan if claimed is None else claimed)


def _largest(values: Array) -> float:
    return float(np.max(np.abs(values), initial=0.0))
