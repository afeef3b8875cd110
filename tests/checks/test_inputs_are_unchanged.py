"""inputs_are_unchanged: what is changed in place is named, with the call that did it."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.inputs_are_unchanged import CHECK
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import dense, dense_layer, failed, finite_numbers, of_x, passes, run


def relu_in_place(x):
    x[x < 0] = 0
    return x, lambda dy: (dy * (x > 0),)


def relu_with_dy_in_place(x):
    def backward(dy):
        dy[x < 0] = 0
        return (dy,)

    return np.maximum(x, 0), backward


def centred_in_backward(x, w, b):
    y, back = dense(x, w, b)

    def backward(dy):
        gradients = back(dy)
        w[...] = w - w.mean()
        return gradients

    return y, backward


def normalised_weights(x, w, b):
    w /= np.abs(w).max()
    return dense(x, w, b)


def flattened_by_shape(x):
    before = x.shape
    x.shape = (x.size,)
    return 2 * x, lambda dy: ((2 * dy).reshape(before),)


def advice(name):
    return f"let it work on a copy ({name} = {name}.copy()), or declare in_place=('{name}',) if it is meant"


@pytest.mark.parametrize(
    ("layer", "name", "reason"),
    [
        (of_x(relu_in_place), "x", "forward changes x in place"),
        (of_x(relu_with_dy_in_place), "dy", "backward changes dy in place"),
        (dense_layer(centred_in_backward), "w", "backward changes w in place"),
        (dense_layer(normalised_weights), "w", "forward changes w in place"),
    ],
)
def test_changed_in_place(layer, name, reason) -> None:
    found = failed(CHECK, layer)
    assert {name: result.reason for name, result in found.items()} == {name: f"{reason}: {advice(name)}"}
    assert finite_numbers(found[name])
    assert found[name].analytic != found[name].numeric
    assert 1 <= found[name].differing <= found[name].entries


# NumPy calls setting a shape deprecated.
@pytest.mark.filterwarnings("ignore:Setting the shape")
def test_another_shape_in_place() -> None:
    found = failed(CHECK, of_x(flattened_by_shape))
    assert found["x"].reason == f"forward gives x another shape in place, (3, 4) became (12,): {advice('x')}"


@pytest.mark.parametrize(
    ("before", "after", "index", "differing"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.5, 3.0], (1,), 1),
        ([1.0, np.nan, 3.0], [1.0, np.nan, np.nan], (2,), 1),
        ([1.0, np.nan, 3.0], [1.0, 2.0, 3.0], (1,), 1),
        ([np.nan, np.inf, 3.0], [np.nan, -np.inf, 4.0], (1,), 2),
        ([np.nan, np.inf, 0.0], [np.nan, np.inf, -0.0], None, None),
    ],
)
def test_which_entries_are_changed(before, after, index, differing) -> None:
    """A NaN that stays is no change; one that comes or goes is."""

    def writes(x):
        y = x.copy()
        x[...] = after
        return y, lambda dy: (dy,)

    found = failed(CHECK, of_x(writes, (3,), draw={"x": lambda rng, shape, d: np.array(before)}))
    assert [(r.index, r.differing, r.entries) for r in found.values()] == ([(index, differing, 3)] if index else [])


def test_numbers_are_those_before_and_after() -> None:
    def plus_one(x):
        x += 1
        return x, lambda dy: (dy,)

    result = failed(CHECK, of_x(plus_one))["x"]
    assert result.analytic == result.numeric + 1
    assert (result.index, result.bound, result.differing) == ((0, 0), 0.0, 12)


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert passes(CHECK, of_x(lambda x: (x, lambda dy: (dy,))))
    assert passes(CHECK, of_x(lambda x: (np.sum(x), lambda dy: (np.full(x.shape, dy),))))


def test_nan_in_the_inputs_is_no_change() -> None:
    layer = dense_layer(draw={"x": lambda rng, shape, d: np.full(shape, np.nan)})
    assert passes(CHECK, layer)


def test_declared_changes_pass() -> None:
    assert passes(CHECK, of_x(relu_in_place, in_place="x"))
    assert passes(CHECK, of_x(relu_with_dy_in_place, in_place=("dy",)))


def test_one_forward_and_one_backward_are_counted() -> None:
    result = run(CHECK, dense_layer())["dy"]
    assert (result.status, result.forward_calls, result.backward_calls) == (Status.PASSED, 1, 1)


def test_an_input_called_dy_is_not_the_cotangent() -> None:
    layer = Layer(relu_with_dy_in_place, ("dy",), "relu_backward", shapes={"dy": (3, 4)})
    result = run(CHECK, layer)
    assert (result["dy"].status, result["cotangent"].status) == ("passed", "failed")
