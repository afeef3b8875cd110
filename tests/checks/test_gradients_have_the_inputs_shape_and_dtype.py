"""gradients_have_the_inputs_shape_and_dtype: axes too many, sums too few, precision gained or lost."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.gradients_have_the_inputs_shape_and_dtype import CHECK
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import dense, dense_layer, failed, of_x, passes, run


def changed(position, change):
    """The dense layer with one gradient changed at last."""

    def vjp(x, w, b):
        y, back = dense(x, w, b)

        def backward(dy):
            gradients = list(back(dy))
            gradients[position] = change(gradients[position])
            return tuple(gradients)

        return y, backward

    return dense_layer(vjp)


JOINED = (
    ": an array or a number of another type joined in (np.zeros makes float64); return it with .astype({name}.dtype)"
)
KEPT = "return it with .reshape({name}.shape), or sum without keepdims=True"


@pytest.mark.parametrize(
    ("layer", "name", "reason"),
    [
        (changed(2, lambda g: g[None]), "b", f"has shape (1, 2), {{name}} has (2,): {KEPT}"),
        (changed(1, lambda g: g.T), "w", f"has shape (2, 4), {{name}} has (4, 2): {KEPT}"),
        (
            changed(2, lambda g: np.tile(g, (3, 1))),
            "b",
            "has shape (3, 2), b has (2,): sum it over the axes along which it was broadcast",
        ),
        (changed(1, lambda g: g.sum(axis=1)), "w", "has shape (4,), w has (4, 2): it was summed too far"),
        (changed(0, lambda g: g.astype(np.float32)), "x", f"is float32, {{name}} is float64{JOINED}"),
        (changed(0, lambda g: g.astype(int)), "x", f"is int64, {{name}} is float64{JOINED}"),
        (changed(0, lambda g: g.astype(np.float64)), "x", f"is float64, {{name}} is float32{JOINED}"),
        (changed(2, lambda g: g + np.zeros(2)), "b", f"is float64, {{name}} is float32{JOINED}"),
        (changed(0, lambda g: [[1.0], [1.0, 2.0]]), "x", "is not an array: [[1.0], [1.0, 2.0]]"),
    ],
)
def test_wrong_gradients(layer, name, reason) -> None:
    found = failed(CHECK, layer)
    assert {name: result.reason for name, result in found.items()} == {
        name: f"the gradient of {name} {reason.format(name=name)}"
    }


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert {name: result.entries for name, result in run(CHECK, dense_layer()).items()} == {"x": 12, "w": 8, "b": 2}
    assert passes(CHECK, of_x(lambda x: (np.sum(x), lambda dy: (np.full(x.shape, dy),))))
    assert passes(CHECK, of_x(lambda x: (2.0 * x, lambda dy: (2.0 * float(dy),)), ()))  # Python's number joins any type


def test_whole_numbers_among_the_inputs_stay_whole() -> None:
    def picked(x, rows):
        def backward(dy):
            dx = np.zeros_like(x, dtype=dtype)
            np.add.at(dx, rows, dy)
            return dx, None

        return x[rows], backward

    dtype = None
    layer = Layer(
        picked,
        ("x", "rows"),
        "picked",
        constants="rows",
        shapes={"x": (3, 4), "rows": (2,)},
        draw={"rows": lambda rng, shape, d: np.array([2, 0])},
    )
    assert [(r.status, r.reason) for r in run(CHECK, layer).values()] == [(Status.PASSED, "")]
    dtype = np.float64
    assert failed(CHECK, layer)["x"].reason == f"the gradient of x is float64, x is float32{JOINED.format(name='x')}"


def test_layer_in_double_precision_alone_passes_and_says_so() -> None:
    def widens(x):
        y = np.zeros(x.shape)
        y += x
        return y, lambda dy: (1.0 * dy,)

    def refuses(x):
        if x.dtype != np.float64:
            raise UsageError("float64 only")
        return x, lambda dy: (dy,)

    def pythons_own(x):
        return float(np.sum(x)), lambda dy: (np.full(x.shape, dy),)

    widened = "float32 inputs do not give a float32 output, so float64 alone was judged"
    refused = "float32 inputs are refused, so float64 alone was judged"
    for vjp, reason in ((widens, widened), (pythons_own, widened), (refuses, refused)):
        (result,) = run(CHECK, of_x(vjp)).values()
        assert (result.status, result.reason, result.entries) == (Status.PASSED, reason, 12)


def test_arrays_are_judged_in_the_precision_they_are_given_in() -> None:
    layer = of_x(lambda x: (2 * x, lambda dy: (2 * dy.astype(np.float64),)))
    point = point_from_arrays(layer, (np.ones(3, np.float32),), {}, Case(values="file:x.npz"))
    (result,) = CHECK.run(layer, point)
    assert (result.status, "is float64, x is float32" in result.reason) == (Status.FAILED, True)


def test_missing_gradient_is_left_to_the_forward() -> None:
    result = run(CHECK, changed(2, lambda g: None))["b"]
    assert (result.status, result.reason) == (Status.NOT_APPLICABLE, "None is returned for b")


def test_empty_arrays_have_a_shape_too() -> None:
    assert passes(CHECK, of_x(lambda x: (x, lambda dy: (dy,)), (0, 3)))
    assert failed(CHECK, of_x(lambda x: (x, lambda dy: (dy.T,)), (0, 3)))["x"].reason.startswith(
        "the gradient of x has"
    )
