"""outputs_are_separate: the cotangents of several outputs that meet otherwise than in a sum."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.outputs_are_separate import CHECK
from cnngrad.core.result import Status
from tests.checks.behaviour import dense_layer, failed, finite_numbers, of_x, passes, run


def sine_and_square(change):
    def vjp(x):
        def backward(dy):
            du, dv = dy
            return (change(du * np.cos(x), dv * 2 * x),)

        return (np.sin(x), x**2), backward

    return of_x(vjp)


@pytest.mark.parametrize(
    "change",
    [
        lambda a, b: a + b + a * b,
        lambda a, b: np.where(np.abs(a) > np.abs(b), a, b),
        lambda a, b: a + b if a.any() else np.zeros_like(a),
        lambda a, b: np.hypot(a, b),
    ],
    ids=["product", "larger one", "early return", "root of squares"],
)
def test_cotangents_that_meet(change) -> None:
    found = failed(CHECK, sine_and_square(change))
    assert list(found) == ["x"]
    assert found["x"].reason == (
        "the gradient of x is not the sum of those for one output at a time, the others' dy being zero: "
        "do the cotangents of two outputs meet in a product, a comparison or an early return?"
    )
    assert finite_numbers(found["x"])


def test_gradient_missing_for_one_output_alone() -> None:
    def vjp(x):
        return (x, 2 * x), lambda dy: (dy[0] + 2 * dy[1] if dy[0].any() else None,)

    assert failed(CHECK, of_x(vjp))["x"].reason == (
        "with all cotangents but one zero, the gradient of x is missing or has another shape"
    )


def test_right_layers_pass() -> None:
    assert passes(CHECK, sine_and_square(np.add))
    assert passes(CHECK, of_x(lambda x: ((x, 2 * x, 3 * x), lambda dy: (dy[0] + 2 * dy[1] + 3 * dy[2],))))
    # an index beside the maximum is an output without a gradient
    with_index = of_x(lambda x: ((x, np.argmax(x), 3 * x), lambda dy: (dy[0] + 3 * dy[2],)))
    assert passes(CHECK, with_index)


def test_one_output_is_not_applicable() -> None:
    for layer in (dense_layer(), of_x(lambda x: ((x, np.argmax(x)), lambda dy: (dy[0],)))):
        result = run(CHECK, layer)[""]
        assert (result.status, result.reason) == (Status.NOT_APPLICABLE, "the layer has one output")


def test_outputs_of_one_number_each_are_several_outputs() -> None:
    def two_losses(change):
        def vjp(x):
            return (x.sum(), (x * x).sum()), lambda dy: (change(np.full(x.shape, dy[0]), 2 * x * dy[1]),)

        return of_x(vjp)

    assert passes(CHECK, two_losses(np.add))
    assert list(failed(CHECK, two_losses(np.hypot))) == ["x"]


def test_what_is_not_finite_or_differs_each_time_tells_nothing() -> None:
    def not_finite(x):
        return (x / 0, 2 * x), lambda dy: (dy[0] + 2 * dy[1],)

    times = 0

    def differing(x):
        nonlocal times
        times += 1
        return (x, 2 * x), lambda dy: ((dy[0] + 2 * dy[1]) * times,)

    for vjp, reason in (
        (not_finite, "the output or a gradient is not finite at this point"),
        (differing, "two equal calls differ, so nothing can be told (see same_call_same_result)"),
    ):
        found = run(CHECK, of_x(vjp))
        assert {name: (r.status, r.reason) for name, r in found.items()} == {"x": (Status.INCONCLUSIVE, reason)}
