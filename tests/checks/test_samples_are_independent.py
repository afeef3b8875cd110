"""samples_are_independent: sums, maxima and neighbours along the batch."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.samples_are_independent import CHECK
from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
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
    assert "the gradient of x changes for another sample" in found["x"].reason
    assert "is a sum, mean or maximum taken over the batch? If it is meant, leave out batch_axis" in found["x"].reason
    assert ("output" not in found) or "alone is changed, the output changes" in found["output"].reason


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
        ({"X": 0}, r"batch_axis={'X': 0} names none of the inputs x; write batch_axis={'x': 0, 'y': 0}"),
        ({"x": 2}, r"batch_axis names axis 2 of x, which has shape \(3, 4\)"),
    ],
)
def test_wrong_declaration(declared, sentence) -> None:
    with pytest.raises(UsageError, match=sentence):
        run(CHECK, of_x(lambda x: (x, lambda dy: (dy,)), batch_axis=declared))
