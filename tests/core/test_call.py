"""Calling someone's layer: copies go in, calls are counted, and its own errors are marked as its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.core.call import Calls, Evaluation
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer

X, W, T = np.array([[1.0, 2.0]]), np.array([3.0, 4.0], np.float32), np.array([0, 1])


def product_vjp(x: Any, w: Any, t: Any) -> Any:
    return x * w + t, lambda dy: (w * dy, np.sum(x * dy, 0), None)


def at(vjp: Any = product_vjp, **declared: Any) -> Evaluation:
    layer = Layer(vjp, ("x", "w", "t"), "demo", constants=("t",), **declared)
    return Evaluation(layer, Point(Case(), layer.inputs, (X.copy(), W.copy(), T.copy())))


def returning(y: Any, gradients: Any = None) -> Evaluation:
    return at(lambda x, w, t: (y, lambda dy: gradients))


def test_calls_are_counted() -> None:
    evaluation = at()
    evaluation.output()
    evaluation.gradients(np.ones(2))
    y, backward = evaluation.vjp(evaluation.point.inputs)
    evaluation.pull(y, backward, np.ones(2))
    evaluation.pull(y, backward, np.ones(2))
    assert evaluation.calls == Calls(forward=3, backward=3)


def test_copies_go_in() -> None:
    def destructive(x: Any, w: Any, t: Any) -> Any:
        for array in (x, w, t):
            array[...] = 99

        def backward(dy: Any) -> Any:
            dy[...] = 99
            return x, w, t

        return np.ones(2), backward

    evaluation, dy = at(destructive), np.ones(2)
    evaluation.gradients(dy)
    assert [a.tolist() for a in evaluation.point.inputs] == [X.tolist(), W.tolist(), T.tolist()]
    assert dy.tolist() == [1, 1]


def test_numbers_go_in_as_numbers_and_keywords_as_declared() -> None:
    seen: list[Any] = []

    def vjp(x: Any, k: int) -> Any:
        seen.extend([x, k])
        return x * k, lambda dy: (dy * k,)

    layer = Layer(vjp, ("x",))
    for value in (2.0, np.float32(2), np.array(2.0)):
        Evaluation(layer, Point(Case(), ("x",), (np.asarray(value)[()],), {"k": 3})).output()
    assert [type(value) for value in seen[::2]] == [np.float64, np.float32, np.float64]
    assert seen[1::2] == [3, 3, 3]


def test_gradients_are_handed_on_as_they_came() -> None:
    dx, dw = object(), np.ones(7)
    assert returning(np.ones(2), (dx, dw, None)).gradients(np.ones(2)) == (dx, dw, None)
    assert returning(np.ones(2), [dx, dw, None]).gradients(np.ones(2)) == (dx, dw, None)


def test_one_gradient_need_be_no_tuple() -> None:
    layer = Layer(lambda x: (x, lambda dy: dy), ("x",))
    evaluation = Evaluation(layer, Point(Case(), ("x",), (X,)))
    assert evaluation.gradients(np.array([5.0, 6.0]))[0].tolist() == [[5, 6]]


def test_the_cotangent_has_the_structure_of_the_output() -> None:
    seen: list[Any] = []
    y = (np.ones((1, 2), np.float32), np.array([1, 2]), 3.0)
    evaluation = at(lambda x, w, t: (y, lambda dy: (seen.append(dy), w, t)))  # type: ignore[func-returns-value]  # append notes the call, its None does not matter
    evaluation.gradients(np.array([4.0, 5.0, 6.0]))
    ((first, second, third),) = seen
    assert (first.dtype, first.tolist(), second, third) == (np.float32, [[4, 5]], None, 6.0)


def test_the_forward_between_flat_vectors() -> None:
    evaluation = at()
    assert evaluation.free == [0, 1]
    assert evaluation.origin.tolist() == [1, 2, 3, 4]
    assert evaluation.slices == {"x": slice(0, 2), "w": slice(2, 4)}
    assert evaluation.flat(evaluation.origin).tolist() == [3, 9]
    assert evaluation.flat(np.array([1.0, 1, 5, 6])).tolist() == [5, 7]
    x, w, t = evaluation.inputs_from(np.array([1.0, 1, 5, 6]))
    assert (x.shape, x.dtype, w.dtype) == ((1, 2), np.float64, np.float32)
    assert t is evaluation.point["t"]


def test_complex_numbers_pass_through() -> None:
    evaluation = at()
    at_i: Any = 1e-30j * np.array([1, 0, 0, 1])
    moved = evaluation.flat(evaluation.origin + at_i)
    assert np.allclose(moved.imag / 1e-30, [3, 2])
    assert np.iscomplexobj(evaluation.inputs_from(at_i)[1])
    assert not np.iscomplexobj(evaluation.inputs_from(evaluation.origin)[1])


def test_outputs_that_are_no_floats_are_left_out() -> None:
    evaluation = at(lambda x, w, t: ((x * w, np.argmax(x, 1), 2.0), lambda dy: (x, w, t)))
    assert evaluation.flat(evaluation.origin).tolist() == [3, 8, 2]
    as_complex: Any = evaluation.origin + 0j
    assert evaluation.flat(as_complex).tolist() == [3, 8, 2]
    nothing = returning(np.array([1, 2]))
    assert nothing.flat(nothing.origin).shape == nothing.flat(as_complex).shape == (0,)


def test_an_overflow_at_a_saturated_point_is_no_alarm() -> None:
    def vjp(x: Any, w: Any, t: Any) -> Any:
        return np.exp(x * 1e3) / 0.0, lambda dy: (np.exp(1e3 * x), np.log(0 * w), t)

    assert np.all(np.isinf(at(vjp).gradients(np.ones(2))[0]))


def test_a_random_layer_is_reseeded_before_every_forward() -> None:
    state = np.random.RandomState(0)

    def vjp(x: Any, w: Any, t: Any) -> Any:
        return x * state.rand(), lambda dy: (x, w, t)

    reseeded, free = at(vjp, random=lambda: state.seed(3)), at(vjp)
    assert np.array_equal(reseeded.output(), reseeded.output())
    assert not np.array_equal(free.output(), free.output())


def test_what_the_forward_raises_is_its_own() -> None:
    with pytest.raises(LayerRaised, match="forward raised ZeroDivisionError: division by zero") as caught:
        at(lambda x, w, t: 1 / 0).output()
    assert caught.value.call == "forward"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def unseeded() -> None:
        raise RuntimeError("no seed")

    with pytest.raises(LayerRaised, match="forward raised RuntimeError: no seed"):
        at(random=unseeded).output()


def test_what_the_backward_raises_is_its_own() -> None:
    with pytest.raises(LayerRaised, match="backward raised IndexError: ") as caught:
        at(lambda x, w, t: (x, lambda dy: dy[9])).gradients(np.ones(2))
    assert caught.value.call == "backward"


@pytest.mark.parametrize(("gradients", "number"), [((1.0, 2.0), 2), ((1.0, 2.0, 3.0, 4.0), 4), (1.0, 1), ({}, 1)])
def test_another_number_of_gradients_than_inputs(gradients: Any, number: int) -> None:
    message = rf"backward raised ValueError: returned {number} gradients for 3 inputs \(x, w, t\)"
    with pytest.raises(LayerRaised, match=message):
        returning(np.ones(2), gradients).gradients(np.ones(2))


def test_a_usage_error_of_an_adapter_comes_through() -> None:
    def refuse(*arguments: Any) -> Any:
        raise UsageError("this class has no attribute dW")

    with pytest.raises(UsageError, match="no attribute dW"):
        at(refuse).output()
    with pytest.raises(UsageError, match="no attribute dW"):
        at(lambda x, w, t: (x, refuse)).gradients(np.ones(2))


@pytest.mark.parametrize("returned", [None, X, (X,), (X, X), [X, abs], (X, abs, abs), {"y": X}])
def test_a_vjp_that_returns_no_output_with_its_backward(returned: Any) -> None:
    message = rf"demo: vjp returned {type(returned).__name__}, not \(y, backward\) with a function backward\(dy\); a "
    with pytest.raises(UsageError, match=message + r"forward/backward pair is wrapped with cg\.from_functions"):
        at(lambda x, w, t: returned).output()


@pytest.mark.parametrize("y", [None, "y", {"y": X}, (X, None), [[X]]])
def test_an_output_that_is_no_array(y: Any) -> None:
    message = r"demo: the forward returned (NoneType|str|dict|list) as an output; an output is an array or a number, "
    with pytest.raises(UsageError, match=message + "several are a tuple of them"):
        returning(y).output()


@pytest.mark.parametrize("y", [X, 3.0, 3, np.float32(1), (X, 2.0), [X, X], ()])
def test_an_output_that_is_one(y: Any) -> None:
    assert returning(y).output() is y
