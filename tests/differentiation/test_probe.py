"""What five points at a tiny step tell: noise, slope, kink and precision, and what an estimate owes to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Estimate, Line
from cnngrad.differentiation.ladder import (
    BLOCK,
    DIGITS,
    SMALLEST,
    TINY,
    UNSEEN,
    Probe,
    _first_change,
    _grain,
    _grows_with_step,
    _nearer,
    _telling,
    ladder,
    probe,
)
from cnngrad.differentiation.line import EPS

STEP = 2.0**-10
FULL, SINGLE = 1 / 3, float(np.float32(1 / 3))
K = np.arange(-2.0, 3.0)
FOURTH, THIRD = np.linalg.norm([1, -4, 6, -4, 1]), np.linalg.norm([1, -3, 3, -1])  # what they make of unit noise


def seen(values: Any, dy: Any = (1.0,), at: float = 0.0, step: float = STEP, beyond: Any = None) -> Probe:
    """The probe of a function with these values at the five points, the same in every output, and others beyond."""
    rows = dict(zip(K, values, strict=True))

    def f(x: Any) -> Any:
        k = float((x[0] - at) / step)
        return np.full(len(dy), rows[k] if k in rows else values[2] if beyond is None else beyond)

    return probe(Line(f, np.array([at]), np.ones(1), np.array(dy)), step)


@pytest.mark.parametrize(("outputs", "luck"), [(1, 9.0), (2, 5.0), (8, 2.0)])
def test_the_noise_is_what_differences_show_with_an_allowance_for_few_outputs(outputs: int, luck: float) -> None:
    small, norm = 2.0**-30, 3.0 * np.sqrt(outputs)
    for values, shown in (([1, 0, 0, 0, 1], 2 / FOURTH), (K**3, 6 / THIRD)):
        found = seen(FULL + small * np.array(values), [3.0] * outputs)
        assert found.noise == pytest.approx(luck * norm * small * shown, rel=1e-6, abs=0)
        assert found.error == found.noise / STEP
    assert seen(FULL + small * K**3, [3.0] * outputs).slope == pytest.approx(3 * outputs * small / STEP, abs=0)


def test_outputs_that_do_not_count_are_no_sample_of_the_noise() -> None:
    small = 2.0**-30 * K**3
    assert seen(FULL + small, [3.0, 0.0, 0.0]).noise == seen(FULL + small, [3.0]).noise


def test_the_noise_is_at_least_the_rounding_of_the_outputs() -> None:
    found = seen([100 * FULL] * 5, [3.0, 4.0])
    assert found.noise == pytest.approx(EPS * 5 * 100 * FULL, abs=0)
    assert found.bend == 8 * found.noise
    assert (found.kinked, found.blind, found.farther, found.slope, found.eps) == (False, False, False, 0, EPS)


def test_the_noise_is_at_least_what_the_point_may_absorb() -> None:
    """Half a rounding of the point times the slope: the outputs are on a line, and small."""
    at, dy = 1000.0, [2.0]
    found = seen(FULL + STEP * 0.5 * K, dy, at)
    assert found.noise == pytest.approx(0.5 * EPS * at * 2 * 0.5, abs=0)
    assert found.slope == 1


def test_the_noise_is_at_least_that_of_numbers_of_size_1_where_next_to_nothing_moves() -> None:
    dy = np.array([2.0, 3.0, 5.0, 7.0])
    moves = np.array([8 * EPS, 64 * EPS, EPS / 8, 0.0])  # like log(1 + tiny), enough, resolved finer, not at all
    y0 = np.array([0.0, 0.0, 0.0, 0.5])
    line = Line(lambda x: x, np.zeros(1), np.ones(1), dy, y0)
    y = [y0, y0 - moves, y0, y0 + moves, y0]
    assert _grain(line, y) == pytest.approx(EPS * np.hypot(2, 7), abs=0)
    assert seen([0.1 * FULL] * 5, [3.0]).noise == 3 * EPS


def test_the_grain_of_more_outputs_than_are_taken_at_a_time() -> None:
    y0 = np.full(BLOCK + 3, FULL)
    dy = np.zeros(BLOCK + 3)
    dy[[0, -1]] = 3.0, 4.0
    assert _grain(Line(lambda x: x, np.zeros(1), np.ones(1), dy, y0), [y0] * 5) == pytest.approx(5 * EPS, abs=0)


def test_the_noise_is_at_least_what_lies_between_the_smallest_numbers_of_half_precision() -> None:
    smallest = 2.0**-24
    found = seen([513 * smallest] * 5, [4.0])
    assert found.eps == 2.0**-10
    assert found.noise == 4 * smallest


def test_in_low_precision_what_bends_within_the_step_is_error_too() -> None:
    """A cubic: both slopes, of the near pair and of the far one, and the third differences beyond rounding."""
    a, dy, c = 2.0**-18, 2.0, SINGLE / 32
    for outputs, blind in ((1, False), (4, True)):
        found = seen(c + a * K**3, [dy] * outputs, step=2.0**-4)
        allowed = 16 * 2.0**-23 * (c + 8 * a)
        bent = outputs * dy * (6 * a - allowed) / 2.0**-3
        assert found.eps == 2.0**-23
        assert found.error == pytest.approx(found.noise / 2.0**-4 + outputs * dy * 6 * a / 2.0**-3 + bent, rel=1e-9)
        assert (found.blind, found.farther) == (blind, False)
    # As bent in double: nothing of that, the step is tiny.
    found = seen(c + FULL * 2.0**-30 + a * K**3, [dy] * 4, step=2.0**-4)
    assert (found.eps, found.blind, found.error) == (EPS, False, found.noise / 2.0**-4)


def test_half_precision_is_blind_and_single_precision_is_not() -> None:
    for dtype, blind in ((np.float16, True), (np.float32, False)):
        unit = float(np.finfo(dtype).eps) / 4
        found = seen(float(dtype(1 / 3)) + unit * K, step=0.25)
        assert (found.blind, found.eps) == (blind, float(np.finfo(dtype).eps))
    # There is nothing to be seen where no output counts.
    nothing = seen(SINGLE + 2.0**-20 * K**3, [0.0, 0.0], step=0.25)
    assert (nothing.blind, nothing.error, nothing.eps) == (False, 0.0, 2.0**-23)


def test_outputs_that_are_not_there_have_no_noise() -> None:
    found = seen([FULL] * 5, [])
    assert (found.noise, found.slope, found.kinked) == (0, 0, False)


@pytest.mark.parametrize(("roundings", "kinked"), [(63, False), (64, False), (64.5, True), (1000, True)])
def test_a_kink_is_more_than_64_roundings_and_grows(roundings: float, kinked: bool) -> None:
    values = [1.0, 1.0, 1.0, 1.0, 1 - roundings * EPS]
    assert seen(values, beyond=0.0).kinked is kinked
    assert seen(values).kinked is False


def test_what_grows_with_the_step_by_a_factor_of_more_than_16_is_no_rounding() -> None:
    line = Line(np.abs, np.zeros(1), np.ones(1), np.ones(1))  # its fourth difference is 4 steps
    for fourth, grows in ((15.5, True), (16, False), (17, False)):
        assert _grows_with_step(line, STEP, fourth * STEP) is grows


def single(f: Any) -> Any:
    """Computed in float32, then handled in double: full mantissas that do not show it."""
    return lambda x: f(np.asarray(x, np.float32)).astype(np.float64) / 3


def test_a_step_that_is_lost_inside_grows_until_it_is_seen() -> None:
    line = Line(single(lambda x: x), np.array([1.5]), np.ones(1), np.ones(1))
    found = probe(line, 2.0**-38)
    assert (found.step, found.farther) == (2.0**-20, True)
    assert found.slope == pytest.approx(1 / 3, rel=1e-2)
    assert probe(line, 2.0**-20).farther is False


def test_a_step_that_is_lost_grows_no_longer_than_the_longest() -> None:
    line = Line(lambda x: np.where(np.abs(x) >= 1, 1.0, FULL), np.zeros(1), np.ones(1), np.ones(1))
    for step, taken in ((2.0**-12, 2.0**-6), (2.0**-6, 2.0**-6), (1 / 64.5, 64 / 64.5)):
        assert _telling(line, step)[0] == taken


def test_whether_anything_changes_is_asked_close_by_first() -> None:
    close, far, never = (
        Line(f, np.array([2.0**-30]), np.ones(1), np.ones(1))
        for f in (lambda x: x, single(lambda x: 1 + x), lambda x: 0 * x)
    )
    assert _first_change(close) == close(close.near / 4)
    assert _first_change(far) == far(far.longest) == 2 / 3
    assert _first_change(never) == 0
    found = probe(far, 2.0**-50)
    assert (found.step, found.farther) == (2.0**-20, True)
    assert found.slope == pytest.approx(1 / 3, rel=0.1)


def test_in_double_the_step_is_the_one_asked_for() -> None:
    line = Line(np.tanh, np.array([0.3]), np.ones(1), np.ones(1))
    for share in (TINY, SMALLEST):
        found = probe(line, share)
        assert (found.step, found.farther) == (share, False)


def test_a_smaller_probe_is_believed_only_where_it_would_have_seen_the_kink() -> None:
    def at_kink(size: float, distance: float) -> Line:
        return Line(lambda x: 1 + size * np.abs(x), np.array([distance]), np.ones(1), np.ones(1))

    beside = ladder(at_kink(1.0, 2.0**-28))
    assert beside is not None
    assert abs(beside.value - 1) <= beside.bound
    assert ladder(at_kink(1.0, 0.0)) is None
    assert probe(at_kink(2.0**-18, 0.0), TINY).kinked
    assert not probe(at_kink(2.0**-18, 0.0), SMALLEST).kinked  # it is lost in the rounding of the outputs there
    assert ladder(at_kink(2.0**-18, 0.0)) is None


@pytest.mark.parametrize(("times", "believed"), [(7.0, False), (8.0, False), (8.5, True)])
def test_a_kink_would_have_been_seen_that_bends_more_than_8_times_what_is_seen(times: float, believed: bool) -> None:
    line = Line(lambda x: x + 33 + FULL, np.array([0.25]), np.ones(1), np.ones(1))
    small = probe(line, STEP)
    larger = replace(small, step=256 * STEP, bend=256 * times * small.bend, kinked=True)
    assert _nearer(line, larger, STEP) == (small if believed else larger)


PROBE = Probe(STEP, 0.0, slope=1.0, error=0.0, kinked=False, eps=EPS, bend=0.0, blind=False, farther=False)


@pytest.mark.parametrize(
    ("changes", "widened"),
    [
        ({}, False),
        ({"error": 2.0, "slope": -1.0}, False),
        ({"error": 4 * UNSEEN}, True),  # as large as the slope it was to see: no witness
        ({"error": 1.0, "farther": True}, True),
        ({"error": 0.5, "farther": True}, False),
        ({"blind": True}, True),
    ],
)
def test_what_the_probe_could_not_see_widens_the_bound(changes: Any, widened: bool) -> None:
    near = replace(PROBE, **changes)
    real = Estimate(4.0, 0.25, "ladder")
    bound = abs(4 - near.slope) + near.error if widened else 0.25
    assert near.widened(real) == Estimate(4.0, bound, "ladder")
    assert near.widened(replace(real, bound=1e6)).bound == 1e6
    assert near.widened(Estimate(0.0, 0.25, "ladder")).bound == (
        max(0.25, abs(near.slope) + near.error) if near.blind else 0.25
    )


@pytest.mark.parametrize(
    ("changes", "confirmed"),
    [
        ({}, True),
        ({"eps": 2.0**-23}, False),
        ({"error": DIGITS * 2.0**-30, "slope": 4.0}, True),
        ({"error": DIGITS * 2.0**-29, "slope": 4.0}, False),  # it sees fewer than seven digits
        ({"slope": 4.0 + 2.0**-30}, True),
        ({"slope": 4.0 + 2.0**-29}, False),
        ({"error": 2.0**-28, "slope": 4.0 + 4 * 2.0**-28 + 2.0**-30}, True),
        ({"error": 2.0**-28, "slope": 4.0 + 4 * 2.0**-28 + 2.0**-29}, False),
    ],
)
def test_a_complex_step_is_confirmed_by_a_slope_within_its_error(changes: Any, confirmed: bool) -> None:
    near = replace(PROBE, **{"slope": 4.0, **changes})
    assert near.confirms(Estimate(4.0, 2.0**-30, "complex step")) is confirmed
