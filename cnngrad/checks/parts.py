"""Which part of a layer made of others is wrong: each is judged by itself, there where the whole failed."""

from __future__ import annotations

from dataclasses import dataclass

from cnngrad.checks import gradients
from cnngrad.core.case import Case, Point, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status


@dataclass(frozen=True)
class WrongPart:
    """A part whose own gradient is wrong, where that was seen, and for which of its inputs."""

    name: str
    layer: Layer
    point: Point
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"stage {self.name} ({self.layer.name}) alone is wrong for {', '.join(self.inputs)}"


def wrong_parts(layer: Layer, point: Point) -> list[WrongPart]:
    """Every part that is wrong by itself with what flows into it; none where only their composition can be wrong.

    >>> import numpy as np
    >>> bad = Layer(lambda x: (2 * x, lambda dy: (3 * dy,)), ("x",), "twice")
    >>> whole = Layer(bad.vjp, ("x",), "net", parts=lambda x: [("C1", bad, (x,))])
    >>> [str(part) for part in wrong_parts(whole, Point(Case(), ("x",), (np.ones(2),)))]
    ['stage C1 (twice) alone is wrong for x']
    """
    found = []
    for name, part, inputs in layer.parts(*point.inputs) if layer.parts else ():
        there = point_from_arrays(part, inputs, {}, Case(seed=point.case.seed))
        results = gradients.CHECK.run(part, there)
        wrong = tuple(result.input for result in results if result.status == Status.FAILED)
        found += [WrongPart(name, part, there, wrong)] if wrong else []
    return found
