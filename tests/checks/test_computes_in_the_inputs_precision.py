"""Float64 inputs are computed with in float64: what shows that they are not, and what only looks as if."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.check import finding
from cnngrad.checks.computes_in_the_inputs_precision import CHECK, _is_left_over, _of_differences, judge
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from tests.checks.judging import claim_at, elementwise, layer_of

X = np.array([0.75, -0.5, 0.25])


def short(values: Any) -> Any:
    return np.asarray(values, np.float32).astype(float)


def judged(layer: Layer, *arrays: Any) -> list[Result]:
    return judge(claim_at(layer, *arrays).at)


def with_gradient(gradient: Callable[[Any, Any], Any], **facts: Any) -> Layer:
    """``y = x / 3``, whose gradient is computed from x and dy."""
    return layer_of(lambda x: (x / 3, lambda dy: (gradient(x, dy),)), **facts)


def few_bits(what: str, **facts: str) -> list[Result]:
    reason = (
        f"float64 inputs give {what} of float32 precision: something inside is float32. Compute in the inputs' type, "
        "or declare precision='float32'"
    )
    return [finding(Status.FAILED, reason=reason, **facts)]


PASSED = [finding(Status.PASSED)]
OF_X = few_bits("a gradient of x", input="x")


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_outputs_of_few_bits_are_told_at_any_size(size: float) -> None:
    right = elementwise(lambda x: x / 3, lambda x: np.full_like(x, 1 / 3))
    low = elementwise(lambda x: short(x / 3), lambda x: np.full_like(x, 1 / 3))
    assert (judged(right, size * X), judged(low, size * X)) == (PASSED, few_bits("outputs"))
    (counted,) = CHECK.run(right, claim_at(right, size * X).at.point)
    assert (counted.forward_calls, counted.backward_calls) == (2, 1)


def test_it_is_not_asked_of_other_types_and_tells_nothing_of_steps() -> None:
    sign = elementwise(np.sign, np.zeros_like)
    reason = "the inputs are not float64"
    assert judged(sign, X.astype(np.float32)) == [finding(Status.NOT_APPLICABLE, reason=reason)]
    reason = "no output here shows how many bits were computed with"
    assert judged(sign, X) == [finding(Status.INCONCLUSIVE, reason=reason)]
    declared = replace(sign, precision="float32", shapes={"x": (3,)})
    assert CHECK.why_not(declared) == "declared: precision='float32'"


def test_an_input_without_entries_is_no_hindrance() -> None:
    def vjp(x: Any, none: Any) -> Any:
        return short(x / 3), lambda dy: (dy / 3, none)

    assert judged(layer_of(vjp, ("x", "none")), X, np.empty(0)) == few_bits("outputs")


@pytest.mark.parametrize(
    ("values", "size", "left_over"),
    [
        ([3 * 2.0**-50, 2.0**-48], 1.0, True),
        ([3 * 2.0**-49, 2.0**-48], 1.0, False),
        ([3 * 2.0**-49], 1.9, False),
        ([3 * 2.0**-49], 2.0, True),
        ([3 * 2.0**-70], 2.0**-20, True),
        ([3 * 2.0**-40], 2.0**-20, False),
        ([1.0, 2.0**-60], 1.0, False),
        ([1.0, 2.0**-5 + 2.0**-51], 1.0, True),
        ([1.0, np.nan, np.inf], 1.0, False),
        ([np.nan], 1.0, False),
        ([], 1.0, False),
    ],
)
def test_what_is_left_over_is_made_of_a_few_roundings_of_larger_numbers(
    values: list[float], size: float, left_over: bool
) -> None:
    """Only the largest entries tell: a small one of few bits may have a low one all the same."""
    assert _is_left_over(np.array(values), size) is left_over


MANY = np.arange(1, 51) / 64


def test_what_is_left_over_is_seen_at_numbers_of_full_mantissas() -> None:
    of_differences = layer_of(lambda x: ((1 + x) - 1, lambda dy: (dy,)), shapes={"x": MANY.shape})
    in_float32 = layer_of(lambda x: (short(x), lambda dy: (dy,)), shapes={"x": MANY.shape})
    assert _of_differences(claim_at(of_differences, MANY).at)
    assert not _of_differences(claim_at(in_float32, MANY).at)


@pytest.mark.parametrize("size", [1e-12, 1e-9, 1e-6, 1.0, 1e9])
def test_what_is_left_of_a_difference_is_no_low_precision(size: float) -> None:
    less_one = elementwise(lambda x: np.exp(x) - 1, np.exp)
    assert judged(less_one, size * X) == PASSED
    assert judged(replace(less_one, domain={"x": (-2 * size, 2 * size)}), size * X)[0].status != Status.FAILED
    low = elementwise(lambda x: short(np.exp(x)) - 1, np.exp)
    assert judged(low, size * X) == few_bits("outputs")


@pytest.mark.parametrize(
    ("gradient", "found"),
    [
        (lambda x, dy: dy / 3, PASSED),
        (lambda x, dy: short(dy / 3), OF_X),
        (lambda x, dy: np.where(x == x[0], np.inf, short(dy / 3)), OF_X),
        (lambda x, dy: np.where(x == x[0], 1e-310 / 3, short(dy / 3)), OF_X),
        (lambda x, dy: np.zeros_like(x), PASSED),
        (lambda x, dy: (1 + dy / 1e6) - 1, PASSED),
        (lambda x, dy: (dy / 3).astype(np.float32), PASSED),
        (lambda x, dy: None, PASSED),
    ],
)
def test_a_gradient_of_few_bits_is_told_by_its_finite_and_normal_entries(gradient: Any, found: list[Result]) -> None:
    """One of another type, or none at all, is told of by other checks."""
    assert judged(with_gradient(gradient), X) == found


def test_constants_may_have_gradients_of_any_kind() -> None:
    def vjp(x: Any, c: Any) -> Any:
        return x / 3, lambda dy: (dy / 3, short(dy / 3))

    assert judged(layer_of(vjp, ("x", "c"), constants=("c",)), X, X) == PASSED


def test_the_cotangent_asked_with_has_full_mantissas_of_one_size_and_the_signs_of_the_point() -> None:
    asked: list[Any] = []

    def vjp(x: Any) -> Any:
        return x / 3, lambda dy: (asked.append(dy), (dy / 3,))[1]

    layer = layer_of(vjp, shapes={"x": (50,)})
    at = Evaluation(layer, Case(values="normal").point(layer))
    assert judge(at) == PASSED
    (dy,) = asked
    assert np.array_equal(np.sign(dy), np.sign(at.point.cotangent(50)))
    assert np.all((np.abs(dy) > 0.5) & (np.abs(dy) < 1))
    assert len(set(np.abs(dy))) == 50
    assert not np.any(dy == short(dy))
