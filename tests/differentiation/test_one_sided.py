"""One-sided slopes: both sides of a kink, the same on a smooth point, every output on its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Line, Sides, one_sided
from cnngrad.differentiation.line import EPS
from cnngrad.differentiation.one_sided import FEW, SHARES, _extrapolated, _settled


def sides(f: Any, at: Any, direction: Any = None) -> Sides:
    at = np.asarray(at, dtype=np.float64)
    direction = np.ones(at.size) if direction is None else np.asarray(direction, dtype=np.float64)
    return one_sided(Line(f, at, direction, np.ones(np.size(f(at)))))


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def largest(x: Any) -> Any:
    return np.atleast_1d(np.max(x))


def holds(found: Sides, left: Any, right: Any) -> bool:
    return bool(
        np.all(np.abs(found.left - left) <= found.left_bound)
        and np.all(np.abs(found.right - right) <= found.right_bound)
    )


@pytest.mark.parametrize(
    ("f", "at", "direction", "left", "right"),
    [
        (np.abs, [0.0], [1.0], -1.0, 1.0),
        (np.abs, [0.0], [-3.0], -3.0, 3.0),
        (relu, [0.0], [2.0], 0.0, 2.0),
        (relu, [0.0, 1e6], [2.0, 0.0], [0.0, 0.0], [2.0, 0.0]),
        (largest, [0.7, 0.7, 0.1], [1.0, 0.0, 0.0], 0.0, 1.0),
        (largest, [0.7, 0.7, 0.1], [1.0, -2.0, 0.0], -2.0, 1.0),
        (largest, [-1e6, -1e6], [1.0, 0.0], 0.0, 1.0),
        (lambda x: np.tanh(np.abs(x)) + np.sin(x), [0.0], [1.0], 0.0, 2.0),
        (lambda x: np.sqrt(x[:1] ** 2 + x[1:] ** 2), [0.0, 0.0], [3.0, 4.0], -5.0, 5.0),
        (lambda x: np.where(x < 0, 0.01 * x, x), [0.0], [1.0], 0.01, 1.0),
    ],
)
def test_both_sides_of_a_kink(f: Any, at: Any, direction: Any, left: Any, right: Any) -> None:
    found = sides(f, at, direction)
    assert holds(found, left, right)
    assert not holds(found, right, left)
    assert np.array_equal(found.kinked, np.atleast_1d(left) != np.atleast_1d(right))
    # What is allowed at the point: anything between, and nothing well outside.
    least, most = np.minimum(left, right), np.maximum(left, right)
    assert np.all((found.low <= least) & (found.high >= most))
    assert np.all((found.low >= least - 1e-3) & (found.high <= most + 1e-3))


@pytest.mark.parametrize(
    ("f", "at", "slope"),
    [
        (np.sin, 0.3, np.cos(0.3)),
        (np.tanh, -2.0, 1 / np.cosh(2.0) ** 2),
        (np.exp, 5.0, np.exp(5.0)),
        (np.square, 0.0, 0.0),
        (np.square, 1e6, 2e6),
        (np.square, 1e-6, 2e-6),
        (lambda x: 1 + x**3, 0.0, 0.0),
        (relu, 0.3, 1.0),
        (relu, -0.3, 0.0),
    ],
)
def test_a_smooth_point_has_one_slope(f: Any, at: float, slope: float) -> None:
    found = sides(f, [at])
    assert not found.kinked[0]
    assert holds(found, slope, slope)
    assert not holds(found, slope + 1e-3 * (1 + abs(slope)), slope)
    assert found.low[0] <= slope <= found.high[0]


def test_every_output_is_answered_on_its_own() -> None:
    found = sides(lambda x: np.concatenate([np.abs(x), np.sin(x), relu(x), [3.0]]), [0.0])
    assert found.kinked.tolist() == [True, False, True, False]
    assert holds(found, [-1, 1, 0, 0], [1, 1, 1, 0])


def test_a_tie_moved_along_together_has_one_slope() -> None:
    found = sides(largest, [0.7, 0.7, 0.1], [1.0, 1.0, 1.0])
    assert not found.kinked[0]
    assert holds(found, 1.0, 1.0)


@pytest.mark.parametrize("distance", [1e-8, 1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize(("side", "slope"), [(1.0, 1.0), (-1.0, 0.0)])
def test_beside_a_kink_the_wrong_side_is_not_allowed(distance: float, side: float, slope: float) -> None:
    found = sides(relu, [side * distance])
    assert found.low[0] <= slope <= found.high[0]
    assert not found.low[0] <= 1 - slope <= found.high[0]


def test_at_1e_12_it_is_a_kink_for_all_purposes() -> None:
    found = sides(relu, [1e-12])
    assert found.low[0] <= 0 <= 1 <= found.high[0]


@pytest.mark.parametrize("p", [1.2, 1.5, 2.0, 3.0])
def test_a_power_above_1_has_slope_0_at_0(p: float) -> None:
    found = sides(lambda x: np.abs(x) ** p, [0.0])
    assert found.low[0] <= 0 <= found.high[0]
    assert not found.low[0] <= 1 <= found.high[0]


def test_p_1_is_a_kink() -> None:
    assert sides(lambda x: np.abs(x) ** 1.0, [0.0]).kinked[0]


@pytest.mark.parametrize(("at", "calls"), [(0.0, 6), (1e-12, 6), (1e-9, 6 + 18)])
def test_few_forwards_and_more_only_in_doubt_and_no_cotangent(at: float, calls: int) -> None:
    made = 0

    def counting(x: Any) -> Any:
        nonlocal made
        made += 1
        return np.abs(x)

    found = one_sided(Line(counting, np.full(1, at), np.ones(1), np.array([np.nan]), np.full(1, at)))
    assert found.low[0] <= 1 <= found.high[0]
    assert made == calls


def test_doubt_about_outputs_that_are_not_wanted_costs_nothing() -> None:
    made = 0

    def counting(x: Any) -> Any:
        nonlocal made
        made += 1
        return np.abs(np.concatenate([x, x - 1e-9]))

    line = Line(counting, np.zeros(1), np.ones(1), np.ones(2))
    assert one_sided(line, np.array([0])).kinked[0]
    assert made == 1 + 6
    one_sided(line)
    assert made == 1 + 6 + 6 + 18


def test_what_is_not_finite_is_never_a_narrow_answer() -> None:
    for f in (lambda x: np.where(x > 0, np.nan, x), lambda x: np.where(x > 0, np.inf, x)):
        found = sides(f, [0.0])
        assert not (np.isfinite(found.right[0]) and np.isfinite(found.right_bound[0]))
        assert holds(Sides(found.left, found.left, found.left_bound, found.left_bound), 1.0, 1.0)


def test_the_few_steps_are_taken_to_both_sides_and_the_first_error_term_is_removed() -> None:
    moved: list[float] = []

    def square(x: Any) -> Any:
        moved.append(float(x[0]) - 0.5)
        return x * x

    found = one_sided(Line(square, np.array([0.5]), np.ones(1), np.ones(1), np.array([0.25])))
    assert sorted(moved) == sorted([*FEW, *(-step for step in FEW)])
    assert (found.left[0], found.right[0]) == (1.0, 1.0)
    assert max(found.left_bound[0], found.right_bound[0]) < 1e-8


STEPS = [1.0, 1 / 4, 1 / 16, 1 / 64]


def extrapolated(quotients: Any, y0: Any = (0.5,), side: float = 1.0) -> Any:
    line = Line(lambda x: x, np.zeros(1), np.ones(1), np.ones(len(y0)), np.array(y0))
    return _extrapolated(line, [side * step for step in STEPS[: len(quotients)]], [np.array(q) for q in quotients])


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_bound_is_what_neighbours_differ_by_and_the_noise_of_the_outputs(side: float) -> None:
    # The noise is 4 roundings of the output, of the largest, and of 1: of 2 here, over the second quotient's step.
    for quotients in ([[5.0]] * 3, [[5.0]] * 4):
        value, bound = extrapolated(quotients, side=side)
        assert (value.tolist(), bound.tolist(), bound.dtype) == ([5.0], [4 * 4 * 2 * EPS * 4], np.float64)
    # What smaller steps differ by within that noise speaks against no larger one.
    value, bound = extrapolated([[1.0], [1.0], [1.0], [1 + 2.0**-45]], side=side)
    assert (value.tolist(), bound.tolist()) == ([1.0], [4 * 4 * 2 * EPS * 4])
    # And what they differ by beyond it does.
    value, bound = extrapolated([[1.0], [1.0], [4.0], [4.0]], side=side)
    assert bound[0] > 4 * 1


def test_where_no_bound_can_be_had_the_smallest_step_stands_without_one() -> None:
    value, bound = extrapolated([[np.nan], [np.nan], [5.0], [5.0]])
    assert value.tolist() == [5.0]
    assert not np.isfinite(bound[0])
    value, bound = extrapolated([[]] * 4, y0=())
    assert value.size == bound.size == 0


def test_it_is_settled_where_the_largest_slope_is_sharp() -> None:
    def settled(left: Any, right: Any, left_bound: Any, right_bound: Any, wanted: Any = slice(None)) -> bool:
        return _settled(Sides(*map(np.array, (left, right, left_bound, right_bound))), wanted)

    assert settled([0.0], [1.0], [np.inf], [1e-6])  # a slope of exactly 0 needs no bound
    assert not settled([0.5], [1.0], [np.inf], [1e-6])
    assert settled([0.0], [0.0], [1.0], [1.0])
    assert settled([1.0], [1.0], [2.0**-11], [0.0])
    assert not settled([1.0], [1.0], [2.0**-10], [0.0])
    assert not settled([1e-6], [1e-6], [1e-6], [1e-6])
    assert settled([1.0], [1.0], [1.0], [1.0], np.array([], dtype=int))


def test_every_step_is_taken_where_they_are_all_asked_for() -> None:
    moved: list[float] = []
    line = Line(lambda x: (moved.append(float(x[0])), np.abs(x))[1], np.zeros(1), np.ones(1), np.ones(1), np.zeros(1))  # type: ignore[func-returns-value]  # append notes the move
    assert one_sided(line, every_step=True).kinked[0]
    assert moved == [*SHARES, *(-share for share in SHARES)]


def test_a_kink_of_next_to_nothing_is_seen_where_such_changes_are() -> None:
    assert sides(lambda x: 1e-12 * np.abs(x), [0.0]).kinked[0]
    assert not sides(lambda x: (1 + 1e-12 * np.abs(x)) - 1, [0.0]).kinked[0]  # lost beside 1


def test_a_slope_is_known_within_a_share_of_the_larger_one() -> None:
    left, right = np.array([4.0, 1.0, -4.0, 4.0, 0.0, 4.0]), np.array([1.0, 4.0, 1.0, 1.0, 0.0, 1.0])
    left_bound, right_bound = np.array([1.0, 0.0, 1.0, 1.1, 0.0, np.inf]), np.array([0.0, 1.0, 0.5, 0.0, 0.0, 0.0])
    found = Sides(left, right, left_bound, right_bound)
    assert found.known_within(0.25).tolist() == [True, True, True, False, True, False]
    assert found.known_within(0.125).tolist() == [False, False, False, False, True, False]
