"""Whether a lower precision needs to round: seen from what the float64 results do when an operand gets longer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks.calling import call
from cnngrad.checks.unrounded import computes_without_rounding
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from tests.checks.judging import layer_of

SINGLE, HALF = 2.0**-23, 2.0**-10
X, W = np.array([3.0, -5.0, 0.75, 6.0]), np.array([0.5, 7.0, -3.0, 2.0])
LONG = 2.0**16 + 1  # 17 bits


def unrounded(layer: Layer, *arrays: Any, eps: float = SINGLE, dy: Any = None) -> bool:
    at = Evaluation(layer, point_from_arrays(layer, arrays, {}, Case(values="integers")))
    return computes_without_rounding(at, call(at, at.point.inputs, dy), eps)


def scaled(forward: float, backward: float, **facts: Any) -> Layer:
    return layer_of(lambda x: (forward * x, lambda dy: (backward * dy,)), **facts)


product = layer_of(lambda x, w: (x * w, lambda dy: (w * dy, x * dy)), ("x", "w"))
differences = layer_of(lambda x: (np.diff(x) / 3, lambda dy: (np.append(0.0, dy) - np.append(dy, 0.0),)))
chosen = layer_of(
    lambda rows, x: (x[rows] / 2, lambda dy: (None, np.bincount(rows, dy, x.size) / 2)),
    ("rows", "x"),
    constants=("rows",),
)


@pytest.mark.parametrize(
    ("layer", "arrays", "expected"),
    [
        (scaled(0.5, 0.5), (X,), True),
        (scaled(0.5, 0.5), (2.0,), True),  # a number, not an array
        (product, (X, W), True),
        (chosen, (np.array([1, 1, 0]), X), True),  # whole numbers that are no operand stay what they are
        (scaled(1 / 3, 0.5), (X,), False),
        (scaled(0.5, 1 / 3), (X,), False),  # the cotangent is an operand as well
        (differences, (X,), False),  # the entries move by different amounts: else their differences would stay
        (layer_of(lambda x: (x * x, lambda dy: (2 * x * dy,))), (X,), False),  # without rounding, but not linear
        (layer_of(lambda x: (np.maximum(x, 0), lambda dy: (dy * (x > 0),))), (X - 3,), False),
        (scaled(0.5, 0.5, domain={"x": (-10, 10)}), (X,), False),  # not moved where it may be refused
    ],
)
def test_sums_and_products_of_short_numbers_need_no_rounding(layer: Layer, arrays: Any, expected: bool) -> None:
    assert unrounded(layer, *arrays) is expected


def test_operands_of_up_to_sixteen_bits_are_short() -> None:
    assert unrounded(product, X, W + 2.0**-13)  # 16 bits: 7 + 2^-13
    for long in ((X, LONG * W, None), (LONG * X, W, None), (X, W, LONG * np.ones(4))):
        assert not unrounded(product, long[0], long[1], dy=long[2])


def test_a_factor_may_have_as_many_bits_as_the_precision_has_room_for() -> None:
    for bits, eps, expected in ((19, SINGLE, True), (20, SINGLE, False), (6, HALF, True), (7, HALF, False)):
        factor = 1 + 2.0**-bits
        assert unrounded(scaled(factor, factor), X, eps=eps) is expected, (bits, eps)


def test_the_cotangent_is_that_of_the_call() -> None:
    assert unrounded(product, X, W, dy=np.array([1.0, -2.0, 5.0, 0.25]))
