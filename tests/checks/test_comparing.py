"""Holding calls against each other: what is a gap, and how it is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks.calling import Call, call
from cnngrad.checks.check import finding
from cnngrad.checks.comparing import (
    Gap,
    NotRepeatableError,
    agree,
    common,
    estimated,
    gaps,
    not_repeatable,
    unfit,
    verdicts,
)
from cnngrad.core.arrays import Array
from cnngrad.core.result import Status
from tests.checks.behaviour import DY, called, twice

EPS = 2.0**-52


def made(output: Any = DY, eps: float = EPS, **gradients: Any) -> Call:
    """What a call might have returned."""
    return Call((), DY, np.array(output), {name: np.array(value) for name, value in gradients.items()}, eps)


def test_a_gap_tells_its_worst_entry_and_how_many_differ() -> None:
    got, expected = np.array([[1.0, 2.0, 8.0], [4.0, -5.0, 6.0]]), np.array([[1.0, 3.0, 8.5], [4.0, 5.0, 6.25]])
    assert Gap(got, expected, 0.5).failed("x", "two calls differ") == finding(
        Status.FAILED,
        input="x",
        index=(1, 1),
        analytic=-5.0,
        numeric=5.0,
        bound=0.5,
        entries=6,
        differing=2,
        reason="two calls differ",
    )


def test_a_gap_of_shapes_tells_both() -> None:
    assert Gap(np.zeros(2), np.zeros((2, 1)), 0.5).failed("x", "two calls differ") == finding(
        Status.FAILED, input="x", reason="two calls differ: shapes (2,) and (2, 1)"
    )


@pytest.mark.parametrize("got", [[1.0, 1e300, np.nan], [np.nan, 1e300, 1.0]])
def test_a_nan_is_the_worst_entry_of_a_gap(got: list[float]) -> None:
    found = Gap(np.array(got), np.ones(3), 0.5).failed("x", "")
    assert (found.index, found.differing) == ((got.index(np.nan),), 2)


def test_two_equal_infinities_are_no_gap() -> None:
    found = Gap(np.array([np.inf, 1.0]), np.array([np.inf, 3.0]), 0.5).failed("x", "")
    assert (found.index, found.differing) == ((1,), 1)


def test_numbers_agree_within_the_bound_and_a_nan_with_a_nan_only() -> None:
    got = np.array([1.0, 1.5, 1.75, np.inf, np.inf, np.nan, np.nan, 1.0])
    expected = np.array([1.0, 1.0, 1.0, np.inf, -np.inf, np.nan, 1.0, np.nan])
    assert agree(got, expected, 0.5).tolist() == [True, True, False, True, False, True, False, False]


def test_gradients_in_common_came_back_every_time_in_one_shape() -> None:
    first = made(x=[1.0], w=[1.0], b=[1.0])
    assert common([first, made(x=[2.0], w=[[2.0]])]) == ["x"]
    assert common([first]) == ["x", "w", "b"]


def test_rounding_is_estimated_from_the_largest_number_and_how_many_are_summed() -> None:
    at, _ = called(lambda x: (x[:2], lambda dy: (np.zeros(30),)), np.ones(30))
    calls = [(1.0, made([1.0, 2.0], x=[1.0, -8.0])), (-4.0, made(x=[0.5, 1.0])), (9.0, made(w=[5.0]))]
    # 30 numbers of x and 2 of the output, and 16 besides: three times 64 roundings of the largest, 8.
    assert estimated(at, "x", np.array([-2.0, 4.0]), calls) == pytest.approx(64 * 3 * EPS * 8, rel=1e-12, abs=0)
    assert estimated(at, "x", np.array([-16.0]), calls) == pytest.approx(64 * 3 * EPS * 16, rel=1e-12, abs=0)
    calls[1] = (-32.0, made(eps=2.0**-23, x=[0.5, 1.0]))
    assert estimated(at, "x", np.array([-2.0, 4.0]), calls) == pytest.approx(64 * 3 * 2.0**-23 * 32, rel=1e-6, abs=0)


@pytest.mark.parametrize(("eps", "least"), [(EPS, 2.0**-1000), (2.0**-23, 2.0**-126)])
def test_below_the_smallest_normal_number_rounding_is_absolute(eps: float, least: float) -> None:
    at, _ = called(twice, np.ones(2))
    assert estimated(at, "x", np.zeros(2), [(1.0, made(eps=eps, x=[0.0, 0.0]))]) == least
    assert estimated(at, "x", np.empty(0), [(1.0, made(eps=eps))]) == least


def test_gaps_are_what_differs_beyond_rounding() -> None:
    at, first = called(twice, np.ones(2))
    expected = first.gradients
    close = estimated(at, "x", expected["x"], [(1.0, first)])
    assert gaps(at, {"x": expected["x"] + 0.5 * close}, expected, [(1.0, first)]) == {}
    wrong = expected["x"] + 2 * close
    found = gaps(at, {"x": wrong}, expected, [(1.0, first)])
    assert set(found) == {"x"}
    assert found["x"].got is wrong
    assert found["x"].expected is expected["x"]
    assert found["x"].bound == close
    assert gaps(at, {"x": wrong}, expected, [(1.0, first)], least=1.5 * close) == {}
    assert gaps(at, {"x": wrong}, expected, [(1.0, first), (4.0, first)]) == {}  # made of larger numbers


@pytest.mark.parametrize("got", [{}, {"x": np.full((2, 1), 6.0)}, {"x": np.array([6.0, np.nan])}])
def test_what_is_missing_or_of_another_shape_or_nan_is_a_gap(got: dict[str, Array]) -> None:
    at, first = called(lambda x: (2 * x, lambda dy: (np.full(2, 6.0),)), np.ones(2))
    found = gaps(at, got, first.gradients, [(1.0, first)])
    assert set(found) == {"x"}
    assert found["x"].got.shape == (got["x"].shape if got else (0,))


def test_a_gradient_that_a_large_dy_does_not_get_is_a_gap() -> None:
    at, first = called(lambda x: (2 * x, lambda dy: (2 * dy if np.max(dy) < 9 else None,)), np.ones(2))
    large = call(at, first.inputs, 8 * first.dy)
    expected = {"x": 8 * first.gradients["x"]}
    (gap,) = gaps(at, large.gradients, expected, [(1.0, large), (8.0, first)]).values()
    assert (gap.got.shape, gap.bound) == ((0,), estimated(at, "x", expected["x"], [(8.0, first)]))


def test_where_equal_calls_differ_nothing_is_a_gap() -> None:
    counts = iter(range(100))
    at, first = called(lambda x: (2 * x, lambda dy: (next(counts) * dy,)), np.ones(2))
    assert gaps(at, first.gradients, first.gradients, [(1.0, first)]) == {}
    with pytest.raises(NotRepeatableError):
        gaps(at, {"x": DY}, first.gradients, [(1.0, first)])


def test_what_nothing_can_be_held_against() -> None:
    nothing = Call((), np.empty(0), np.empty(0), {}, EPS)
    assert unfit(nothing, ["x"]) == [finding(Status.NOT_APPLICABLE, reason="the output has no entries")]
    assert unfit(made(), ["x"]) == [
        finding(Status.NOT_APPLICABLE, reason="backward returned no gradient that is an array of numbers")
    ]
    reason = "the output or a gradient is not finite at this point"
    for infinite in (made(x=[np.inf]), made([np.nan], x=[1.0])):
        assert unfit(infinite, ["x", "w"]) == [
            finding(Status.INCONCLUSIVE, input=name, reason=reason) for name in ("x", "w")
        ]
    assert unfit(made(x=[1.0]), ["x"]) == []
    assert not_repeatable(["x"]) == [
        finding(
            Status.INCONCLUSIVE,
            input="x",
            reason="two equal calls differ, so nothing can be told (see same_call_same_result)",
        )
    ]


def test_every_name_has_its_failure_or_its_pass() -> None:
    failure = finding(Status.FAILED, input="w", reason="wrong")
    assert verdicts(["x", "w"], {"w": failure}, "in another order") == [
        finding(Status.PASSED, input="x", reason="in another order"),
        failure,
    ]
    assert verdicts(["x"], {}) == [finding(Status.PASSED, input="x", reason="")]
