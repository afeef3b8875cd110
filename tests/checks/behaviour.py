"""What the tests of behaviour share: a right dense layer to be made wrong, a point, and what a check found there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.checks import Check
from cnngrad.checks.calling import Call, call
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status

SHAPES = {"x": (3, 4), "w": (4, 2), "b": (2,)}
POINT = Case(values="normal", seed=3)
DY = np.array([3.0, -5.0])

Backward = Callable[[Any], tuple[Any, ...]]


def dense(x, w, b):
    return x @ w + b, lambda dy: (dy @ w.T, x.T @ dy, dy.sum(axis=0))


def dense_layer(vjp: Callable[..., Any] = dense, **declared: Any) -> Layer:
    """A layer of x, w and b."""
    return Layer(vjp, ("x", "w", "b"), "dense", **{"shapes": SHAPES, **declared})


def of_x(vjp: Callable[..., Any], shape: tuple[int, ...] = (3, 4), **declared: Any) -> Layer:
    """A layer of x alone."""
    return Layer(vjp, ("x",), "layer", shapes={"x": shape}, **declared)


def called(vjp: Callable[..., Any], *inputs: Any, **declared: Any) -> tuple[Evaluation, Call]:
    """A layer at these inputs, of x alone if nothing else is said, and a call of it with a cotangent of two entries."""
    layer = Layer(vjp, **{"inputs": ("x",), "name": "layer", **declared})
    at = Evaluation(layer, point_from_arrays(layer, inputs, {}, Case()))
    return at, call(at, at.point.inputs, DY)


def twice(x):
    return 2 * x, lambda dy: (2 * dy,)


def run(check: Check, layer: Layer, case: Case = POINT) -> dict[str, Result]:
    """What a check found, by the name of the input."""
    return {result.input: result for result in check.run(layer, case.point(layer))}


def failed(check: Check, layer: Layer, case: Case = POINT) -> dict[str, Result]:
    """The failures alone; each under the check's own name."""
    found = {name: result for name, result in run(check, layer, case).items() if result.status == Status.FAILED}
    assert all(result.check == check.name and result.case == case for result in found.values())
    return found


def passes(check: Check, layer: Layer, case: Case = POINT) -> bool:
    """Whether everything was judged and found right."""
    found = run(check, layer, case).values()
    return bool(found) and all(result.status == Status.PASSED for result in found)


class OneObject:
    """A dense layer that keeps its cache on the object, as classes do. Subclasses are wrong in one way each."""

    def __init__(self) -> None:
        self.x: Any = None
        self.calls = 0

    def forward(self, x, w, b):
        self.x, self.w = x, w
        return x @ w + b

    def backward(self, dy):
        self.calls += 1
        return dy @ self.w.T, self.x.T @ dy, dy.sum(axis=0)


class FirstForwardOnly(OneObject):
    """The backward works with the x of the first forward for ever."""

    def forward(self, x, w, b):
        y = super().forward(x, w, b)
        self.first = getattr(self, "first", x)
        self.x = self.first
        return y


def layer_of(cls: type[OneObject]) -> Layer:
    """An object anew for every call, and one for all through ``shared``."""

    def on(obj: OneObject, *inputs: Any) -> tuple[Any, Backward]:
        return obj.forward(*inputs), obj.backward

    def shared() -> Callable[..., Any]:
        obj = cls()
        return lambda *inputs: on(obj, *inputs)

    return dense_layer(lambda *inputs: on(cls(), *inputs), shared=shared)


def finite_numbers(result: Result) -> bool:
    """Whether a failure says where, what it got, what it expected and how far apart they may be."""
    return result.index is not None and all(
        value is not None and np.isfinite(value) for value in (result.analytic, result.numeric, result.bound)
    )
