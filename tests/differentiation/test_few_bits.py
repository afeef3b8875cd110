"""Differences of what computes in few bits: exact on a lattice with room, told apart from what has none or is bent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Line
from cnngrad.differentiation.few_bits import NONE, bits_left, difference_in, direction_in, lowest_bit

DTYPES: dict[int, Any] = {24: np.float32, 11: np.float16}


def line(f: Any, at: Any, direction: Any, bits: int, room: Any = None) -> Line:
    short = DTYPES[bits]

    def rounded(x: Any) -> Any:
        return np.asarray(f(np.asarray(x, short)), short).astype(np.float64)

    at, direction = np.asarray(at, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    return Line(rounded, at, direction, np.ones(np.size(rounded(at))), room=None if room is None else np.array(room))


def test_bits_are_counted_from_the_lowest_of_all() -> None:
    assert lowest_bit(np.array([0.75, 2.0, 0.0])) == 0.25
    assert lowest_bit(np.array([-12.0, 8.0])) == 4
    assert lowest_bit(np.zeros(2)) == lowest_bit(np.empty(0)) == 1
    assert lowest_bit(np.array([1 + 2.0**-52, 4.0])) == 2.0**-52
    assert [bits_left(np.array(values), 8) for values in ([63.0, 1.0], [63.0, 0.5], [64.0, 1.0], [-63.0, 1.0])] == [
        2,
        1,
        1,
        2,
    ]
    assert bits_left(np.empty(0), 8) == 8


@pytest.mark.parametrize(("bits", "most"), [(24, 31), (11, 3), (8, 3)])
def test_directions_are_odd_integers_of_a_few_bits_to_both_sides(bits: int, most: int) -> None:
    drawn = direction_in(np.random.default_rng(0), 2000, bits)
    assert sorted({abs(value) for value in drawn.tolist()}) == list(range(1, most + 1, 2))
    assert 0.45 < np.mean(drawn > 0) < 0.55


@pytest.mark.parametrize("bits", DTYPES)
def test_a_linear_function_has_its_slope_exactly_from_a_step_as_large_as_there_is_room_for(bits: int) -> None:
    found = difference_in(line(lambda x: x * DTYPES[bits](3), [5.0, 3.0], [1.0, 0.0], bits), bits)
    assert found is not None
    assert (found.rise / (2 * found.step)).tolist() == [3.0, 0.0]
    assert found.step == (2.0**18 if bits == 24 else 2.0**7)
    assert found.evidence > 0


@pytest.mark.parametrize(
    ("below", "direction", "unit", "step"),
    [(1, 1.0, 1, 1), (1, 1.0, 4, 4), (13, 3.0, 4, 16), (2**23, 1.0, 1, 2**20), (2**23, 8.0, 1, 2**20)],
)
def test_the_inputs_need_room_too(below: int, direction: float, unit: int, step: int) -> None:
    at = float(unit * (2**23 - below))
    found = difference_in(line(lambda x: x - np.float32(at), [at], [direction], 24), 24)
    assert found is not None
    assert found.step == step
    assert found.evidence > 0


def test_the_unit_of_the_outputs_is_their_own() -> None:
    found = difference_in(line(lambda x: x / 2, [5.0], [1.0], 24), 24)
    assert found is not None
    assert (found.step, found.rise.tolist()) == (2.0**19, [2.0**19])


def test_no_output_and_no_direction_are_no_error() -> None:
    for f, direction in ((lambda x: x[:0], 1.0), (lambda x: x, 0.0)):
        found = difference_in(line(f, [5.0], [direction], 24), 24)
        assert found is not None
        assert not found.rise.any()
        assert found.evidence == 0


def test_a_border_keeps_the_step_short() -> None:
    for at, room, step in ((5.0, [64.0], 32.0), (5.0, [8.0], 4.0), (5.0, [2.0], 1.0), (20.0, [64.0], 32.0)):
        found = difference_in(line(lambda x: 3 * x, [at], [1.0], 24, room), 24)
        assert found is not None
        assert (found.step, found.rise.tolist()) == (step, [6 * step])
    assert difference_in(line(lambda x: 3 * x, [5.0], [1.0], 24, [1.0]), 24) is None


@pytest.mark.parametrize("bits", DTYPES)
@pytest.mark.parametrize("f", [np.abs, lambda x: np.maximum(x, 7)], ids=["abs", "kink"])
def test_what_is_bent_has_no_difference(f: Any, bits: int) -> None:
    assert difference_in(line(f, [5.0, 3.0], [1.0, 1.0], bits), bits) is None


@pytest.mark.parametrize("bits", DTYPES)
@pytest.mark.parametrize(
    "f",
    [np.square, lambda x: x / 3, lambda x: x * np.nan, lambda x: 1 / x],
    ids=["square", "third", "not a number", "reciprocal"],
)
def test_where_there_is_no_room_there_is_no_evidence(f: Any, bits: int) -> None:
    found = difference_in(line(f, [5.0, 3.0], [1.0, 1.0], bits), bits)
    assert found is None or found.evidence == NONE


def test_a_slope_that_is_small_beside_what_is_added_to_it_has_no_evidence() -> None:
    found = difference_in(line(lambda x: x + (2**20 - 2**16), [1.0], [1.0], 24), 24)
    assert found is not None
    assert found.evidence == NONE


def test_the_evidence_is_the_room_that_is_left_and_the_size_of_the_step_over_what_moved() -> None:
    one = difference_in(line(lambda x: 3 * x, [5.0, 3.0], [1.0, 0.0], 24), 24)
    two = difference_in(line(lambda x: 3 * x, [5.0, 3.0], [1.0, 1.0], 24), 24)
    assert one is not None
    assert two is not None
    left = bits_left(np.array([15.0, 9.0, 3 * (5 + one.step), 3 * (5 - one.step)]), 24)
    assert one.evidence == 2 * (left + np.log2(one.step))
    assert two.evidence > one.evidence


def test_inputs_without_room_are_no_evidence_though_nothing_was_rounded() -> None:
    at = np.array([2.0**23, 1.0])
    found = difference_in(line(lambda x: x - at.astype(np.float32), at, [1.0, 1.0], 24), 24)
    assert found is not None
    assert found.evidence == NONE


def test_where_outputs_leave_no_room_the_function_is_asked_for_nothing_that_is_not_finite() -> None:
    def strict(x: Any) -> Any:
        assert np.all(np.isfinite(x))
        return x + np.float32(2**22)

    found = difference_in(line(strict, [5.0], [1.0], 24), 24)
    assert found is not None
    assert found.evidence == NONE


def test_no_input_is_no_error() -> None:
    found = difference_in(line(lambda x: np.full(2, 3.0), [], [], 24), 24)
    assert found is not None
    assert not found.rise.any()
