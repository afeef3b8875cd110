"""The exact tier: right to the last bit, or no answer."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cnngrad.core.values import integers, lattice, rng_for
from cnngrad.differentiation import Line
from cnngrad.differentiation.exact import (
    BLOCK,
    FEW,
    STEP,
    direction_for,
    exact,
    exact_difference,
    exact_dot,
    has_spare_bits,
    trusted_difference,
)
from tests.differentiation.functions import SMOOTH, in_precision

W = lattice(rng_for(0, "w"), (5, 12))


def line_of(f: Any, seed: int, size: int = 12, rule: Any = lattice) -> Line:
    """A lattice point with a direction and a cotangent of small odd integers."""
    rng = np.random.default_rng(seed)
    at = rule(rng_for(seed, "x"), (size,))
    dy = rng.choice([-7.0, -5.0, -3.0, -1.0, 1.0, 3.0, 5.0, 7.0], np.size(f(at)))
    return Line(f, at, direction_for(rng, size), dy)


def exactly(a: Any, b: Any) -> Fraction:
    return sum((Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a, b, strict=True)), Fraction(0))


def pooled(x: Any) -> Any:
    return x.reshape(3, 4).max(1)


def pooled_jvp(x: Any, v: Any) -> Any:
    return np.take_along_axis(v.reshape(3, 4), x.reshape(3, 4).argmax(1)[:, None], 1)[:, 0]


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


DYADIC: dict[str, tuple[Any, Any]] = {
    "dense": (lambda x: W @ x + 0.5, lambda x, v: [float(exactly(row, v)) for row in W]),
    "relu": (relu, lambda x, v: (x > 0) * v),
    "max pooling": (pooled, pooled_jvp),
    "mean pooling": (lambda x: x.reshape(3, 4).mean(1), lambda x, v: v.reshape(3, 4).sum(1) / 4),
    "relu of dense": (lambda x: relu(W @ x), lambda x, v: (W @ x > 0) * (W @ v)),
    "identity": (lambda x: x, lambda x, v: v),
}


@pytest.mark.parametrize("rule", [lattice, integers])
@pytest.mark.parametrize("name", DYADIC)
def test_a_layer_of_sums_products_and_maxima_is_exact(name: str, rule: Any) -> None:
    f, jvp = DYADIC[name]
    answered = 0
    for seed in range(12):
        line = line_of(f, seed, rule=rule)
        found = exact(line)
        if found is not None:
            truth = exactly(line.dy, jvp(line.at, line.direction))
            assert (Fraction(found.value), found.bound, found.how) == (truth, 0.0, "exact")
            assert abs(truth * (1 + Fraction(1, 2**40)) - Fraction(found.value)) > found.bound or truth == 0
            answered += 1
    assert answered >= 8


ROUNDED: dict[str, Any] = {
    "a third": lambda x: x / 3,
    "a mean of three": lambda x: x.reshape(4, 3).mean(1),
    "a slope of 0.01": lambda x: np.where(x > 0, x, 0.01 * x),
    "float32": in_precision(np.float32, lambda x: x * np.float32(0.75)),
    "float32 sums": in_precision(np.float32, lambda x: W.astype(np.float32) @ x),
    "float16": in_precision(np.float16, lambda x: x),
    "beside 1e9": lambda x: x - 1e9,
    "one entry beside 1e9": lambda x: np.append(x, x[0] + 1e9),
    "beside 1e16": lambda x: x + 1e16,
    "lost in 1e12": lambda x: (x + 1e12) - 1e12 + x / 7,
    "square": lambda x: x * x,
    "cube": lambda x: x**3,
    "a product of two": lambda x: x[:6] * x[6:],
    "abs at 0": lambda x: np.abs(x - x.round(1)),
    "not a number": lambda x: np.where(x > 0, x, np.nan),
    "infinite": lambda x: np.append(x, np.inf),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_where_anything_was_rounded_or_bent_there_is_no_exact_answer(name: str) -> None:
    for seed in range(60):
        assert exact(line_of(ROUNDED[name], seed)) is None


@pytest.mark.parametrize("known", [k for k in SMOOTH if k.name != "dense"], ids=lambda known: known.name)
def test_a_smooth_function_has_no_exact_answer(known: Any) -> None:
    for seed in range(10):
        assert exact(line_of(known.f, seed, size=6)) is None


def test_numbers_with_all_their_bits_have_none_either() -> None:
    rng = np.random.default_rng(0)
    line = Line(lambda x: W @ x, rng.standard_normal(12), direction_for(rng, 12), np.ones(5))
    assert exact(line) is None


@pytest.mark.parametrize("steps", [0.0, 0.5, 0.99])
def test_a_step_across_a_kink_gives_no_answer(steps: float) -> None:
    across = Line(relu, np.array([steps * 2.0**-20, 1.0]), np.array([64.0, 3.0]), np.array([3.0, 5.0]))
    assert exact(across) is None


@pytest.mark.parametrize(("side", "slope"), [(1.0, 1.0), (-1.0, 0.0)])
def test_a_step_short_of_a_kink_gives_one(side: float, slope: float) -> None:
    beside = Line(relu, np.array([side * 2.0**-19, 1.0]), np.array([64.0, 3.0]), np.array([3.0, 5.0]))
    found = exact(beside)
    assert found is not None
    assert found.value == 3 * 64 * slope + 15


def test_a_kink_that_looks_the_same_from_both_sides_gives_no_answer() -> None:
    assert exact(Line(np.abs, np.array([0.0, 1.0]), np.array([3.0, 5.0]), np.ones(2))) is None


@pytest.mark.parametrize("exponent", [-140, -40, -30, 0, 40, 130, 1000])
def test_no_size_of_the_numbers_disturbs(exponent: int) -> None:
    for f in (lambda x: 2 * x, np.sqrt, np.reciprocal, np.log):
        line = Line(f, np.array([2.0**exponent]), np.array([3.0]), np.array([5.0]), f(np.array([2.0**exponent])))
        found = exact(line)
        assert found is None or found.value == 30.0


def test_a_large_point_takes_a_large_step() -> None:
    found = exact(Line(lambda x: 0.75 * x, np.array([3e6, -7.0]), np.array([513.0, 0.0]), np.array([1.0, 1.0])))
    assert found is not None
    assert found.value == 0.75 * 513


@pytest.mark.parametrize(
    ("values", "spare"),
    [
        ([0.75, -3.0, 0.0], True),
        ([1 / 3], False),
        ([1.0, 1 / 3], False),
        ([1 + 2.0**-48], True),
        ([1 + 2.0**-49], False),
        ([1 + 2.0**-52], False),
        ([3, 2**40 + 1], True),
        ([np.inf], False),
        ([np.nan], False),
        ([], True),
    ],
)
def test_spare_bits(values: list[float], spare: bool) -> None:
    assert has_spare_bits(np.array(values)) is spare


def test_a_sum_of_products_is_rounded_once() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 7, 100):
        a, b = (rng.standard_normal(size) * 10.0 ** rng.integers(-12, 12, size) for _ in range(2))
        a, b = np.append(a, -a[0] * (1 + 2e-16)), np.append(b, b[0])
        assert exact_dot(a, b) == float(exactly(a, b))
    assert exact_dot(np.empty(0), np.empty(0)) == 0


def test_plain_sums_of_products_are_not() -> None:
    a, b = np.array([1e16, 1.0, -1e16]), np.ones(3)
    assert exact_dot(a, b) == 1.0 != float(np.dot(a, b))


def test_directions_are_odd_integers_of_ten_bits_and_many_sizes() -> None:
    direction = direction_for(np.random.default_rng(0), 4000)
    assert np.all(np.abs(direction) % 2 == 1)
    assert np.all((np.abs(direction) > 512) & (np.abs(direction) < 1024))
    assert np.unique(np.abs(direction)).size == 256
    assert 0.45 < np.mean(direction > 0) < 0.55


def test_more_numbers_than_are_taken_at_a_time() -> None:
    many = np.ones(BLOCK + 3)
    assert has_spare_bits(many)
    assert exact_dot(many, many) == BLOCK + 3
    for place in (0, BLOCK - 1, BLOCK, BLOCK + 2):
        one = many.copy()
        one[place] = 1 / 3
        assert not has_spare_bits(one)


def test_products_too_large_to_be_split_add_nothing_of_their_own() -> None:
    with np.errstate(all="ignore"):
        assert exact_dot(np.array([2.0**1000, -(2.0**1000)]), np.ones(2)) == 0


@pytest.mark.parametrize(
    ("at", "direction", "step"),
    [([0.0], [1.0], 1.0), ([1.5], [1.0], 2.0), ([-4.0], [1.0], 4.0), ([0.25, 4.0], [1.0, 0.0], 0.25)],
)
def test_the_step_is_a_share_of_the_size_of_what_is_moved(at: Any, direction: Any, step: float) -> None:
    line = Line(lambda x: 3 * x[:1], np.array(at), np.array(direction), np.ones(1))
    for sides in (True, False):
        found = exact_difference(line, both_sides=sides)
        assert found is not None
        assert (found.step, found.rise.tolist(), found.evidence) == (step * STEP, [6 * step * STEP], np.inf)
    half = exact_difference(line, share=STEP / 2)
    assert half is not None
    assert half.step == step * STEP / 2


def test_a_sum_that_overflows_on_the_way() -> None:
    most = np.full(3, 1e8)
    assert exact_dot(np.array([1e300, 1e300, -1e300]), most) == 1e308
    assert exact_dot(np.array([1e300, 1e300, 1e300]), most) == np.inf


def watched(f: Any, at: Any, **known: Any) -> tuple[Line, list[Any]]:
    """A line along ones, and how far from the point its function is asked."""
    at, asked = np.array(at), []

    def watching(x: Any) -> Any:
        asked.append(float(x[0] - at[0]))
        return f(x)

    return Line(watching, at, np.ones(at.size), np.ones(np.size(f(at))), f(at), **known), asked


def test_the_share_is_that_of_the_step() -> None:
    for share in (STEP, STEP / 4):
        line, asked = watched(lambda x: 3 * x, [1.5])
        found = exact(line, share)
        assert found is not None
        assert asked[:2] == [2 * share, -2 * share]


def test_bits_that_are_known_are_believed_and_not_asked_for() -> None:
    for known, forwards, answered in ((None, 3, True), (53, 2, True), (24, 2, False)):
        line, asked = watched(lambda x: 3 * x, [1.5], known_bits=known)
        assert (exact(line) is not None) is answered
        assert len(asked) == forwards


def test_an_output_that_does_not_move_tells_no_bits() -> None:
    found = exact(Line(lambda x: np.append(0.75 * x, 0.25), np.array([1.5]), np.ones(1), np.ones(2)))
    assert found is not None
    assert found.value == 0.75


FEW_BITS_LEFT = 1 + 2.0**-44  # not so many zero bits that they cannot be chance


def test_where_few_outputs_move_larger_steps_have_to_agree() -> None:
    for outputs, forwards in ((1, 8), (FEW - 1, 8), (FEW, 2)):
        line, asked = watched(lambda x, outputs=outputs: np.repeat(x, outputs), [FEW_BITS_LEFT])
        found = trusted_difference(line)
        assert found is not None
        assert found.rise.tolist() == [2 * found.step] * outputs
        assert asked == [side * times * 2 * STEP for times in (1, 8, 64, 512)[: forwards // 2] for side in (1, -1)]


def test_what_bends_within_larger_steps_is_no_slope_where_few_outputs_move() -> None:
    for times, trusted in ((4, False), (32, False), (256, False), (1024, True)):
        line, _ = watched(lambda x, times=times: np.minimum(x, FEW_BITS_LEFT + times * 2 * STEP), [FEW_BITS_LEFT])
        assert exact_difference(line) is not None
        assert (trusted_difference(line) is not None) is trusted
        line, _ = watched(lambda x, times=times: np.minimum(x, 1 + times * 2 * STEP), [1.0])  # all bits are zero
        assert trusted_difference(line) is not None


def test_what_is_left_of_the_rounding_of_1_is_no_exact_output() -> None:
    line, _ = watched(lambda x: 1 - np.tanh(x), [17.0])
    found = exact_difference(line)
    assert found is not None
    assert found.plainly
    assert trusted_difference(line) is None


def test_a_first_side_that_was_rounded_spares_the_other() -> None:
    asked: list[float] = []

    def thirds_beside_the_point(x: Any) -> Any:
        asked.append(float(x[0]))
        return x if x[0] == 1 else x / 3

    assert exact_difference(Line(thirds_beside_the_point, np.ones(1), np.ones(1), np.ones(1))) is None
    assert asked == [1.0, 1 + STEP]
