"""adapt(): what it recognises, what it says that it assumed, and what it refuses."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from tests.adapters import their_torch

SHAPES: dict[str, Any] = dict(shapes={"x": (2, 3), "W": (3, 2), "b": (2,), "w": (3, 2)})


def verdict(layer: cg.Layer) -> str:
    return str(cg.check(layer, effort="quick", select=["gradients_match_forward"], raise_on_failure=False).status)


def dense(x, w, scale=1.0):
    return scale * x @ w


def dense_cached(x, w):
    return x @ w, (x, w)


def dense_back(x, w, grad, scale=1.0):
    return scale * grad @ w.T, scale * x.T @ grad


def dense_back_cached(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


def dense_back_wrong(dout, cache):
    x, w = cache
    return dout @ w.T, 2 * x.T @ dout


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW, self.db = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.W.T


class MadeAlone:
    """Other names, gradients in a dict, and weights of its own making."""

    def __init__(self):
        self.W, self.b, self.grads = np.ones((3, 2)), np.zeros(2), {}

    def __call__(self, x):
        self.x = x
        return x @ self.W + self.b

    def backprop(self, dy):
        self.grads["W"], self.grads["b"] = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.W.T


class AffineWrong(Affine):
    def backward(self, dy):
        dx = super().backward(dy)
        self.db = dy.mean(axis=0)
        return dx


def said_of(given: Any, **declared: Any) -> tuple[cg.Layer, list[str]]:
    lines: list[str] = []
    return cg.adapt(given, show=lines.append, **declared), lines


@pytest.mark.parametrize(
    ("given", "line", "expected"),
    [
        (
            (dense, dense_back),
            "cg.from_functions(dense, dense_back, inputs=('x', 'w'), forward_returns='y', "
            "backward_takes=('x', 'w', 'dy'))",
            "passed",
        ),
        (
            [dense_cached, dense_back_cached],
            "cg.from_functions(dense_cached, dense_back_cached, inputs=('x', 'w'), forward_returns=('y', 'cache'), "
            "backward_takes=('dy', 'cache'))",
            "passed",
        ),
        (
            (dense_cached, dense_back_wrong),
            "cg.from_functions(dense_cached, dense_back_wrong, inputs=('x', 'w'), forward_returns=('y', 'cache'), "
            "backward_takes=('dy', 'cache'))",
            "failed",
        ),
        (
            Affine,
            "cg.from_class(Affine, params={'W': 'dW', 'b': 'db'}, forward='forward', backward='backward', "
            "input=('x',))",
            "passed",
        ),
        (
            AffineWrong(np.ones((3, 2)), np.zeros(2)),
            "cg.from_class(AffineWrong, params={'W': 'dW', 'b': 'db'}, forward='forward', backward='backward', "
            "input=('x',))",
            "failed",
        ),
        (
            MadeAlone,
            "cg.from_class(MadeAlone, params={'W': \"grads['W']\", 'b': \"grads['b']\"}, forward='__call__', "
            "backward='backprop', input=('x',))",
            "passed",
        ),
    ],
)
def test_what_is_recognised_is_said(given: Any, line: str, expected: str) -> None:
    layer, lines = said_of(given, **SHAPES)
    assert lines == [f"adapt: {line}"]
    assert verdict(layer) == expected


def test_an_object_is_left_alone() -> None:
    affine = Affine(np.ones((3, 2)), np.zeros(2))
    assert verdict(said_of(affine, **SHAPES)[0]) == "passed"
    assert set(vars(affine)) == {"W", "b"}
    assert np.all(affine.W == 1)


def test_a_layer_stays_itself() -> None:
    assert cg.adapt(cg.layers.relu) is cg.layers.relu
    assert cg.adapt(cg.layers.relu, name="mine").name == "mine"


def test_declarations_go_before_guesses() -> None:
    layer, lines = said_of((dense, dense_back), inputs=("x", "w"), name="mine", **SHAPES)
    assert layer.name == "mine"
    assert len(lines) == 1


def unclear(dout, upstream):
    return dout


def hidden(*arguments):
    return arguments


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "adapt cannot tell what int 3 is; .* cg.from_functions\\(forward, backward, inputs=...\\), cg.from_class"),
        (np.sin, "adapt cannot tell what ufunc <ufunc 'sin'> is"),
        (
            (dense, unclear),
            "cannot tell which argument of unclear\\(dout, upstream\\) is which: .* backward_takes=\\('dy', 'cache'\\)",
        ),
        ((hidden, unclear), "adapt cannot see the inputs of hidden in its signature: cg.from_functions\\("),
    ],
)
def test_what_is_not_recognised_names_the_adapter(given: Any, message: str) -> None:
    with pytest.raises(cg.UsageError, match=message):
        cg.adapt(given)


@pytest.mark.integration
def test_pytorch() -> None:
    torch = pytest.importorskip("torch")
    functions = their_torch.functions(torch)
    for given in (functions.ScaledRelu, functions.ScaledRelu.apply):
        layer, lines = said_of(given, shapes={"x": (3,), "w": (3,)})
        assert lines == [f"adapt: cg.from_torch({given.__name__}, inputs=('x', 'w'))"]
        assert verdict(layer) == "passed"
    assert verdict(said_of(functions.MaskFromDy, shapes={"x": (3,), "w": (3,)})[0]) == "failed"
    module, lines = said_of(torch.nn.Linear(2, 3))
    assert module.inputs == ("input", "weight", "bias")
    assert lines == ["adapt: cg.from_torch(Linear, inputs=('input',))"]
    assert said_of(their_torch.operator(torch, 3.0))[0].inputs == ("x",)


@pytest.mark.integration
def test_jax() -> None:
    jax = pytest.importorskip("jax")
    layer, lines = said_of(jax.custom_vjp(lambda x, w: x @ w), name="dense")
    assert layer.inputs == ("x", "w")
    assert lines == ["adapt: cg.from_jax(layer, inputs=('x', 'w'))"]


@pytest.mark.integration
def test_autograd() -> None:
    pytest.importorskip("autograd")
    extend = importlib.import_module("autograd.extend")
    layer, lines = said_of(extend.primitive(dense), **SHAPES)
    assert layer.inputs == ("x", "w")
    assert lines == ["adapt: cg.from_autograd(dense, inputs=('x', 'w'))"]
