"""The ladder: the truth lies within its bound, wrong claims do not, and a kink gets no answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Line
from cnngrad.differentiation.ladder import TINY, Table, ladder, probe
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


@pytest.mark.parametrize("most", [12, 24, 64])
def test_no_more_forwards_are_spent_than_allowed(most: int) -> None:
    calls = 0

    def counting(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.exp(np.sin(30 * x))

    assert ladder(Line(counting, np.array([0.3]), ONE, ONE), most=most) is not None
    assert calls <= most + 1


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
