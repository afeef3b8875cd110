"""Every message of ``from_class``: what was given, what is accepted, what to try."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.adapters import from_class
from cnngrad.core.errors import UsageError
from tests.adapters import their_classes as theirs


class NoBiasGradient(theirs.OnObject):
    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T


def test_backward_that_leaves_a_gradient_out() -> None:
    arrays = np.ones((3, 4)), np.ones((4, 2)), np.ones(2)
    with pytest.raises(RuntimeError, match=r"^backward left no db on the object$"):
        from_class(NoBiasGradient)(*arrays)[1](np.ones((3, 2)))
    two = from_class(theirs.ReturnsNested, params={"W": "return[1]", "b": "return[2]"})
    with pytest.raises(RuntimeError, match=r"backward returned 2 values; there is no return\[2\], the gradient of b"):
        two(*arrays)[1](np.ones((3, 2)))
    nothing = from_class(theirs.FirstLayer, params={"W": "return[1]", "b": "return[2]"})
    with pytest.raises(RuntimeError, match=r"backward returned NoneType None; there is no return\[0\]"):
        nothing(*arrays)[1](np.ones((3, 2)))


class ReadOnly(theirs.OnObject):
    def __init__(self):
        pass

    W = property(lambda self: np.ones((4, 2)))


CALLED: list[tuple[dict[str, Any], str]] = [
    (
        {"factory": theirs.OnObject, "backward": "backwards"},
        r"^OnObject has no method 'backwards'; it has backward, forward, grads, out$",
    ),
    ({"factory": theirs.OnObject, "forward": "W"}, "OnObject has no method 'W'; it has backward, forward"),
    (
        {"factory": theirs.ParameterObjects, "forward": "forward"},
        "has no method 'forward'; it has grads, out, propagate, __call__",
    ),
    ({"factory": lambda: theirs.Compiled(), "setup": "build"}, "Compiled has no method 'build'; it has backward, com"),
    ({"factory": lambda W, b: None}, "the factory layer returned None; it returns the object"),
    (
        {"factory": theirs.BackwardWithRate},
        r"backward takes 2 arguments \(dy, lr\); say which they are: ",
    ),
    ({"factory": theirs.Step, "params": ("W", "b"), "update": "stp"}, "update='stp' is neither a method nor an attr"),
    ({"factory": ReadOnly}, r"ReadOnly: W cannot be assigned to \(.*\); let the factory hand it over: lambda W: "),
]


@pytest.mark.parametrize(("keywords", "message"), CALLED)
def test_names_the_object_does_not_have(keywords: dict[str, Any], message: str) -> None:
    layer = from_class(**keywords)
    with pytest.raises(UsageError, match=message):
        layer(np.ones((3, 4)), np.ones((4, 2)), np.ones(2))


def test_parameter_the_object_does_not_have() -> None:
    x = np.ones((3, 4))
    layer = from_class(lambda: theirs.Underscored(4, 2), {"wieght": "grad_weight"}, "forward_pass", "backprop")
    with pytest.raises(UsageError, match=r"^Underscored has no attribute 'wieght'; it has bias, weight, wrong, x$"):
        layer(x, np.ones((4, 2)))
    deep = from_class(lambda: theirs.Underscored(4, 2), {"params['W']": "g"}, "forward_pass", "backprop")
    with pytest.raises(UsageError, match=r"Underscored has no attribute \"params\['W'\]\"; it has bias"):
        deep(x, np.ones((4, 2)))
    elsewhere = from_class(lambda v: theirs.Step(v, v), params=("v",), update="step")
    with pytest.raises(UsageError, match="Step has no attribute 'v'; it has W, b, wrong"):
        elsewhere(x, np.ones((4, 2)))


def test_only_a_loss_can_do_without_dy() -> None:
    class Forgotten(theirs.OnObject):
        def backward(self):
            return None

    with pytest.raises(UsageError, match=r"Forgotten: backward takes no dy, which only a loss .* float64 \(3, 2\)"):
        from_class(Forgotten)(np.ones((3, 4)), np.ones((4, 2)), np.ones(2))


DECLARED = [
    (
        {"bacth_axis": 0},
        r"from_class takes no keyword 'bacth_axis' \(did you mean 'batch_axis'\?\); it takes factory",
    ),
    ({"forwards": "f"}, r"no keyword 'forwards' \(did you mean 'forward'\?\)"),
    ({"params": ("W", "b")}, "params names 'W' but not its gradient: params={'W': 'dW'}, or update='step'"),
    ({"params": {"W": "grads[W]"}}, r"'grads\[W\]' is no path on an object; a path looks like W, W.grad, grads"),
    ({"backward_takes": ("dy", "cache")}, "backward_takes names 'cache'; it can name dy, y, rate, x"),
    ({"params": {"W": "return['dW']"}}, r"say where there the input's is: input_gradient=\"return\['dx'\]\""),
    (
        {"input": ("x", "t"), "input_gradient": "dx"},
        r"input_gradient='dx' is one path for 2 inputs \(x, t\): give",
    ),
    ({"input_gradient": {"z": "dz"}}, "input_gradient names 'z'; the differentiable inputs are x"),
    ({"constants": ("z",)}, "constants names 'z'; the inputs are x, W, b"),
    ({"params": {"W": 3}}, r"params=\{'W': 3\} is not what it takes: paths by name, \{'W': 'dW'\}"),
    ({"params": 3}, r"params=3 are no names; it takes one, 'x', or several, \('x', 'w'\)"),
    ({"forward": None}, "forward=None is not what it takes: a method's name, or lambda obj, x: ..."),
    ({"backward": ""}, "backward='' is not what it takes: a method's name, or lambda obj, dy: ..."),
    ({"input": None}, "input=None are no names; it takes one"),
    ({"input_gradient": 0}, r"input_gradient=0 is not what it takes: a path, \{'x': 'dx'\}, or None"),
    ({"update": 1}, "update=1 is not what it takes: a method's name, or lambda obj, rate: ..."),
    ({"setup": [3]}, r"setup=\[3\] is not what it takes: methods' names or functions of the object"),
    ({"rate": 0}, r"rate=0 is not what it takes: a number above 0, by default 2\.0\*\*20"),
    ({"accumulates": "no"}, "accumulates='no' is not what it takes: True or False"),
    ({"backward_takes": 3}, "backward_takes=3 are no names; it takes one"),
]


@pytest.mark.parametrize(("keywords", "message"), DECLARED)
def test_declarations_that_do_not_fit(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_class(theirs.OnObject, **keywords)


def test_keyword_that_the_factory_does_not_take() -> None:
    layer = from_class(theirs.MadeAtFirstForward)
    with pytest.raises(UsageError, match=r"MadeAtFirstForward takes no keyword 'unit' \(did you mean 'units'\?\)"):
        layer(np.ones((3, 4)), np.ones((4, 2)), np.ones(2), unit=2)


def test_declared_facts_reach_the_layer() -> None:
    layer = from_class(theirs.OnObject, name="mine", dims={"n": (1, 2)}, batch_axis=0, zero_gradient="b")
    assert (layer.name, layer.dims, layer.batch_axis, layer.zero_gradient) == ("mine", {"n": (1, 2)}, 0, ("b",))
    assert from_class(theirs.OnObject).name == "OnObject"
    assert from_class(theirs.FirstLayer, input_gradient=None).constants == ("x",)
