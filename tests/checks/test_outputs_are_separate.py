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
    assert "the gradient of x is not the sum of those for one output at a time" in found["x"].reason
    assert "meet in a product, a comparison or an early return?" in found["x"].reason
    assert finite_numbers(found["x"])


def test_gradient_missing_for_one_output_alone() -> None:
    def vjp(x):
        return (x, 2 * x), lambda dy: (dy[0] + 2 * dy[1] if dy[0].any() else None,)

    assert "is missing or has another shape" in failed(CHECK, of_x(vjp))["x"].reason


def test_right_layers_pass() -> None:
    assert passes(CHECK, sine_and_square(np.add))
    # an index beside the maximum is an output without a gradient
    with_index = of_x(lambda x: ((x, np.argmax(x), 3 * x), lambda dy: (dy[0] + 3 * dy[2],)))
    assert passes(CHECK, with_index)


def test_one_output_is_not_applicable() -> None:
    for layer in (dense_layer(), of_x(lambda x: ((x, np.argmax(x)), lambda dy: (dy[0],)))):
        result = run(CHECK, layer)[""]
        assert (result.status, result.reason) == (Status.NOT_APPLICABLE, "the layer has one output")
