"""Mistakes that have no size (a sign, a NaN, a shape, nothing at all): each has to end in a verdict, not in a crash.

And points that prove nothing: each has to be inconclusive, with its reason, and never a pass.

``python -m benchmarks.edges``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad import checks, layers
from cnngrad.checks import gradients
from cnngrad.core.case import Case, Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status


def edges() -> list[tuple[str, Layer, Point]]:
    """Mistakes that have no size: each has to end in a verdict."""
    sigmoid = layers.sigmoid
    small = Case((("n", 2), ("width", 3)), values="scale:1e-6").point(sigmoid)
    normal = Case((("n", 2), ("width", 3)), values="normal").point(sigmoid)
    dense = layers.dense
    flat = Case((("n", 2), ("features", 3), ("outputs", 2)), values="normal").point(dense)
    mean = Layer(lambda x: (np.mean(x), lambda dy: (np.zeros_like(x),)), ("x",), "mean", shapes={"x": (100, 300)})
    tiny = Layer(lambda x: (1e-6 * x, lambda dy: (-1e-6 * dy,)), ("x",), "tiny", shapes={"x": (3, 4)})
    return [
        ("a gradient of size 1e-6 with the wrong sign", tiny, Case(values="normal").point(tiny)),
        ("the wrong sign at inputs of 1e-6", _changed(sigmoid, 0, lambda g: -g), small),
        ("zero everywhere, a mean of 30,000 inputs", mean, Case(values="normal").point(mean)),
        ("one entry NaN", _changed(sigmoid, 0, lambda g: np.where(np.arange(3) == 1, np.nan, g)), normal),
        ("(1, F) for (F,)", _changed(dense, 2, lambda g: g[None]), flat),
        ("float32 for float64", _changed(dense, 1, lambda g: g.astype(np.float32)), flat),
        ("None where a gradient is due", _changed(dense, 1, lambda g: None), flat),
    ]


def vacuous() -> list[tuple[str, Layer, Point, str]]:
    """Points at which an input cannot be judged, and that input."""
    sigmoid, relu, softmax = layers.sigmoid, layers.relu, layers.softmax
    three = {"x": (3,), "b": (3,)}
    unused = Layer(lambda x, b: (2 * x, lambda dy: (2 * dy, 0 * b)), ("x", "b"), "unused", shapes=three)
    whole = Layer(lambda x: (np.sum(softmax(x)[0]), lambda dy: (0 * x,)), ("x",), "whole", shapes={"x": (2, 4)})
    log = Layer(lambda x: (np.log(x), lambda dy: (dy / x,)), ("x",), "log", shapes={"x": (3,)})
    return [
        ("saturated to the last bit", sigmoid, _at(sigmoid, 800.0), "x"),
        ("saturated", sigmoid, _at(sigmoid, 38.0), "x"),
        ("below every kink", relu, _at(relu, -3.0), "x"),
        ("a sum of probabilities", whole, Case(values="normal").point(whole), "x"),
        ("an input without effect", unused, Case(values="normal").point(unused), "b"),
        ("a forward that is not finite", log, Point(Case(), ("x",), (np.array([1.0, 0.0, 2.0]),)), "x"),
    ]


def _at(layer: Layer, value: float) -> Point:
    return Point(Case(values="normal"), layer.inputs, (np.array([[value, value + 1]]),))


def _vacuous_rows() -> Iterator[str]:
    for name, layer, point, at in vacuous():
        result = next(r for r in gradients.CHECK.run(layer, point) if r.input == at)
        verdict = result.status if result.status == Status.INCONCLUSIVE else f"{result.status}: WRONG"
        yield f"| {name} | {verdict} | {result.reason} |"


def _changed(layer: Layer, position: int, change: Callable[[Any], Any]) -> Layer:
    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)

        def wrong(dy: Any) -> list[Any]:
            gradients = list(backward(dy))
            gradients[position] = change(gradients[position])
            return gradients

        return y, wrong

    return replace(layer, vjp=vjp)


def _edge_rows() -> Iterator[str]:
    for name, layer, point in edges():
        found = [result for check in checks.ALL for result in check.run(layer, point)]
        caught = next((r for r in found if r.status == Status.FAILED), None)
        yield f"| {name} | {f'failed ({caught.check})' if caught else 'NOT CAUGHT'} |"


def edge_table() -> str:
    """Mistakes without a size, and points that prove nothing."""
    lines = ["| mistake | verdict |", "|---|---|", *_edge_rows(), ""]
    return "\n".join([*lines, "| a point that proves nothing | verdict | reason |", "|---|---|---|", *_vacuous_rows()])


if __name__ == "__main__":
    print(edge_table())
