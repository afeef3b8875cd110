"""Declared conventions: each with a right layer, a wrong one, and the right one undeclared, which must fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.core.conventions import ACTIVATIONS

FACTS: dict[str, Any] = dict(
    inputs=("x", "W", "b"),
    dims={"n": (1, 3), "i": (1, 3), "o": (1, 3)},
    shapes=lambda d: {"x": (d.n, d.i), "W": (d.o, d.i), "b": (d.o,)},
    batch_axis={"x": 0, "y": 0},
)


def verdict(layer: cg.Layer) -> str:
    return str(cg.check(layer, effort="quick", select=["gradients_match_forward"], raise_on_failure=False).status)


def dense(parameter_factor: Any = lambda n: 1.0, bias_factor: float = 1.0) -> Any:
    """``y = x Wᵀ + b``; the factor of the parameters' gradients depends on the batch."""

    def vjp(x, W, b):
        def backward(dy):
            factor = parameter_factor(len(x))
            return dy @ W, factor * (dy.T @ x), bias_factor * factor * dy.sum(axis=0)

        return x @ W.T + b, backward

    return vjp


@pytest.mark.parametrize(
    ("convention", "factor"), [({"reduction": "mean"}, lambda n: 1 / n), ({"sign": "descent"}, lambda n: -1.0)]
)
def test_factors_of_parameters(convention: dict[str, Any], factor: Any) -> None:
    assert verdict(cg.Layer(dense(factor), name="right", **convention, **FACTS)) == "passed"
    assert verdict(cg.Layer(dense(factor, 2.0), name="wrong", **convention, **FACTS)) == "failed"
    assert verdict(cg.Layer(dense(factor), name="undeclared", **FACTS)) == "failed"
    assert verdict(cg.Layer(dense(), name="not so", **convention, **FACTS)) == "failed"


def test_both_at_once() -> None:
    layer = cg.Layer(dense(lambda n: -1 / n), name="both", reduction="mean", sign="descent", **FACTS)
    assert verdict(layer) == "passed"
    assert layer.conventions == (
        "parameter gradients are averaged over the batch (reduction='mean')",
        "parameter gradients are negative (sign='descent')",
    )


class Neurons:
    """The source texts' recursion, in their letters: δ before the activation goes in and is handed down."""

    def __init__(self, W, b, slope=lambda a: a * (1 - a)):
        self.W, self.b, self.slope = W, b, slope

    def forward(self, b_prev):
        self.b_prev = b_prev
        return 1 / (1 + np.exp(-(b_prev @ self.W.T + self.b)))

    def backward(self, delta):
        self.dW, self.db = delta.T @ self.b_prev, delta.sum(axis=0)
        return delta @ self.W * self.slope(self.b_prev)


class NeuronsWithoutSlope(Neurons):
    def backward(self, delta):
        super().backward(delta)
        return delta @ self.W


class FirstNeurons(NeuronsWithoutSlope):
    """A first layer, whose input is data."""


def of_class(factory: type, **convention: Any) -> cg.Layer:
    facts = {name: value for name, value in FACTS.items() if name != "inputs"}
    return cg.from_class(factory, **convention, **facts)


def test_cotangents_before_the_activation() -> None:
    declared = {"cotangent": "preactivation", "activation": "sigmoid"}
    assert verdict(of_class(Neurons, **declared)) == "passed"
    assert verdict(of_class(NeuronsWithoutSlope, **declared)) == "failed"
    assert verdict(of_class(Neurons)) == "failed"
    assert verdict(of_class(FirstNeurons, **declared, input_activation="identity")) == "passed"
    assert verdict(of_class(Neurons, **declared, input_activation="identity")) == "failed"


