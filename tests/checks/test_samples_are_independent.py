"""samples_are_independent: sums, maxima and neighbours along the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnngrad.checks.samples_are_independent import CHECK
from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import dense_layer, failed, finite_numbers, of_x, passes, run

BOTH = {"x": 0, "y": 0}


def softmax(axis):
    def vjp(x):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        p = e / e.sum(axis=axis, keepdims=True)
        return p, lambda dy: (p * (dy - (p * dy).sum(axis=axis, keepdims=True)),)

    return of_x(vjp, batch_axis=BOTH)


def centred_backward(x):
    """The forward is right, the backward takes the mean over all samples."""
    return np.tanh(x), lambda dy: ((dy * (1 - np.tanh(x) ** 2)) - (dy * x).mean(),)


def neighbour(x):
    return np.sin(x), lambda dy: (dy * np.cos(np.roll(x, 1, axis=0)),)


def batch_normalised(x):
    return x / np.abs(x).max(), lambda dy: (dy / np.abs(x).max(),)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (softmax(0), {"output", "x"}),
        (of_x(centred_backward, batch_axis=BOTH), {"x"}),
        (of_x(neighbour, batch_axis=0), {"x"}),
        (of_x(batch_normalised, batch_axis=BOTH), {"output", "x"}),
    ],
)
def test_samples_that_meet(layer, names) -> None:
    found = {}
    for seed in range(4):  # which sample is changed depends on the seed
        found |= failed(CHECK, layer, Case(values="normal", seed=seed))
    assert set(found) == names
    assert all(finite_numbers(result) for result in found.values())


def test_the_reason_names_the_sample_that_was_changed() -> None:
    """Of these two samples only the last can be varied."""

    def draw(rng, shape, d):
        return np.stack([np.ones(shape[1]), rng.standard_normal(shape[1])])

    assert passes(CHECK, replace(softmax(1), shapes={"x": (2, 3)}, draw={"x": draw}))
    found = failed(CHECK, replace(softmax(0), shapes={"x": (2, 3)}, draw={"x": draw}))
    for name, what in (("output", "the output"), ("x", "the gradient of x")):
        assert found[name].reason == (
            f"when sample 1 alone is changed, {what} changes for another sample (index without sample 1): "
            "is a sum, mean or maximum taken over the batch? If it is meant, leave out batch_axis"
        )


@pytest.mark.parametrize("values", ["lattice", "normal", "saturated", "scale:1e6"])
def test_right_layers_pass(values) -> None:
    case = Case(values=values, seed=1)
    assert passes(CHECK, softmax(1), case)
    assert passes(CHECK, dense_layer(batch_axis=BOTH), case)


def test_loss_has_an_axis_in_its_input_alone() -> None:
    def squares(x):
        return np.mean(x**2), lambda dy: (2 * dy * x / x.size,)

    def over_mean(x):
        return np.mean(x) ** 2, lambda dy: (np.full(x.shape, 2 * dy * x.mean() / x.size),)

    assert passes(CHECK, of_x(squares, batch_axis=0))
    assert passes(CHECK, of_x(squares, batch_axis={"x": -1}))
    assert list(failed(CHECK, of_x(over_mean, batch_axis=0))) == ["x"]


def test_other_axes() -> None:
    """Samples in columns."""

    def columns(x):
        return np.cumsum(x, axis=0), lambda dy: (np.cumsum(dy[::-1], axis=0)[::-1],)

    assert passes(CHECK, of_x(columns, batch_axis={"x": 1, "y": 1}))
    cases = [Case(values="normal", seed=seed) for seed in range(4)]
    assert set().union(*(failed(CHECK, of_x(columns, batch_axis=BOTH), case) for case in cases)) == {"output"}


def test_not_applicable() -> None:
    undeclared = run(CHECK, dense_layer())[""]
    assert undeclared.reason == "no batch_axis is declared: samples may influence each other"
    single = run(CHECK, of_x(lambda x: (x, lambda dy: (dy,)), (1, 3), batch_axis=0))[""]
    assert single.reason == "there is one sample in the batch"
    empty = run(CHECK, of_x(lambda x: (x, lambda dy: (dy,)), (0, 3), batch_axis=0))[""]
    assert empty.reason == "the output has no entries"
    assert {r.status for r in (undeclared, single, empty)} == {Status.NOT_APPLICABLE}


def test_sample_that_cannot_be_varied_is_inconclusive() -> None:
    layer = of_x(lambda x: (x, lambda dy: (dy,)), batch_axis=0, draw={"x": lambda rng, shape, d: np.zeros(shape)})
    found = run(CHECK, layer)
    assert {(r.status, r.reason) for r in found.values()} == {(Status.INCONCLUSIVE, "no sample can be varied here")}


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"X": 0}, "dense: batch_axis={'X': 0} names none of the inputs x, w, b; write batch_axis={'x': 0, 'y': 0}"),
        ({"x": 2}, "dense: batch_axis names axis 2 of x, which has shape (3, 4)"),
        ({"x": -3}, "dense: batch_axis names axis -3 of x, which has shape (3, 4)"),
        (2, "dense: batch_axis names axis 2 of x, which has shape (3, 4)"),
    ],
)
def test_wrong_declaration(declared, sentence) -> None:
    with pytest.raises(UsageError) as refused:
        run(CHECK, dense_layer(batch_axis=declared))
    assert str(refused.value) == sentence


def same(x):
    return x, lambda dy: (dy,)


def of_columns(x):
    return x.sum(axis=0), lambda dy: (np.broadcast_to(dy, x.shape),)


def mean_square(x):
    return np.mean(x**2), lambda dy: (2 * dy * x / x.size,)


@pytest.mark.parametrize(
    ("vjp", "declared", "judged"),
    [
        (same, 0, ["x", "output"]),
        (same, -2, ["x", "output"]),
        (same, {"x": -2, "y": -2}, ["x", "output"]),
        (same, {"x": 0}, ["x"]),
        (same, {"x": 0, "y": 2}, ["x"]),
        (of_columns, {"x": 1, "y": 0}, ["x", "output"]),
        (of_columns, 1, ["x"]),  # the output has no such axis
        (mean_square, 0, ["x"]),
        (mean_square, {"x": 0, "y": 0}, ["x"]),
    ],
)
def test_what_is_judged_is_what_has_the_axis(vjp, declared, judged) -> None:
    found = run(CHECK, of_x(vjp, batch_axis=declared))
    assert {name: str(result.status) for name, result in found.items()} == dict.fromkeys(judged, "passed")


def test_an_input_called_y_is_not_the_output() -> None:
    def scaled(x, y):
        return x * y, lambda dy: (dy * y, (dy * x).sum(axis=0))

    def product(x, y):
        return x * y, lambda dy: (dy * y, dy * x)

    for vjp, shape, declared, judged in (
        (scaled, (3,), 0, {"x", "output"}),  # a number says nothing of y, a parameter
        (product, (4, 3), {"x": 0, "y": 0}, {"x", "y"}),
        (lambda x, y: (np.cumsum(x * y, axis=0), product(x, y)[1]), (4, 3), {"x": 0, "y": 0}, {"x", "y"}),
    ):
        layer = Layer(vjp, ("x", "y"), "layer", shapes={"x": (4, 3), "y": shape}, batch_axis=declared)
        found = run(CHECK, layer)
        assert {name: str(result.status) for name, result in found.items()} == dict.fromkeys(judged, "passed")


def test_what_has_no_gradient_to_hold_against_is_left_out() -> None:
    """A constant; a gradient that is missing or has another shape the second time: that is for other checks."""

    def with_labels(x, t):
        return x * t, lambda dy: (dy * t, None)

    shapes = {"x": (3, 4), "t": (3, 4)}
    labelled = Layer(with_labels, ("x", "t"), "layer", constants=("t",), shapes=shapes, batch_axis={"x": 0, "t": 0})
    assert list(run(CHECK, labelled)) == ["x"]
    for later in (None, np.ones((2, 4))):
        times = iter(range(9))

        def vjp(x, times=times, later=later):
            return x, lambda dy: (later if next(times) else dy,)

        found = run(CHECK, of_x(vjp, batch_axis=BOTH))
        assert {name: str(result.status) for name, result in found.items()} == {"output": "passed"}


def test_rounding_that_the_whole_batch_has_in_common_is_allowed_for() -> None:
    """What should cancel leaves a million roundings, others for each batch."""

    def sine(x):
        whole = np.abs(np.sin(x)).sum()
        nothing = 1e6 * (0.1 * whole + 0.2 * whole - 0.3 * whole)
        return np.sin(x) + nothing, lambda dy: (dy * np.cos(x),)

    def wrong(x):
        return x * (1 + 1e-6 * np.abs(x).sum()), lambda dy: (dy,)

    assert passes(CHECK, of_x(sine, batch_axis=BOTH))
    assert list(failed(CHECK, of_x(wrong, batch_axis=BOTH))) == ["output"]


def test_a_layer_that_differs_each_time_tells_nothing() -> None:
    times = 0

    def vjp(x):
        nonlocal times
        times += 1
        return x * times, lambda dy: (dy * times,)

    told = (Status.INCONCLUSIVE, "two equal calls differ, so nothing can be told (see same_call_same_result)")
    found = run(CHECK, of_x(vjp, batch_axis=BOTH))
    assert {name: (r.status, r.reason) for name, r in found.items()} == {"x": told, "output": told}
