"""Calling a layer to see how it behaves: what is kept of a call, and at which other inputs it is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.calling import (
    Call,
    _eps,
    backward_on,
    call,
    cotangent_name,
    elsewhere,
    forward_on,
    on_one_object,
    output_of,
)
from cnngrad.core.call import Calls, Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.errors import LayerRaised
from cnngrad.core.layer import Layer
from tests.checks.behaviour import DY, OneObject, called, dense_layer, layer_of, of_x, twice

PAIR = of_x(twice, (2,))
DRAWN = Case()
FROM_A_FILE = Case(values="file:x.npz")


def at(layer: Layer, *inputs: Any, case: Case = DRAWN) -> Evaluation:
    """The layer at these inputs, or where the case draws them."""
    return Evaluation(layer, point_from_arrays(layer, inputs, {}, case) if inputs else case.point(layer))


def kept(**gradients: Any) -> Call:
    return Call((), DY, np.ones(1), {name: np.array(value) for name, value in gradients.items()}, 0.0)


def test_a_call_repeats_another_in_every_bit_a_nan_included() -> None:
    assert kept(x=[1.0, np.nan]).repeats(kept(x=[1.0, np.nan]))
    assert not kept(x=[1.0]).repeats(kept(x=[1.0 + 2.0**-52]))
    assert not kept(x=[1.0]).repeats(kept(w=[1.0]))
    assert not replace(kept(x=[1.0]), output=np.zeros(1)).repeats(kept(x=[1.0]))


def test_a_call_keeps_copies_in_double() -> None:
    x, dx = np.ones(2, dtype=np.float32), np.ones(2, dtype=np.float32)
    _, made = called(lambda x: (x, lambda dy: (dx,)), x)
    dx += 1
    assert (made.gradients["x"].tolist(), made.gradients["x"].dtype) == ([1.0, 1.0], np.dtype(np.float64))
    assert list(made.results) == ["output", "x"]
    assert made.finite
    assert not replace(made, output=np.array([1.0, np.inf])).finite
    assert not replace(made, gradients={"x": np.array([np.nan])}).finite


def test_the_points_own_cotangent_is_taken_if_none_is_given() -> None:
    double = at(PAIR)
    assert call(double, double.point.inputs).dy.tolist() == double.point.cotangent(2).tolist()
    assert call(double, double.point.inputs, DY).gradients["x"].tolist() == [6.0, -10.0]


@pytest.mark.parametrize(
    ("x", "gradient", "eps"),
    [
        (np.ones(2), lambda dy: dy, 2.0**-52),
        (np.ones(2, dtype=np.float32), lambda dy: dy, 2.0**-23),
        (np.ones(2), lambda dy: dy.astype(np.float16), 2.0**-10),
        (np.ones(2), lambda dy: [1, 2], 2.0**-52),
        (np.ones(2), lambda dy: None, 2.0**-52),
    ],
)
def test_the_coarsest_type_that_goes_in_or_comes_back_tells_the_rounding(x: Any, gradient: Any, eps: float) -> None:
    assert called(lambda x: (x.astype(np.float64), lambda dy: (gradient(dy),)), x)[1].eps == eps
    assert called(lambda x: (x.astype(np.float32), lambda dy: (np.ones(2),)), np.ones(2))[1].eps == 2.0**-23


def test_the_rounding_of_a_type_that_numpy_does_not_know_is_taken_to_be_coarse() -> None:
    like_bfloat16 = np.zeros(1, dtype=[("bfloat16", np.uint16)])
    assert [_eps(value) for value in (3.0, np.float32(3), like_bfloat16)] == [2.0**-52, 2.0**-23, 2.0**-3]
    assert called(lambda n: (n, lambda dy: ([1.0],)), np.arange(2), constants=("x",))[1].eps == 0


@pytest.mark.parametrize("value", [None, "text", [[1.0], [1.0, 2.0]], 10**400])
def test_what_is_no_array_of_numbers_is_no_gradient(value: Any) -> None:
    _, made = called(lambda x, w: (x, lambda dy: (value, dy)), DY, DY, inputs=("x", "w"))
    assert set(made.gradients) == {"w"}


def test_a_constant_has_no_gradient() -> None:
    _, made = called(lambda x, w: (x, lambda dy: (dy, dy)), DY, DY, inputs=("x", "w"), constants=("w",))
    assert set(made.gradients) == {"x"}


def test_one_output_keeps_its_shape_and_several_are_laid_end_to_end() -> None:
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert output_of(square).tolist() == square.tolist()
    assert output_of(5.0).shape == ()
    assert output_of((square, np.array([7]), 5.0)).tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert output_of([square]).shape == (4,)
    assert output_of(np.array([1, 2])).tolist() == []


def test_the_cotangent_is_named_as_no_input_is() -> None:
    names = ("dy", "cotangent", "y")
    found = [cotangent_name(Layer(twice, inputs, "layer")) for inputs in (("x",), names[:1], names[1:], names)]
    assert found == ["dy", "cotangent", "dy", "cotangent of the output"]


def test_the_very_arrays_are_handed_over_and_calls_are_counted() -> None:
    given: list[Any] = []

    def vjp(x: Any, *, stride: int) -> Any:
        given.append(x)
        return stride * x, lambda dy: (given.append(dy), 2 * dy)[1:]

    place = at(of_x(vjp, (2,), config={"stride": 3}))
    x, dy = np.ones(2), DY.copy()
    y, backward = forward_on(place, [x])
    (gradient,) = backward_on(place, backward, dy)
    assert given[0] is x
    assert given[1] is dy
    assert (y.tolist(), gradient.tolist(), place.calls) == ([3.0, 3.0], [6.0, -10.0], Calls(1, 1))


def test_one_object_is_made_where_state_is_kept_on_one() -> None:
    plain, kept_on_one = at(dense_layer()), at(layer_of(OneObject))
    assert on_one_object(plain) is plain
    one = on_one_object(kept_on_one)
    assert one.calls is kept_on_one.calls
    assert one.point is kept_on_one.point
    (_, first), (_, second) = (one.vjp(one.point.inputs) for _ in range(2))
    assert first.__self__ is second.__self__  # the backward of one and the same object


def test_an_object_that_cannot_be_made_is_the_forwards_error() -> None:
    def shared() -> Any:
        raise ValueError("no weights")

    with pytest.raises(LayerRaised, match=r"^forward raised ValueError: no weights$") as raised:
        on_one_object(at(replace(PAIR, shared=shared)))
    assert raised.value.error is raised.value.__cause__


def lists(values: Any) -> list[Any]:
    return [value.tolist() for value in values]


def test_elsewhere_is_the_next_draw_in_the_inputs_own_types() -> None:
    case = Case(values="normal", seed=5)
    (drawn,) = Case(values="normal", seed=6).point(PAIR).inputs
    for dtype in (np.float64, np.float32):
        (found,) = elsewhere(at(PAIR, np.ones(2, dtype), case=case))
        assert (found.dtype, found.tolist()) == (np.dtype(dtype), drawn.astype(dtype).tolist())


@pytest.mark.parametrize(
    ("x", "found"), [([1.0, 2.0, 5.0], [5.0, 2.0, 1.0]), ([2.0, 3.0, 2.0], [1.0, 1.5, 1.0]), ([0.0], [0.0])]
)
@pytest.mark.parametrize("values", ["file:x.npz", "normal"])
def test_numbers_of_the_users_own_are_turned_round_or_halved(x: list[float], found: list[float], values: str) -> None:
    """With a rule the declared shape is drawn, which is not theirs."""
    (other,) = elsewhere(at(PAIR, np.array(x, dtype=np.float32), case=Case(values=values)))
    assert (other.tolist(), other.dtype) == (found, np.dtype(np.float32))


@pytest.mark.parametrize("domain", [(1.0, 9.0), (-9.0, -1.0)])
def test_numbers_are_not_halved_out_of_their_domain(domain: tuple[float, float]) -> None:
    def found(x: float) -> Any:
        layer = replace(PAIR, domain={"x": domain})
        return elsewhere(at(layer, np.full(2, x * domain[0] / abs(domain[0])), case=FROM_A_FILE))[0]

    assert np.abs(found(2.0)).tolist() == [2.0, 2.0]
    assert np.abs(found(2.5)).tolist() == [1.25, 1.25]


def test_a_draw_that_is_always_the_same_is_turned_round() -> None:
    draw = {"x": lambda rng, shape, d: np.array([1.0, 2.0])}
    layer = Layer(lambda x, w: None, ("x", "w"), "layer", shapes={"x": (2,), "w": (2,)}, draw=draw)
    assert elsewhere(at(layer))[0].tolist() == [2.0, 1.0]


def test_labels_belong_to_their_rows() -> None:
    layer = Layer(lambda x, labels: None, ("x", "labels"), "layer", constants=("labels",))
    place = at(layer, np.array([1.0, 2.0]), np.array([0, 1]), case=FROM_A_FILE)
    assert lists(elsewhere(place)) == [[2.0, 1.0], [0, 1]]


def test_the_weights_of_one_object_stay() -> None:
    plain, on_one = (elsewhere(at(layer, case=Case(seed=4))) for layer in (dense_layer(), layer_of(OneObject)))
    x, w, b = at(dense_layer(), case=Case(seed=4)).point.inputs
    assert lists(on_one) == [plain[0].tolist(), w.tolist(), b.tolist()]
    assert not any(np.array_equal(*pair) for pair in zip(plain, (x, w, b), strict=True))
