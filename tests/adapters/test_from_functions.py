"""Every shape of function that ``from_functions`` takes: at most five lines of glue, right passes, wrong fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad.adapters import from_functions
from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.report.data import GRADIENTS
from cnngrad.runner import check
from tests.adapters import their_functions as theirs
from tests.adapters.support import GOOD, error_of, lines_of_glue

SHAPES = {"x": (3, 4), "w": (4, 2), "b": (2,)}
NETWORK = {"x": (3, 4), "t": (3, 2), "w1": (4, 2), "w2": (2, 2)}
POLAR = {"r": (3,), "angle": (3,)}


def cache_tuple(backward):
    return from_functions(theirs.affine_forward, backward, shapes=SHAPES)


def cache_dict_and_gradient_dict(backward):
    return from_functions(theirs.cache_dict_forward, backward, shapes=SHAPES)


def cache_object_first_and_nested_gradients(backward):
    returns = ("dx", ("dw", "db"))
    takes = ("cache", "dy")
    return from_functions(
        theirs.cache_object_forward, backward, backward_takes=takes, backward_returns=returns, shapes=SHAPES
    )


def output_alone(backward):
    takes = ("dy", "y")
    return from_functions(theirs.sigmoid, backward, "x", "y", backward_takes=takes, shapes={"x": (5,)})


def explicit_arguments_in_their_order(backward):
    forward, takes, returns = theirs.matmul, ("w", "dz", "x"), ("b", "w", "x")
    return from_functions(
        forward, backward, forward_returns="z", backward_takes=takes, backward_returns=returns, shapes=SHAPES
    )


def configured(backward):
    config = {"power": 3, "gain": 0.5}
    return from_functions(theirs.scaled_forward, backward, inputs="x", config=config, shapes={"x": (4,)})


def several_outputs(backward):
    returns = ("u", "v", "cache")
    return from_functions(theirs.polar, backward, inputs=("r", "angle"), forward_returns=returns, shapes=POLAR)


def several_outputs_one_by_one(backward):
    returns, takes = ("u", "v", "cache"), ("du", "dv", "r", "angle")
    return from_functions(theirs.polar, backward, ("r", "angle"), returns, takes, shapes=POLAR)


def whole_network(f):
    inputs, returns = ("x", "t", "w1", "w2"), ("loss", "dw1", "grad_w2")
    return from_functions(f, None, inputs, returns, constants=("x", "t"), shapes=NETWORK)


def whole_network_with_a_dict(f):
    inputs, returns = ("x", "t", "w1", "w2"), ("loss", "grads")
    return from_functions(f, None, inputs, returns, constants=("x", "t"), shapes=NETWORK)


GLUES = [
    (cache_tuple, theirs.affine_backward, theirs.affine_backward_wrong),
    (cache_dict_and_gradient_dict, theirs.cache_dict_backward, theirs.cache_dict_backward_wrong),
    (cache_object_first_and_nested_gradients, theirs.cache_object_backward, theirs.cache_object_backward_wrong),
    (output_alone, theirs.sigmoid_backward, theirs.sigmoid_backward_wrong),
    (explicit_arguments_in_their_order, theirs.matmul_backward, theirs.matmul_backward_wrong),
    (configured, theirs.scaled_backward, theirs.scaled_backward_wrong),
    (several_outputs, theirs.polar_backward, theirs.polar_backward_wrong),
    (several_outputs_one_by_one, theirs.polar_backward_apart, theirs.polar_backward_apart_wrong),
    (whole_network, theirs.network, theirs.network_wrong),
    (whole_network_with_a_dict, theirs.network_dict, theirs.network_dict_wrong),
]
every_glue = pytest.mark.parametrize(("glue", "right", "wrong"), GLUES, ids=[glue.__name__ for glue, *_ in GLUES])


@every_glue
def test_right_agrees_with_central_differences_and_wrong_does_not(
    glue: Callable[..., Layer], right: Callable[..., Any], wrong: Callable[..., Any]
) -> None:
    assert error_of(glue(right)) < GOOD
    assert error_of(glue(wrong)) > 1e-3
    for backward, status in ((right, "passed"), (wrong, "failed")):
        report = check(glue(backward), effort="quick", select=(GRADIENTS,), raise_on_failure=False, diagnose=False)
        assert report.status == status, str(report)


@every_glue
def test_glue_takes_at_most_five_lines(
    glue: Callable[..., Layer], right: Callable[..., Any], wrong: Callable[..., Any]
) -> None:
    assert lines_of_glue(glue) <= 5


def test_six_lines_of_glue_would_be_noticed() -> None:
    def glue(f):
        """Not counted."""
        a = f
        b = (
            a,
            a,
        )
        return b[1]

    assert lines_of_glue(glue) == 6


def test_cache_and_output_are_handed_on_themselves() -> None:
    """A layer that writes into what it kept must be seen to do so."""
    kept: list[Any] = []

    def forward(x):
        y = 2 * x
        kept.extend((y, [x]))
        return y, kept[1]

    def backward(dy, cache):
        assert cache is kept[1]
        cache[0] *= 0
        return dy

    x, dy = np.ones(2), np.ones(2)
    y, back = from_functions(forward, backward, "x")(x)
    assert y is kept[0]
    assert back(dy)[0] is dy
    assert not x.any()


def test_gradient_that_is_not_returned_is_none() -> None:
    layer = from_functions(theirs.affine_forward, lambda dy, cache: {"w": cache[0].T @ dy})
    gradients = layer(np.ones((3, 4)), np.ones((4, 2)), np.ones(2))[1](np.ones((3, 2)))
    assert [g is None for g in gradients] == [True, False, True]


def test_own_name_of_an_input_goes_before_its_aliases() -> None:
    layer = from_functions(theirs.sigmoid, lambda dy: {"grad_x": 1.0, "x": 2.0, "dx": 3.0}, "x", "y", "dy")
    assert layer(np.ones(2))[1](5.0) == (2.0,)


def test_gradients_left_aside_and_a_single_one_in_a_tuple() -> None:
    aside = from_functions(theirs.sigmoid, lambda dy: ("note", dy), "x", "y", "dy", backward_returns=("_", "x"))
    assert aside(np.ones(2))[1](5.0) == (5.0,)
    single = from_functions(theirs.sigmoid, lambda dy: (dy,), "x", "y", "dy")
    assert single(np.ones(2))[1](5.0) == (5.0,)


def test_constant_has_no_gradient() -> None:
    backward = lambda dy, cache: (dy, dy, dy)  # noqa: E731 - short as a user writes it
    layer = from_functions(theirs.affine_forward, backward, backward_returns=("x", "w", "b"), constants="b")
    assert layer(np.ones((3, 4)), np.ones((4, 2)), np.ones(2))[1](1.0) == (1.0, 1.0, None)


def test_loss_with_gradients_is_scaled_by_dy() -> None:
    layer = from_functions(lambda x: (x @ x, 2 * x), None, "x", ("loss", "dx"))
    loss, back = layer(np.array([1.0, 2.0]))
    assert (loss, back(-3.0)[0].tolist()) == (5.0, [-6.0, -12.0])


def test_outputs_in_a_dict() -> None:
    layer = from_functions(lambda x: {"cache": x, "y": 3 * x}, lambda dy, x: 3 * dy, "x")
    y, back = layer(2.0)
    assert (y, back(1.0)) == (6.0, (3.0,))


def test_stub_comes_through_as_it_is() -> None:
    def stub(dy, cache):
        raise NotImplementedError("to do")

    with pytest.raises(NotImplementedError, match="to do"):
        cache_tuple(stub)(np.ones((3, 4)), np.ones((4, 2)), np.ones(2))[1](np.ones((3, 2)))


def test_declared_facts_reach_the_layer() -> None:
    layer = cache_tuple(theirs.affine_backward)
    assert (layer.name, layer.inputs, layer.shapes) == ("affine_forward", ("x", "w", "b"), SHAPES)
    named = from_functions(lambda x: x, lambda dy: dy, "x", "y", "dy", name="mine", zero_gradient="x")
    assert (named.name, named.zero_gradient) == ("mine", ("x",))
    assert from_functions(lambda x: x, lambda dy: dy, "x", "y", "dy").name == "layer"


def test_keyword_goes_to_backward_only_where_it_is_taken() -> None:
    point = Case(values="normal").point(configured(theirs.scaled_backward))
    assert point.config == {"power": 3, "gain": 0.5}
    forward_only = from_functions(theirs.scaled_forward, lambda dy, x: 3 * x**2 * dy, "x", shapes={"x": (4,)})
    assert forward_only.configured(power=3)(np.ones(2))[1](2.0)[0].tolist() == [6.0, 6.0]


F, B = theirs.affine_forward, theirs.affine_backward
DECLARED: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    (
        (F, B),
        {"shape": SHAPES},
        r"from_functions takes no keyword 'shape' \(did you mean 'shapes'\?\); it takes ",
    ),
    ((F, "backward"), {}, "from_functions takes two functions, forward and backward, not 'backward'"),
    ((theirs.sigmoid, B), {}, r"sigmoid takes 1 argument \(x\), inputs= names 3 \(x, w, b\)"),
    ((F, theirs.sigmoid), {}, r"sigmoid takes 1 argument \(x\), backward_takes= names 2 \(dy, cache\)"),
    ((F, B), {"forward_returns": "y"}, r"backward_takes names 'cache'; .* it can name dy, y, x, w, b"),
    ((F, B), {"forward_returns": "cache"}, "must name at least one output, and each thing once: 'y' or"),
    ((F, B), {"forward_returns": ("y", "y")}, "must name at least one output, and each thing once: 'y' or"),
    ((F, B), {"inputs": ("x", "y")}, "'y' names an input and an output; name the output otherwise: forward_returns="),
    ((F, B), {"inputs": ("x", "cache")}, "no input can be called 'cache', which has a meaning of its own; rename it"),
    ((F, B), {"backward_returns": ("x", "v")}, "backward_returns names 'v'; the inputs are x, w, b, and _ is left"),
    (
        (F, None),
        {},
        r"returns one loss and its gradients; .* it takes \('loss', 'dx', 'dw', 'db'\) or",
    ),
    ((F, None), {"forward_returns": ("y", "z", "dx")}, "backward=None means that forward returns one loss and its"),
]


@pytest.mark.parametrize(("functions", "keywords", "message"), DECLARED)
def test_declarations_that_do_not_fit(functions: tuple[Any, ...], keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_functions(*functions, **keywords)


def test_forward_that_returns_something_else() -> None:
    arrays = np.ones((3, 4)), np.ones((4, 2)), np.ones(2)
    with pytest.raises(UsageError, match=r"matmul returned float64 \(3, 2\), forward_returns names 2 \(y, cache\)"):
        from_functions(theirs.matmul, B)(*arrays)
    with pytest.raises(UsageError, match=r"polar returned 3 values, forward_returns names 2 \(y, cache\)"):
        from_functions(theirs.polar, B, inputs=("r", "angle"))(1.0, 2.0)
    with pytest.raises(UsageError, match=r"backward=None the forward returns a loss, one number, .* y is ndarray"):
        from_functions(lambda x: (x, x), None, "x", ("y", "dx"))(np.ones(2))
    with pytest.raises(UsageError, match=r"affine_forward takes no keyword 'stride', which config= hands to it"):
        from_functions(F, B)(*arrays, stride=2)


def test_backward_that_returns_something_else() -> None:
    arrays, dy = (np.ones((3, 4)), np.ones((4, 2)), np.ones(2)), np.ones((3, 2))
    with pytest.raises(UsageError, match=r"affine_backward returned 3 values where 2 gradients are expected \(x, w\)"):
        from_functions(F, B, constants="b")(*arrays)[1](dy)
    with pytest.raises(UsageError, match=r"layer returned float64 \(3, 2\) where 3 gradients are expected \(x, w, b\)"):
        from_functions(F, lambda dy, cache: dy)(*arrays)[1](dy)
    with pytest.raises(UsageError, match=r"returned a dict with the keys weights; a gradient's key is .*: x, dx"):
        from_functions(F, lambda dy, cache: {"weights": dy})(*arrays)[1](dy)