def test_an_activation_of_their_own() -> None:
    sigmoid = (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a))
    assert verdict(of_class(Neurons, cotangent="preactivation", activation=sigmoid)) == "passed"
    wrong = (lambda z: 1 / (1 + np.exp(-z)), lambda a: 1 - a * a)
    assert verdict(of_class(Neurons, cotangent="preactivation", activation=wrong)) == "failed"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_named_activations(name: str) -> None:
    f, slope = ACTIVATIONS[name]
    layer = cg.Layer(lambda x: (f(x), lambda dy: (dy * slope(f(x)),)), ("x",), name, shapes={"x": (4,)})
    assert verdict(layer) == "passed"


def straight_through(x: Any, t: float = 0.0) -> Any:
    return np.where(x > t, 1.0, 0.0), lambda dy: (dy * (np.abs(x) < 1),)


def clipped(x: Any, t: float = 0.0) -> Any:
    return np.clip(x, -1, 1)


@pytest.mark.parametrize(("surrogate", "expected"), [(clipped, True), (lambda x: x, False), (None, False)])
def test_a_surrogate(surrogate: Any, expected: bool) -> None:
    layer = cg.Layer(straight_through, ("x",), dims={"n": (1, 4)}, shapes=lambda d: {"x": (d.n,)}, surrogate=surrogate)
    report = cg.check(layer, effort="quick", select=["gradients_match_forward"], raise_on_failure=False)
    assert report.ok is expected
    assert bool(layer.conventions) is (surrogate is not None)


def test_a_gradient_reversal() -> None:
    reversal = cg.from_functions(
        lambda x: x, lambda dy: -0.5 * dy, "x", "y", "dy", surrogate=lambda x: -0.5 * x, name="r", shapes={"x": (3,)}
    )
    assert verdict(reversal) == "passed"
    wrong = cg.from_functions(
        lambda x: x, lambda dy: dy, "x", "y", "dy", surrogate=lambda x: -0.5 * x, name="r", shapes={"x": (3,)}
    )
    assert verdict(wrong) == "failed"


def test_a_copy_is_not_translated_twice() -> None:
    layer = cg.Layer(dense(lambda n: 1 / n), name="right", reduction="mean", **FACTS)
    assert verdict(layer.configured()) == "passed"
    assert layer.configured().conventions == layer.conventions


def test_a_shared_object_is_translated_as_well() -> None:
    vjp = dense(lambda n: 1 / n)
    layer = cg.Layer(vjp, name="right", reduction="mean", shared=lambda: vjp, **FACTS)
    assert layer.shared is not None
    x, W, b = np.ones((4, 1)), np.ones((1, 1)), np.zeros(1)
    assert layer.shared()(x, W, b)[1](np.ones((4, 1)))[1].tolist() == [[4.0]]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"reduction": "sum"}, "f: reduction='sum' is no convention; accepted is 'mean', or leave it out"),
        ({"sign": "ascent"}, "f: sign='ascent' is no convention; accepted is 'descent'"),
        ({"reduction": "mean"}, "f: reduction='mean' needs the batch that is averaged over: batch_axis="),
        ({"cotangent": "preactivation"}, "f: cotangent='preactivation' and activation='sigmoid' belong together"),
        ({"activation": "tanh"}, "f: cotangent='preactivation' and activation='sigmoid' belong together"),
        (
            {"cotangent": "preactivation", "activation": "relu6"},
            "f: the activation 'relu6' is none of identity, relu, sigmoid, tanh, nor a pair \\(f, slope\\)",
        ),
        ({"surrogate": 3}, "f: surrogate=3 is no function; it takes what the forward takes"),
    ],
)
def test_what_is_refused(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(cg.UsageError, match=message):
        cg.Layer(straight_through, ("x",), "f", **declared)


def test_a_surrogate_of_another_shape_is_refused() -> None:
    layer = cg.Layer(straight_through, ("x",), "f", surrogate=lambda x: x[:1])
    with pytest.raises(cg.UsageError, match=r"f: the surrogate returned shape \(1,\), the forward \(3,\); both must"):
        layer(np.ones(3))
