"""The ladder: the truth lies within its bound, wrong claims do not, and a kink gets no answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Estimate, Line
from cnngrad.differentiation.ladder import (
    CAUTION,
    SMALLEST,
    TINY,
    Probe,
    Table,
    _climb_down,
    _good_enough,
    climb,
    ladder,
    look,
    probe,
)
from cnngrad.differentiation.line import EPS
from tests.differentiation.functions import ALL, KINKED_ELSEWHERE, SHORT, SMOOTH, Known, at_scales, inside, log_sum_exp

ONE = np.ones(1)
# Rounding to 11 bits looks like a kink now and then: at these points it does so to one of the steps only.
UNLUCKY = {("float16 tanh", 1.0): (3,)}


def lines(known: Known, scale: float, seeds: int) -> list[Line]:
    return [known.line(scale, seed) for seed in range(seeds) if seed not in UNLUCKY.get((known.name, scale), ())]


def along(f: Any, at: Any, direction: Any = None, dy: Any = None) -> Line:
    at = np.asarray(at, dtype=np.float64)
    direction = np.ones(at.size) if direction is None else np.asarray(direction, dtype=np.float64)
    return Line(f, at, direction, np.ones(np.size(f(at))) if dy is None else np.asarray(dy, dtype=np.float64))


@pytest.mark.parametrize(("known", "scale"), at_scales(*ALL))
def test_the_truth_is_inside_the_bound(known: Known, scale: float) -> None:
    answered = 0
    for line in lines(known, scale, 5):
        found = ladder(line)
        if found is not None:
            terms = known.terms(line)
            assert inside(float(np.sum(terms)), found, terms)
            answered += 1
    assert answered >= 3


@pytest.mark.parametrize(
    ("known", "scale"), [p for p in at_scales(*SMOOTH, KINKED_ELSEWHERE[1]) if p.values[1] in p.values[0].sharp]
)
def test_a_claim_off_by_1e_9_of_the_largest_entry_is_outside_it(known: Known, scale: float) -> None:
    for seed in range(3):
        line = known.line(scale, seed)
        gradient, terms, found = known.gradient(line), known.terms(line), ladder(line)
        assert found is not None
        wrong = gradient.copy()
        wrong[seed] += 1e-9 * np.max(np.abs(gradient))
        assert inside(float(np.dot(gradient, line.direction)), found, terms)
        assert not inside(float(np.dot(wrong, line.direction)), found, terms)


def test_the_truth_is_inside_the_bound_at_unlucky_points_of_short_precision() -> None:
    for name, scale in UNLUCKY:
        known = next(each for each in SHORT if each.name == name)
        for seed in UNLUCKY[name, scale]:
            line = known.line(scale, seed)
            found = ladder(line)
            assert found is None or inside(float(np.sum(known.terms(line))), found, known.terms(line))


@pytest.mark.parametrize("known", SHORT, ids=lambda known: known.name)
def test_short_precision_shows_in_the_bound(known: Known) -> None:
    found = ladder(known.line(1.0, 0))
    assert found is not None
    eps = float(np.finfo(np.float16 if "float16" in known.name else np.float32).eps)
    assert eps < found.bound < 250 * np.sqrt(eps)


@pytest.mark.parametrize("known", SMOOTH, ids=lambda known: known.name)
def test_ladders_that_share_no_step_agree(known: Known) -> None:
    line = known.line(1.0, 1)
    seen: list[float] = []

    def recording(x: Any) -> Any:
        seen.append(float((x - line.at)[0]))
        return known.f(x)

    recorded = Line(recording, line.at, line.direction, line.dy, line.y0)
    first, steps = ladder(recorded), set(seen)
    seen.clear()
    second = ladder(recorded, shift=1.3)
    assert first is not None
    assert second is not None
    assert abs(first.value - second.value) <= first.bound + second.bound
    assert steps.isdisjoint(seen)


@pytest.mark.parametrize("most", [8, 12, 16])
def test_as_many_forwards_are_spent_as_are_allowed_and_needed(most: int) -> None:
    calls = 0

    def counting(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.exp(np.sin(30 * x))

    assert ladder(Line(counting, np.array([0.3]), ONE, ONE), most=most) is not None
    assert calls == most + 1  # all of them are needed here; the output at the point is one more


def test_an_ordinary_point_takes_few() -> None:
    calls = 0

    def counting(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.tanh(x)

    ladder(Line(counting, np.array([0.3]), ONE, ONE))
    assert calls <= 24


KINKS: dict[str, Line] = {
    "abs at 0": along(np.abs, [0.0]),
    "relu at 0": along(lambda x: np.maximum(x, 0), [0.0, 1.0]),
    "relu at 0, small": along(lambda x: np.maximum(x, 0), [0.0, 1e-6]),
    "relu at 0, large": along(lambda x: np.maximum(x, 0), [0.0, 1e6]),
    "tie": along(lambda x: np.atleast_1d(np.max(x)), [0.7, 0.7, 0.1], [1.0, -0.5, 0.5]),
    "tie at -1e6": along(lambda x: np.atleast_1d(np.max(x)), [-1e6, -1e6], [1.0, 0.5]),
    "one kink among smooth ones": along(lambda x: np.tanh(np.abs(x)), [0.0, 1.0, 2.0]),
    "norm at 0": along(lambda x: np.atleast_1d(np.sqrt(np.sum(x * x))), [0.0, 0.0]),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_gets_no_answer(name: str) -> None:
    assert ladder(KINKS[name]) is None


def test_a_tie_moved_along_together_is_smooth() -> None:
    found = ladder(along(lambda x: np.atleast_1d(np.max(x)), [0.7, 0.7, 0.1]))
    assert found is not None
    assert abs(found.value - 1) <= found.bound


@pytest.mark.parametrize("distance", [1e-12, 1e-8, 1e-4, 0.01, 0.5])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_near_a_kink_the_answer_is_none_or_right(distance: float, scale: float, side: float) -> None:
    found = ladder(along(lambda x: np.maximum(x, 0), scale * np.array([side * distance, 1.0])))
    truth = 1.0 + (side > 0)
    assert found is None or abs(found.value - truth) <= found.bound + 4 * EPS
    assert found is not None or distance < 1e-6


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_plateau_far_above_the_scale_of_the_point_is_no_answer(side: float) -> None:
    found = ladder(along(lambda x: np.maximum(x, 0), [side * 1e-6]))
    assert found is not None
    assert abs(found.value - (side > 0)) <= found.bound < 1e-6
    saturated = ladder(along(lambda x: np.tanh(1e6 * x), [side * 1e-6]))
    assert saturated is not None
    assert abs(saturated.value - 1e6 / np.cosh(1) ** 2) <= saturated.bound < 1


def in_float32(f: Any) -> Any:
    return lambda x: f(np.asarray(x, dtype=np.float32)).astype(np.float64)


def unit_variance(x: Any) -> Any:
    """A row less its mean, over its deviation: flat far above its scale of 0.003."""
    centred = x - x.mean()
    return centred / np.sqrt(np.mean(centred**2) + np.float32(1e-5))


@pytest.mark.parametrize("row", [[2.0, 2.0, 2.0000005], [1.9989, 2.0002, 2.0012], [1.9995, 1.9997, 2.0011]])
def test_a_plateau_is_no_answer_in_float32_either(row: list[float]) -> None:
    at, weights, last = np.array(row, dtype=np.float32).astype(np.float64), [-1.0, -3.0, 1.0], [0.0, 0.0, 1.0]
    truth = np.dot(weights, np.imag(unit_variance(at + 1e-30j * np.array(last)))) / 1e-30
    found = ladder(along(in_float32(unit_variance), at, last, weights))
    assert found is None or abs(found.value - truth) <= found.bound


def test_what_is_absorbed_in_even_steps_shows_in_the_bound() -> None:
    """Where all points lie whole roundings apart, no difference of theirs shows that they were rounded."""
    large = np.float32(316.2)
    found = ladder(along(in_float32(lambda x: large + (x[:1] - large)), [0.0, 2.0], [1.0, 0.0]))
    assert found is not None
    assert abs(found.value - 1) <= found.bound


def test_a_jump_is_not_given_a_narrow_slope() -> None:
    found = ladder(along(np.floor, [2.0]))
    assert found is None or found.bound > abs(found.value) + 1


def test_what_is_absorbed_shows_in_the_bound() -> None:
    """In ``m + log(1 + e^-k)`` a step along the smaller entry may leave every bit of the output as it is."""
    answered = 0
    for low in range(-20, -60, -4):
        found = ladder(along(log_sum_exp, [1.0, 1.0 + low], [0.0, 1.0]))
        if found is not None:
            share = np.exp(low) / (1 + np.exp(low))
            assert abs(found.value - share) <= found.bound
            answered += bool(found.bound < 1e-10)
    assert answered >= 7


@pytest.mark.parametrize(
    "line",
    [
        along(lambda x: x * np.nan, [1.0]),
        along(lambda x: np.where(x > 1, np.inf, x), [1.0]),
        along(lambda x: np.append(x, np.inf), [1.0]),
        along(lambda x: np.where(x == 1, np.nan, x), [1.0]),
        along(lambda x: x, [np.inf]),
        along(lambda x: x, [np.nan]),
    ],
)
def test_numbers_that_are_not_finite_get_no_answer(line: Line) -> None:
    assert ladder(line) is None


def test_numbers_that_are_not_finite_farther_off_do_not_matter() -> None:
    def reciprocal_root(x: Any) -> Any:
        return 1 / np.sqrt(x)

    for at in (1e-3, 0.5, 0.9, 40.0):
        found = ladder(along(reciprocal_root, [at]))
        assert found is not None
        assert abs(found.value + 0.5 * at**-1.5) <= found.bound < 1e-7 * at**-1.5


@pytest.mark.parametrize("value", [0.0, 1 / 3, -1e6 / 3])
def test_a_function_that_does_not_change(value: float) -> None:
    for f in (lambda x: np.array([value, 2 * value]), lambda x: value + 0 * x):
        found = ladder(along(f, [0.3, 0.4]))
        assert found is not None
        assert abs(found.value) <= found.bound <= 1e-6 * max(abs(value), 1e-7)


def test_one_of_few_bits_cannot_be_told_from_short_precision() -> None:
    found = ladder(along(lambda x: np.array([3.0, -1.0]), [0.3, 0.4]))
    assert found is not None
    assert found.value == 0 < found.bound < 1


def test_no_direction_no_change() -> None:
    found = ladder(along(np.sin, [0.3, 0.4], [0.0, 0.0]))
    assert found is not None
    assert found.value == 0


def noisy(size: float) -> Any:
    """A smooth function with deterministic noise of that size in every value."""
    return lambda x: np.tanh(x) + size * np.sin(1e18 * x)


@pytest.mark.parametrize(
    ("line", "kinked"),
    [
        (along(np.abs, [0.0]), True),
        (along(lambda x: np.maximum(x, 0), [0.0, 3.0]), True),
        (along(np.tanh, [0.3, -0.4]), False),
        (along(noisy(1e-12), [0.3, -0.4, 0.9]), False),
        (along(noisy(1e-9), [0.3, -0.4, 0.9]), False),
        (along(lambda x: (x + 1e8) - 1e8, [0.3, -0.4, 0.9]), False),
        (SHORT[0].line(1.0, 0), False),
        (along(lambda x: np.maximum(x, 0), [0.3, -0.4]), False),
    ],
)
def test_a_probe_tells_a_kink_from_noise(line: Line, kinked: bool) -> None:
    with np.errstate(all="ignore"):
        assert bool(probe(line, line.near * TINY).kinked) is kinked


@pytest.mark.parametrize("size", [1e-14, 1e-12, 1e-9])
def test_noise_is_measured(size: float) -> None:
    line = along(noisy(size), [0.3, -0.4, 0.9, 0.1])
    seen = probe(line, line.near * TINY)
    assert size / 3 < seen.noise < 100 * size
    found = ladder(line)
    assert found is not None
    assert abs(found.value - np.sum(1 / np.cosh(line.at) ** 2)) <= found.bound


def test_a_table_removes_one_error_term_a_row() -> None:
    table = Table()
    for step in (1.0, 0.25, 0.0625, 0.015625):
        table.add(step, float(np.sin(step) / step), noise=1e-17)  # the slope of sin at 0, off by -h²/6 + h⁴/120
    assert [abs(row[-1] - 1) < limit for row, limit in zip(table.rows, (0.2, 1e-3, 1e-6, 1e-11), strict=True)] == [
        True
    ] * 4
    assert np.isinf(table.errors[0][0])
    assert abs(table.rows[-1][-1] - 1) < table.errors[-1][-1] < 1e-5


def rows_of(*entries: tuple[list[float], list[float], tuple[float, float]]) -> Table:
    """A table with these rows, the largest step first: values, errors and changes."""
    rows, errors, changes = (list(part) for part in zip(*entries, strict=True))
    return Table([0.25**k for k in range(len(rows))], rows, errors, changes)


def near_of(slope: float = 1.0, error: float = 1.0, step: float = 2.0**-24) -> Probe:
    return Probe(step, 0.0, slope, error, kinked=False, eps=EPS, bend=0.0, blind=False, farther=False)


STEADY = (0.0, 0.0)


def test_an_error_is_the_largest_difference_from_a_neighbour_and_the_rounding() -> None:
    table = Table()
    slopes, noise = (3.0, 1.0, 5.0, -2.0), 2.0**-20
    for k, slope in enumerate(slopes):
        table.add(0.25**k, slope, noise)
    assert [row[0] for row in table.rows] == list(slopes)
    for k, (row, errors) in enumerate(zip(table.rows, table.errors, strict=True)):
        above = table.rows[k - 1]
        for q in range(1, k + 1):
            neighbours = [row[q - 1], above[q - 1], *([above[q]] if q < k else [])]
            assert errors[q] == max(abs(row[q] - other) for other in neighbours) + 1.5 * noise * 4**k
    # What of a change is surely no rounding: four times the noise over the step is left out.
    assert table.changes[1:] == [(change, change - 4 * noise * 4**k) for k, change in ((1, 2.0), (2, 4.0), (3, 7.0))]
    assert table.changes[0] == (np.inf, np.inf)


@pytest.mark.parametrize(("away", "agrees"), [(6.0, True), (6.25, False)])
def test_an_entry_counts_within_four_times_its_error_and_that_of_every_smaller_step(away: float, agrees: bool) -> None:
    larger, smaller = ([1.0 + away], [0.5], STEADY), ([1.0], [1.0], STEADY)
    assert rows_of(larger, smaller).best(near_of()) == ((1.0 + away, 0.5) if agrees else (1.0, 1.0))
    # The tiny probe is the smallest step of all.
    assert rows_of(larger).best(near_of()) == ((1.0 + away, 0.5) if agrees else None)


def test_of_a_smaller_step_the_entry_of_least_error_is_the_witness() -> None:
    larger, smaller = ([1.0], [2.0**-10], STEADY), ([0.5, 1.0], [1.0, 2.0**-10], STEADY)
    assert rows_of(larger, smaller).best(near_of()) == (1.0, 2.0**-10)
    assert rows_of(([0.5], [2.0**-11], STEADY), smaller).best(near_of()) == (1.0, 2.0**-10)


def test_a_row_still_before_the_change_of_smaller_steps_is_left_out_and_no_other() -> None:
    before, after, latest = ([1.0], [0.25], (1.0, 1.0)), ([1.0], [0.125], (0.25, 0.25)), ([1.0], [0.5], (1.0, 1.0))
    assert rows_of(before, after, latest).best(near_of()) == (1.0, 0.25)
    assert rows_of(([1.0], [0.125], (0.5, 0.5)), latest).best(near_of()) == (1.0, 0.125)
    assert rows_of(([1.0], [0.125], (0.5, 0.5)), ([1.0], [0.5], (9.0, 1.0))).best(near_of()) == (1.0, 0.125)


@pytest.mark.parametrize(
    ("error", "near", "rounding", "enough"),
    [
        (0.5, near_of(17.0, 4.0), 1.0, True),
        (0.5, near_of(-17.0, 4.0), 1.0, True),
        (0.5, near_of(17.0, 4.0), 0.125, True),
        (0.5, near_of(17.0, 4.0), 0.1, False),  # far above its rounding: it may still improve
        (1.0, near_of(17.0, 4.0), 1.0, False),  # no better than the tiny step
        (0.5, near_of(16.0, 4.0), 1.0, False),  # the tiny step saw no slope: there may be a plateau
        (0.5, near_of(0.0, 4.0), 1.0, False),
    ],
)
def test_a_climb_ends_at_its_rounding_where_it_says_more_than_the_tiny_step(
    error: float, near: Probe, rounding: float, enough: bool
) -> None:
    assert _good_enough(error, near, rounding) is enough


@pytest.mark.parametrize("step", [2.0**-6, 2.0**-5, 2.0**-4])
def test_a_climb_ends_within_16_tiny_steps(step: float) -> None:
    """Noise so large that nothing else ends it: it takes steps down to the first below 16 tiny ones."""
    made: list[float] = []
    line = Line(lambda x: (made.append(x[0]), x)[1], np.zeros(1), ONE, ONE)  # type: ignore[func-returns-value]  # append notes the call
    climb(line, near_of(0.0, step=step), 1.0)
    assert sorted(map(abs, made))[::2] == [4.0**-k for k in reversed(range(len(made) // 2))]
    smallest = min(map(abs, made))
    assert smallest < 16 * step <= 4 * smallest


def test_a_bound_is_four_errors_and_many_in_low_precision() -> None:
    for line, times in ((SMOOTH[1].line(1.0, 0), 4), (SHORT[0].line(1.0, 0), CAUTION)):
        near = look(line, 1.0)
        assert near is not None
        value, error = _climb_down(line, line.longest, near, 30)
        assert climb(line, near, 1.0) == Estimate(value, times * error, "ladder")


def test_the_steps_are_shares_of_the_sizes_of_the_line_times_the_shift() -> None:
    for f, shift in ((np.tanh, 1.0), (np.tanh, 1.5), (np.abs, 1.5)):
        made: list[float] = []
        line = Line(lambda x, f=f, made=made: (made.append(abs(x[0])), f(x))[1], np.zeros(1), ONE, ONE)  # type: ignore[func-returns-value,misc]  # append notes the call; bound at once
        ladder(line, shift)
        kinked = f is np.abs
        assert {TINY * shift, 2 * TINY * shift} <= set(made)
        assert kinked == (SMALLEST * shift in made)
        assert kinked or max(made) == shift
