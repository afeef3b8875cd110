"""How many bits are computed with is seen in the outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation.line import EPS
from cnngrad.differentiation.precision import (
    BLOCK,
    FINE,
    SMALL,
    _blocks,
    bits_near,
    fewest_bits,
    remainders,
    resolves,
    working_eps,
)


@pytest.mark.parametrize(
    ("outputs", "eps"),
    [
        ([1 / 3, 1.0], EPS),
        ([float(np.float32(1 / 3)), 1.0, 0.0], 2.0**-23),
        ([float(np.float16(1 / 3)), 0.5], 2.0**-10),
        ([1.0, 0.5, -3.0], 2.0**-7),
        ([0.0, 0.0], EPS),
        ([], EPS),
    ],
)
def test_the_precision_is_seen_in_the_outputs(outputs: list[float], eps: float) -> None:
    assert working_eps(np.array(outputs)) == eps


THIRD = 1 / 3
SINGLE, HALF = float(np.float32(THIRD)), float(np.float16(THIRD))


@pytest.mark.parametrize(
    ("y", "y0", "bits"),
    [
        ([THIRD, 2 * THIRD], [0.0, 0.0], 53),
        ([THIRD, SINGLE], [0.0, 0.0], 24),  # the least precise output decides
        ([THIRD, SINGLE, HALF], [0.0, 0.0, 0.0], 11),
        ([THIRD, 0.25], [0.0, 0.0], 8),
        ([THIRD, 0.25], [0.0, 0.25], 53),  # an output that stays as it is says nothing
        ([THIRD, 0.0, 6.0], [0.0, 1.0, 1.0], 53),  # nor does a small whole number
        ([300.0], [0.0], 8),
        ([np.inf, np.nan], [0.0, 0.0], 0),
        ([0.25], [0.25], 0),
        ([], [], 0),
    ],
)
def test_the_output_of_fewest_bits_decides(y: list[float], y0: list[float], bits: int) -> None:
    assert fewest_bits(np.array(y), np.array(y0)) == bits


def test_the_bits_of_a_function_are_seen_beside_a_point() -> None:
    at = np.array([0.5, -2.0, 0.0])
    for f, bits in (
        (lambda x: 2 * x, 53),
        (lambda x: np.float32(x), 24),
        (lambda x: np.append(x, np.float32(x)), 24),
        (lambda x: np.float16(x), 11),
        (lambda x: np.round(x), 0),
    ):
        assert bits_near(f, at, np.asarray(f(at), dtype=np.float64)) == bits


@pytest.mark.parametrize(("output", "eps"), [(15.0, EPS), (-15.0, EPS), (16.0, 2.0**-7)])
def test_small_whole_numbers_are_counts_and_tell_no_precision(output: float, eps: float) -> None:
    assert working_eps(np.array([output])) == eps


def test_outputs_are_looked_at_a_part_at_a_time() -> None:
    assert [part.size for part in _blocks([np.zeros(BLOCK + 3), np.zeros(2)])] == [BLOCK, 3, 2]


@pytest.mark.parametrize(
    ("y", "bits"),
    [
        ([127.0], 0),  # a small whole number
        ([128.0], 8),
        ([2.0**24 + 1], 53),
        ([2.0**23 + 1], 24),
        ([2.0**11 + 1], 24),
        ([2.0**10 + 1], 11),
        ([257.0], 11),
        ([255.5], 11),
        ([257.0, 300.0], 11),  # half of them may be short by chance
        ([257.0, 300.0, 300.0], 8),
    ],
)
def test_the_bits_of_whole_numbers_are_those_they_need(y: list[float], bits: int) -> None:
    assert fewest_bits(np.array(y), np.zeros(len(y))) == bits


def test_an_entry_of_0_is_moved_too_and_each_by_a_step_of_its_own() -> None:
    for f, at in ((lambda x: np.float32(x), [0.0]), (lambda x: np.float32(x[:1] - x[1:]), [1.0, 1.0])):
        point = np.array(at)
        assert bits_near(f, point, np.asarray(f(point), dtype=np.float64)) == 24


def test_an_output_that_stays_says_nothing_of_the_bits() -> None:
    at = np.array([0.5])
    assert bits_near(lambda x: np.append(x / 3, 0.25), at, np.array([0.5 / 3, 0.25])) == 53


def test_no_entry_goes_farther_than_a_quarter_of_its_room_and_a_warning_there_is_not_shown() -> None:
    at, room, moved = np.ones(100), np.linspace(0.01, 2, 100), []

    def f(x: Any) -> Any:
        moved.append(x - at)
        return np.sqrt(1 - x)

    assert bits_near(f, at, np.zeros(100), room) == 0
    assert np.all(np.abs(moved[0]) <= np.minimum(room, at) / 4)
    assert np.all(moved[0] != 0)


def test_a_change_finer_than_the_rounding_of_1_is_resolved() -> None:
    fine, coarse = EPS / 8, EPS / 4
    for y0, others, resolved in (
        ([0.0], [[fine]], True),
        ([0.0], [[-fine]], True),
        ([1e-9], [[1e-9 + fine]], True),
        ([0.0], [[coarse]], False),
        ([0.0], [[0.0]], False),
        ([0.0], [[1.0]], False),
        ([0.0], [[fine], [0.0]], True),  # one change is enough
        ([0.0], [[0.0], [fine]], True),
    ):
        assert resolves(np.array(y0), [np.array(other) for other in others]).tolist() == [resolved]


def test_what_is_left_of_the_rounding_of_1_is_a_remainder() -> None:
    for value, left in (
        (1 - np.tanh(17.0), True),
        (FINE, True),
        (-5 * FINE, True),
        (1024 * FINE, False),  # a short number of its own
        (3 * 2.0**-30, False),
        (1e-14, False),
        (0.0, False),
        (SMALL - FINE, True),
        (SMALL + FINE, False),  # not small
        (0.25 + FINE, False),
        (1.0, False),
    ):
        assert remainders(np.array([value])).tolist() == [left], value
