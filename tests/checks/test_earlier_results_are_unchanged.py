"""earlier_results_are_unchanged: buffers that are used again, and caches that are handed out."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.earlier_results_are_unchanged import CHECK
from tests.checks.behaviour import OneObject, dense, dense_layer, failed, finite_numbers, layer_of, of_x, passes


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


def handed_out_cache():
    def vjp(x, scale):
        slope = scale * np.ones_like(x)
        halved = {}

        def backward(dy):
            if "dx" not in halved:
                halved["dx"] = slope * dy
            return halved["dx"], np.sum(x * dy)

        return scale * x, backward

    from cnngrad.core.layer import Layer

    return Layer(vjp, ("x", "scale"), "layer", shapes={"x": (3,), "scale": ()})


@pytest.mark.parametrize(
    ("layer", "name", "sentence"),
    [
        (
            reused_output(),
            "output",
            "the output of the first forward is changed by a later forward: it is, or is a view",
        ),
        (reused_gradient(), "w", "the gradient of w from the first backward is changed by a later backward"),
        (reused_gradient_of_a_linear_layer(), "x", "from the first backward is changed by a later backward"),
        (output_overwritten_by_backward(), "output", "changed by its own backward: backward works on it in place"),
        (layer_of(ReusedOnObject), "output", "a buffer that is used again; return a copy"),
        (handed_out_cache(), "x", "an array that backward keeps is handed out; return a copy"),
    ],
)
def test_changed_later(layer, name, sentence) -> None:
    found = failed(CHECK, layer)
    assert list(found) == [name]
    assert sentence in found[name].reason
    assert finite_numbers(found[name])


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert passes(CHECK, layer_of(OneObject))
    assert passes(CHECK, of_x(lambda x: (x, lambda dy: (dy,))))  # hands on its arguments, which is no buffer
    assert passes(CHECK, of_x(lambda x: (x.reshape(-1), lambda dy: (dy.reshape(x.shape),))))


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
