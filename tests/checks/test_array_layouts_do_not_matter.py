"""array_layouts_do_not_matter: raw memory, orders of ravel, strides, and writing where it is not allowed."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.array_layouts_do_not_matter import CHECK, LAYOUTS, _arranged, _listed
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import (
    POINT,
    OneObject,
    dense,
    dense_layer,
    failed,
    finite_numbers,
    layer_of,
    of_x,
    passes,
    run,
)


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


def raw_weights(x, w, b):
    return x @ w + b, lambda dy: (dy @ w.ravel(order="K").reshape(w.shape).T, x.T @ dy, dy.sum(axis=0))


def other_shape(x):
    """The output loses a row."""
    y = 2 * x[: 3 if x.flags.c_contiguous else 2]
    return y, lambda dy: (2 * np.resize(dy, x.shape),)


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


DECLARE = "the layer is not meant for such arrays, declare contiguous=True"
DIFFERS = (
    "it differs from that with C-contiguous arrays: does the layer use raw memory, reshape or ravel with an order of "
    f"its own, or strides? If {DECLARE}"
)
READ_ONLY = "ValueError: output array is read-only"


@pytest.mark.parametrize(
    ("layer", "name", "reason"),
    [
        (of_x(ravelled_as_it_lies), "x", f"with Fortran-ordered x {DIFFERS}"),
        (of_x(ravelled_as_it_lies, in_place="x"), "x", f"with Fortran-ordered x {DIFFERS}"),
        (dense_layer(raw_dy), "w", f"with Fortran-ordered dy {DIFFERS}"),
        (dense_layer(raw_weights), "x", f"with Fortran-ordered w {DIFFERS}"),
        (of_x(raw_memory), "x", f"with Fortran-ordered x {DIFFERS}"),
        (of_x(other_shape), "output", f"with Fortran-ordered x {DIFFERS}: shapes (2, 4) and (3, 4)"),
        (of_x(writes_into_dy), "", f"with read-only dy backward raised {READ_ONLY}: if {DECLARE}"),
        (
            of_x(needs_contiguous),
            "",
            f"with Fortran-ordered x forward raised TypeError: array is not C-contiguous: if {DECLARE}",
        ),
    ],
)
def test_layouts_that_matter(layer, name, reason) -> None:
    found = failed(CHECK, layer)
    assert found[name].reason == reason
    assert name in ("", "output") or finite_numbers(found[name])


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
    assert passes(CHECK, of_x(lambda x: ((2 * x, x[:0]), lambda dy: (2 * dy[0],))))  # one of two outputs is empty
    assert passes(CHECK, of_x(lambda x: (2 * x, lambda dy: (2 * dy,)), ()))


def test_rounding_of_a_sum_that_cancels_is_no_difference() -> None:
    """NumPy sums as the array lies, so that what is left of the terms is another number in another layout."""

    def centred(rng, shape, d):
        x = rng.standard_normal(shape)
        return x - x.mean()

    def summed(x):
        return x.sum(), lambda dy: (np.full(x.shape, dy),)

    layer = of_x(summed, (30, 40), draw={"x": centred})
    (x,) = POINT.point(layer).inputs
    assert np.sum(x) != np.sum(np.asfortranarray(x))
    assert passes(CHECK, layer)


def test_calls_that_differ_anyway_are_left_to_another_check() -> None:
    rng = np.random.default_rng(0)
    found = run(CHECK, of_x(lambda x: (x, lambda dy: (dy * rng.random(dy.shape),))))
    assert {name: (result.status, result.reason) for name, result in found.items()} == dict.fromkeys(
        ("output", "x"),
        (Status.INCONCLUSIVE, "two equal calls differ, so nothing can be told (see same_call_same_result)"),
    )


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.bool_])
def test_arranged_arrays_hold_the_same_numbers(dtype) -> None:
    given = np.array([[0, 1, 0], [1, 1, 0]]).astype(dtype)
    for arrange in LAYOUTS.values():
        arranged = _arranged(given, arrange, wanted=True)
        assert (arranged.dtype, arranged.tolist()) == (given.dtype, given.tolist())
        assert not np.shares_memory(arranged, given)
        assert not (arranged.flags.c_contiguous and arranged.flags.writeable)
        # What is not asked for, and what has no layout, comes plain.
        assert _arranged(np.asfortranarray(given), arrange, wanted=False).flags.c_contiguous
        assert _arranged(given[:0], arrange, wanted=True).tolist() == []
        assert _arranged(given[1, 1], arrange, wanted=True) == 1
        assert _arranged(None, arrange, wanted=True) is None


def test_names_are_listed_as_in_a_sentence() -> None:
    lists = (["x"], ["x", "dy"], ["x", "w", "b", "dy"])
    assert [_listed(names) for names in lists] == ["x", "x and dy", "x, w, b and dy"]


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
