"""earlier_results_are_unchanged: buffers that are used again, and caches that are handed out."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.earlier_results_are_unchanged import CHECK
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import POINT, OneObject, dense, dense_layer, failed, finite_numbers, layer_of, of_x, passes


def reused_output():
    buffer = np.zeros((8, 8))

    def vjp(x, w, b):
        y, backward = dense(x, w, b)
        view = buffer[: len(y), : y.shape[1]]
        view[...] = y
        return view, backward

    return dense_layer(vjp)


def reused_gradient():
    buffer = np.zeros((4, 2))

    def vjp(x, w, b):
        y, back = dense(x, w, b)

        def backward(dy):
            dx, dw, db = back(dy)
            buffer[...] = dw
            return dx, buffer, db

        return y, backward

    return dense_layer(vjp)


def reused_gradient_of_a_linear_layer():
    buffer = np.zeros((3, 4))

    def vjp(x):
        def backward(dy):
            buffer[...] = 2 * dy
            return (buffer,)

        return 2 * x, backward

    return of_x(vjp)


def output_overwritten_by_backward():
    def sigmoid(x):
        y = 1 / (1 + np.exp(-x))

        def backward(dy):
            np.multiply(y, 1 - y, out=y)
            return (dy * y,)

        return y, backward

    return of_x(sigmoid)


class ReusedOnObject(OneObject):
    def forward(self, x, w, b):
        fresh = super().forward(x, w, b)
        self.y = getattr(self, "y", np.empty_like(fresh))
        self.y[...] = fresh
        return self.y


def reused_mask():
    """The second output says where, in true and false."""
    mask = np.zeros((3, 4), dtype=bool)

    def vjp(x):
        np.greater(x, 0, out=mask)
        return (np.maximum(x, 0), mask), lambda dy: (dy[0] * (x > 0),)

    return of_x(vjp)


def overwritten_the_second_time():
    calls = []

    def vjp(x):
        y = 2 * x

        def backward(dy):
            calls.append(1)
            if len(calls) == 2:
                y[0] = 0
            return (2 * dy,)

        return y, backward

    return of_x(vjp)


def handed_out(kept, of=("x",)):
    """Every backward returns the array that is kept, and it alone."""

    def vjp(*inputs):
        return sum(inputs), lambda dy: (kept,) * len(inputs)

    return Layer(vjp, of, "layer", shapes=dict.fromkeys(of, kept.shape))


def handed_out_cache():
    def vjp(x, scale):
        slope = scale * np.ones_like(x)
        halved = {}

        def backward(dy):
            if "dx" not in halved:
                halved["dx"] = slope * dy
            return halved["dx"], np.sum(x * dy)

        return scale * x, backward

    return Layer(vjp, ("x", "scale"), "layer", shapes={"x": (3,), "scale": ()})


REUSED = "it is, or is a view of, a buffer that is used again; return a copy"
HANDED_OUT = (
    "once the returned gradients are changed (as clipping or an optimiser does) the next backward returns other ones: "
    "an array that backward keeps is handed out; return a copy"
)


@pytest.mark.parametrize(
    ("make", "name", "reason"),
    [
        (reused_output, "output", f"the output of the first forward is changed by a later forward: {REUSED}"),
        (reused_mask, "output", f"the output of the first forward is changed by a later forward: {REUSED}"),
        (
            overwritten_the_second_time,
            "output",
            f"the output of the second forward is changed by a later backward: {REUSED}",
        ),
        (
            output_overwritten_by_backward,
            "output",
            "the output of the first forward is changed by its own backward: "
            "backward works on it in place; let it work on a copy",
        ),
        (
            lambda: layer_of(ReusedOnObject),
            "output",
            f"the output of the first forward is changed by a later forward: {REUSED}",
        ),
        (reused_gradient, "w", f"the gradient of w from the first backward is changed by a later backward: {REUSED}"),
        (
            reused_gradient_of_a_linear_layer,
            "x",
            f"the gradient of x from the first backward is changed by a later backward: {REUSED}",
        ),
        (handed_out_cache, "x", HANDED_OUT),
    ],
)
def test_changed_later(make, name, reason) -> None:
    layer = make()
    results = CHECK.run(layer, POINT.point(layer))
    assert [result.input for result in results] == ["output", *layer.inputs]  # one for each
    (found,) = [result for result in results if result.status != Status.PASSED]
    assert (found.input, found.status, found.reason) == (name, Status.FAILED, reason)
    assert finite_numbers(found)
    assert found.bound == 0
    assert 1 <= found.differing <= found.entries


@pytest.mark.parametrize("number", [-2.0, -1.0, 0.0, 1.0, 2.0, np.inf, np.nan, 3e38])
def test_whatever_number_is_handed_out(number) -> None:
    for kept in (np.full(3, number), np.full(3, number, np.float32)):
        assert failed(CHECK, handed_out(kept))["x"].differing == 3
    assert set(failed(CHECK, handed_out(np.full(3, number), of=("a", "b")))) == {"a", "b"}


def test_nan_beside_what_is_handed_out() -> None:
    """A gradient that is no number every time has not changed."""
    kept = np.ones(3)
    layer = Layer(
        lambda a, b: (a + b, lambda dy: (np.full(3, np.nan), kept)), ("a", "b"), shapes={"a": (3,), "b": (3,)}
    )
    assert set(failed(CHECK, layer)) == {"b"}


def test_gradient_that_goes_missing_is_left_to_other_checks() -> None:
    calls = []

    def third_is_missing(x):
        return 2 * x, lambda dy: (calls.append(1), (2 * dy if len(calls) != 4 else None,))[1]

    assert passes(CHECK, of_x(third_is_missing))
    assert len(calls) == 4


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert passes(CHECK, layer_of(OneObject))
    assert passes(CHECK, of_x(lambda x: (x, lambda dy: (dy,))))  # hands on its arguments, which is no buffer
    assert passes(CHECK, of_x(lambda x: (x.reshape(-1), lambda dy: (dy.reshape(x.shape),))))


def test_only_what_can_be_written_to_is_overwritten() -> None:
    assert passes(CHECK, of_x(lambda x: (x.sum(), lambda dy: (np.broadcast_to(dy, x.shape),))))
    without_w = dense_layer(lambda *inputs: (dense(*inputs)[0], lambda dy: (dy @ inputs[1].T, None, dy.sum(axis=0))))
    assert passes(CHECK, without_w)


def test_buffer_inside_is_no_failure() -> None:
    buffer = np.zeros((3, 2))

    def vjp(x, w, b):
        buffer[...] = x @ w
        return buffer + b, dense(x, w, b)[1]

    assert passes(CHECK, dense_layer(vjp))


def test_refused_second_backward_is_no_failure() -> None:
    def once(x):
        used = []

        def backward(dy):
            if used:
                raise RuntimeError("the cache is gone")
            used.append(True)
            return (2 * dy,)

        return 2 * x, backward

    assert passes(CHECK, of_x(once))
