"""gradients_have_the_inputs_shape_and_dtype: axes too many, sums too few, precision gained or lost."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.gradients_have_the_inputs_shape_and_dtype import CHECK
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.errors import UsageError
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


@pytest.mark.parametrize(
    ("layer", "name", "sentence"),
    [
        (changed(2, lambda g: g[None]), "b", "has shape (1, 2), b has (2,): return it with .reshape(b.shape), or sum"),
        (
            changed(2, lambda g: np.tile(g, (3, 1))),
            "b",
            "has shape (3, 2), b has (2,): sum it over the axes along which",
        ),
        (
            changed(1, lambda g: g.sum(axis=1)),
            "w",
            "the gradient of w has shape (4,), w has (4, 2): it was summed too far",
        ),
        (changed(1, lambda g: g.T), "w", "has shape (2, 4), w has (4, 2)"),
        (changed(0, lambda g: g.astype(np.float32)), "x", "the gradient of x is float32, x is float64"),
        (changed(0, lambda g: g.astype(int)), "x", "the gradient of x is int64, x is float64"),
        (changed(0, lambda g: g.astype(np.float64)), "x", "the gradient of x is float64, x is float32: an array"),
        (changed(2, lambda g: g + np.zeros(2)), "b", "(np.zeros makes float64); return it with .astype(b.dtype)"),
        (changed(0, lambda g: [[1.0], [1.0, 2.0]]), "x", "the gradient of x is not an array: [[1.0], [1.0, 2.0]]"),
    ],
)
def test_wrong_gradients(layer, name, sentence) -> None:
    found = failed(CHECK, layer)
    assert list(found) == [name]
    assert sentence in found[name].reason


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert passes(CHECK, of_x(lambda x: (np.sum(x), lambda dy: (np.full(x.shape, dy),))))
    assert passes(CHECK, of_x(lambda x: (2.0 * x, lambda dy: (2.0 * float(dy),)), ()))  # Python's number joins any type


def test_layer_in_double_precision_alone_passes_and_says_so() -> None:
    def widens(x):
        y = np.zeros(x.shape)
        y += x
        return y, lambda dy: (1.0 * dy,)

    def refuses(x):
        if x.dtype != np.float64:
            raise UsageError("float64 only")
        return x, lambda dy: (dy,)

    assert (
        run(CHECK, of_x(widens))["x"].reason
        == "float32 inputs do not give a float32 output, so float64 alone was judged"
    )
    assert run(CHECK, of_x(refuses))["x"].reason == "float32 inputs are refused, so float64 alone was judged"
    assert passes(CHECK, of_x(widens))
    assert passes(CHECK, of_x(refuses))


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
