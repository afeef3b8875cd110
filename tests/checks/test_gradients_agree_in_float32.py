"""Float32 inputs give what float64 gives: what is compared, and where a difference is confirmed before it is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks import gradients_agree_in_float32
from cnngrad.checks.check import finding
from cnngrad.checks.gradients_agree_in_float32 import EPS32, _compared, judge
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from tests.checks.judging import claim_at, elementwise, layer_of

X = np.array([3.0, -5.0, 7.0])
ELSEWHERE = (
    "float32 gives another result here and not at the same inputs scaled to size 1: numbers that differ in float64 may "
    "be equal in float32, and a maximum or a step then takes another one"
)


def judged(layer: Layer, *arrays: Any) -> list[Result]:
    return judge(claim_at(layer, *arrays).at)


def test_where_it_is_not_asked_and_where_it_cannot_be_told() -> None:
    exp = elementwise(np.exp, np.exp)
    reason = "the inputs are not float64, so there is nothing to compare with"
    assert judged(exp, X.astype(np.float32)) == [finding(Status.NOT_APPLICABLE, reason=reason)]
    reason = "the layer is not finite at this point in float32"
    assert judged(exp, X + 100) == [finding(Status.INCONCLUSIVE, reason=reason)], "it is in float64"
    assert judged(exp, X + 1000) == [finding(Status.INCONCLUSIVE, reason=reason)]
    inside = elementwise(np.exp, np.exp, domain={"x": (-np.inf, 1 + 2.0**-30)})
    reason = "rounded to float32, an input leaves its declared domain"
    assert judged(inside, np.full(3, 1 + 2.0**-31)) != [finding(Status.INCONCLUSIVE, reason=reason)]
    bordered = elementwise(np.exp, np.exp, domain={"x": (1.0, 2.0)})
    assert judged(bordered, np.full(3, 1 + 2.0**-31)) == [finding(Status.INCONCLUSIVE, reason=reason)]
    assert {result.status for result in judged(exp, X)} == {Status.PASSED}


def off_in_single(where: Any) -> Layer:
    """``y = 3x`` of two inputs; the gradient of the first is off in float32 where something is true of it."""

    def vjp(x: Any, w: Any) -> Any:
        wrong = x.dtype == np.float32 and where(x)
        return 3 * x + 3 * w, lambda dy: (dy * x.dtype.type(4 if wrong else 3), 3 * dy)

    return layer_of(vjp, ("x", "w"))


def test_a_difference_is_told_if_it_is_there_at_ordinary_size_too() -> None:
    passed = ("output", "w")
    results = {result.input: result for result in judged(off_in_single(lambda x: True), X, X)}
    assert results["x"].status == Status.FAILED
    assert (
        results["x"].reason == "float32 inputs give another result than the same numbers in float64, by more than "
        "rounding explains"
    )
    assert {results[name].status for name in passed} == {Status.PASSED}
    results = {result.input: result for result in judged(off_in_single(lambda x: np.max(x) > 1), X, X)}
    assert results["x"] == finding(Status.INCONCLUSIVE, input="x", reason=ELSEWHERE)
    assert {results[name].status for name in passed} == {Status.PASSED}


def test_float32_results_can_be_asked_for_at_other_inputs_and_another_cotangent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def held_against(at: Any, exact: Any, found: Any, eps: float, reason: str, lower: Any) -> Any:
        dy = np.array([1.0, 2.0, 4.0])
        assert eps == EPS32 == 2.0**-23
        assert [value.dtype for value in exact.inputs] == [np.float64]
        return lower([np.ones(3, np.float32)], dy)["x"].tolist()

    monkeypatch.setattr(gradients_agree_in_float32, "held_against", held_against)
    square = elementwise(np.square, lambda x: 2 * x)
    assert _compared(claim_at(square, X).at) == [2.0, 4.0, 8.0]
