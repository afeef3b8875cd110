"""Which estimate is chosen: exact alone, the complex step only beside real differences, else the ladder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Estimate, Line, estimate, smooth
from cnngrad.differentiation.cascade import _sharpens
from cnngrad.differentiation.ladder import TINY
from tests.differentiation.functions import ABSORBING, KINKED_ELSEWHERE, SHORT, SMOOTH, Known, at_scales, inside

AT, V, DY = np.array([0.75, -1.25, 0.5]), np.array([1.0, -2.0, 3.0]), np.array([3.0, 5.0, -7.0])


def line_of(f: Any) -> Line:
    return Line(f, AT, V, DY)


@pytest.mark.parametrize(("known", "scale"), at_scales(*SMOOTH[:-1], *KINKED_ELSEWHERE, *ABSORBING, *SHORT[:3]))
def test_the_truth_is_inside_the_bound(known: Known, scale: float) -> None:
    for seed in range(3):
        line = known.line(scale, seed)
        found = smooth(line)
        terms = known.terms(line)
        if known.name in ("tanh", "softmax", "sigmoid"):  # saturated, they hold the rounding of numbers next to 1
            terms = np.append(terms, line.dy * line.y0 / 8)
        assert found is None or inside(float(np.sum(known.terms(line))), found, terms)


@pytest.mark.parametrize(
    ("f", "how"),
    [
        (lambda x: 0.75 * x, "exact"),
        (lambda x: np.maximum(x, 0), "exact"),
        (np.tanh, "complex step"),
        (lambda x: np.exp(np.sin(x)), "complex step"),
        (lambda x: x * np.abs(x), "ladder"),
        (lambda x: x / np.sqrt(np.var(x) + 1), "ladder"),
        (lambda x: np.array([np.tanh(float(value)) for value in x]), "ladder"),
        (SHORT[0].f, "ladder"),
    ],
    ids=["dyadic", "relu", "tanh", "exp sin", "abs", "var", "refuses complex numbers", "float32"],
)
def test_how_each_kind_of_code_is_answered(f: Any, how: str) -> None:
    found = estimate(line_of(f))
    assert found is not None
    assert found.how == how
    assert found.bound < 1e-2


@pytest.mark.parametrize(
    ("f", "slopes"),
    [
        (lambda x: x * np.abs(x), 2 * np.abs(AT) * V),
        (lambda x: x + np.var(x), V + 2 * np.mean((AT - AT.mean()) * V)),
        (lambda x: np.tanh(x) + 0.01 * np.abs(x) ** 2, V / np.cosh(AT) ** 2 + 0.02 * AT * V),
    ],
    ids=["abs", "var", "a hundredth of abs"],
)
def test_where_complex_numbers_mislead_the_ladder_stands(f: Any, slopes: Any) -> None:
    found = smooth(line_of(f))
    assert found is not None
    assert found.how == "ladder"
    assert abs(found.value - float(np.dot(DY, slopes))) <= found.bound < 1e-9


def test_what_a_claim_and_one_tiny_step_confirm_needs_no_ladder() -> None:
    for enough, calls in ((None, 20), (lambda found: False, 20), (lambda found: found.how == "complex step", 6)):
        seen: list[int] = []
        line = line_of(lambda x, seen=seen: (seen.append(1), np.tanh(x))[1])  # type: ignore[func-returns-value,misc]  # append notes the call; bound at once
        found = smooth(line, enough=enough)
        assert found is not None
        assert (found.how, len(seen)) == ("complex step", calls)


@pytest.mark.parametrize("weight", [1.0, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("misled", [np.abs, lambda x: 0 * x + np.var(x), lambda x: np.real(x) * x])
def test_what_misleads_complex_numbers_is_seen_by_the_tiny_step(misled: Any, weight: float) -> None:
    found = smooth(line_of(lambda x: np.tanh(x) + weight * misled(x)), enough=lambda found: True)
    assert found is not None
    assert found.how == "ladder"


def test_smooth_does_not_use_the_exact_tier() -> None:
    found = smooth(line_of(lambda x: 0.75 * x))
    assert found is not None
    assert found.how != "exact"
    assert abs(found.value - 0.75 * np.dot(DY, V)) <= found.bound


@pytest.mark.parametrize("answer", [estimate, smooth])
def test_a_kink_gets_no_answer_from_anyone(answer: Any) -> None:
    assert answer(Line(np.abs, np.zeros(1), np.ones(1), np.ones(1))) is None
    assert answer(Line(lambda x: np.atleast_1d(np.max(x)), np.ones(2), np.array([1.0, 0.0]), np.ones(1))) is None
    assert answer(line_of(lambda x: x * np.nan)) is None


def test_a_known_output_saves_a_call() -> None:
    def calls(known_y0: Any) -> int:
        seen = []
        estimate(Line(lambda x: (seen.append(1), np.tanh(x))[1], AT, V, DY, known_y0))  # type: ignore[func-returns-value]  # append notes the call, its None does not matter
        return len(seen)

    assert calls(np.tanh(AT)) == calls(None) - 1


def test_a_shift_reaches_the_ladder() -> None:
    asked: list[list[float]] = []
    for shift in (1.0, 1.3):
        seen: list[float] = []
        estimate(Line(lambda x, seen=seen: (seen.append(float(x[0])), np.tanh(x.real))[1], AT, V, DY), shift)  # type: ignore[func-returns-value,misc]  # append notes the call; bound at once
        asked.append(seen)
    assert len(set(asked[0]) & set(asked[1])) < 6 < len(asked[1])


@pytest.mark.parametrize("shift", [1.0, 1.3])
def test_the_tiny_step_is_shifted_too(shift: float) -> None:
    asked: list[float] = []
    line = Line(lambda x: (asked.append(float(x[0].real)), np.tanh(x))[1], np.zeros(1), np.ones(1), np.ones(1))  # type: ignore[func-returns-value]  # append notes the call
    smooth(line) if shift == 1 else smooth(line, shift)
    assert {TINY * shift, -2 * TINY * shift} <= set(asked)
    assert max(asked) == shift


@pytest.mark.parametrize(
    ("value", "bound", "sharpens"),
    [
        (4.0, 0.25, True),
        (4.0, 1.0, True),
        (4.0, 1.25, False),  # the ladder knows better
        (5.25, 0.25, True),  # as far as the two bounds reach
        (2.75, 0.25, True),
        (5.5, 0.25, False),
        (2.5, 0.25, False),
        (np.nan, 0.25, False),
    ],
)
def test_a_complex_step_counts_where_it_is_sharper_and_agrees(value: float, bound: float, sharpens: bool) -> None:
    assert _sharpens(Estimate(value, bound, "complex step"), Estimate(4.0, 1.0, "ladder")) is sharpens
