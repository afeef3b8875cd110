"""array_layouts_do_not_matter: raw memory, orders of ravel, strides, and writing where it is not allowed."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.array_layouts_do_not_matter import CHECK
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import OneObject, dense, dense_layer, failed, finite_numbers, layer_of, of_x, passes, run


def ravelled_as_it_lies(x):
    """order="K" walks through memory."""
    flat = x.ravel(order="K")
    return x**2, lambda dy: ((2 * flat).reshape(x.shape) * dy,)


def raw_memory(x):
    """Reads the entries one after another from where the first one lies, as compiled code does."""
    dense_view = np.lib.stride_tricks.as_strided(x, x.shape, (x.itemsize * x.shape[1], x.itemsize), writeable=False)
    return x**2, lambda dy: (2 * dense_view * dy,)


def raw_dy(x, w, b):
    y, back = dense(x, w, b)

    def backward(dy):
        return back(dy.ravel(order="K").reshape(dy.shape))

    return y, backward


def writes_into_dy(x):
    def backward(dy):
        kept = dy.copy()
        dy *= x
        return (kept * 2,)

    return 2 * x, backward


def needs_contiguous(x):
    if not x.flags.c_contiguous:
        raise TypeError("array is not C-contiguous")
    return x, lambda dy: (dy,)


@pytest.mark.parametrize(
    ("layer", "name", "sentence"),
    [
        (of_x(ravelled_as_it_lies), "x", "with Fortran-ordered x it differs from that with C-contiguous arrays"),
        (dense_layer(raw_dy), "w", "with Fortran-ordered dy it differs"),
        (
            of_x(raw_memory),
            "x",
            "does the layer use raw memory, reshape or ravel with an order of its own, or strides?",
        ),
        (of_x(writes_into_dy), "", "with read-only dy backward raised ValueError: output array is read-only"),
        (of_x(needs_contiguous), "", "with Fortran-ordered x forward raised TypeError: array is not C-contiguous"),
    ],
)
def test_layouts_that_matter(layer, name, sentence) -> None:
    found = failed(CHECK, layer)
    assert name in found
    assert sentence in found[name].reason
    assert "declare contiguous=True" in found[name].reason
    assert not name or finite_numbers(found[name])


def only_when(flawed):
    """A layer whose dx is doubled for a layout."""

    def vjp(x):
        return 2 * x, lambda dy: (2 * dy * (2 if flawed(x, dy) else 1),)

    return of_x(vjp)


@pytest.mark.parametrize(
    ("flawed", "sentence"),
    [
        (lambda x, dy: not x.flags.c_contiguous and x.flags.f_contiguous, "with Fortran-ordered x "),
        (lambda x, dy: x.strides == (128, 16), "with strided x "),
        (lambda x, dy: min(x.strides) < 0, "with reversed x "),
        (lambda x, dy: not x.flags.writeable, "with read-only x "),
        (lambda x, dy: min(dy.strides) < 0, "with reversed dy "),
        (lambda x, dy: dy.strides == (0, 0), "with broadcast (stride 0) dy "),
        (lambda x, dy: not x.flags.writeable and not dy.flags.writeable, "with read-only x and dy "),
    ],
)
def test_each_layout_is_tried_and_named(flawed, sentence) -> None:
    assert failed(CHECK, only_when(flawed))["x"].reason.startswith(sentence)


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert passes(CHECK, of_x(lambda x: (np.sum(x), lambda dy: (np.full(x.shape, dy),))))
    assert passes(CHECK, of_x(lambda x: ((x, x.T), lambda dy: (dy[0] + dy[1].T,))))
    assert passes(CHECK, of_x(lambda x: (2 * x, lambda dy: (2 * dy,)), ()))


def of_dy(vjp, *inputs):
    """A layer with an input called dy, as a backward has that is a layer of its own."""
    return Layer(vjp, inputs, "relu_backward", shapes=dict.fromkeys(inputs, (3, 4)))


def test_an_input_called_dy_is_not_the_cotangent() -> None:
    assert passes(CHECK, of_dy(lambda x, dy: (x * dy, lambda g: (g * dy, g * x)), "x", "dy"))
    assert passes(CHECK, of_dy(lambda dy: (dy**2, lambda g: (2 * dy * g,)), "dy"))
    assert "with Fortran-ordered dy " in failed(CHECK, of_dy(ravelled_as_it_lies, "dy"))["dy"].reason
    doubled = of_dy(lambda dy: (2 * dy, lambda g: (2 * g * (1 + (g.strides == (0, 0))),)), "dy")
    assert "with broadcast (stride 0) cotangent " in failed(CHECK, doubled)["dy"].reason


def test_declared_choices() -> None:
    declared = run(CHECK, of_x(needs_contiguous, contiguous=True))[""]
    assert declared.status == Status.NOT_APPLICABLE
    assert declared.reason == "contiguous=True is declared: the layer takes C-contiguous arrays only"
    assert passes(CHECK, of_x(writes_into_dy, in_place="dy"))

    def in_place(x):
        np.maximum(x, 0, out=x)
        return x, lambda dy: (dy * (x > 0),)

    assert passes(CHECK, of_x(in_place, in_place="x"))
    assert "read-only x forward raised ValueError" in failed(CHECK, of_x(in_place))[""].reason


def test_weights_of_an_object_are_its_own() -> None:
    class Updates(OneObject):
        def forward(self, x, w, b):
            w *= 1  # as a step of descent does
            return super().forward(x, w, b)

    assert passes(CHECK, layer_of(Updates))


def test_cost() -> None:
    assert run(CHECK, dense_layer())["x"].forward_calls == 7
