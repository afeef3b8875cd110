"""The complex step: exact to rounding for analytic code, no answer from code that refuses, NumPy left as it was."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Line
from cnngrad.differentiation.complex_step import ASIDE, SMALL, STEP, _cancelled, complex_buffers, complex_step
from cnngrad.differentiation.line import EPS
from tests.differentiation.functions import SMOOTH, Known, at_scales, inside

AT, V, DY = np.array([0.3, -0.7, 1.1]), np.array([1.0, -2.0, 3.0]), np.array([3.0, 5.0, -7.0])
ORIGINALS = (np.zeros, np.empty, np.ones, np.full)


def numpy_is_restored() -> bool:
    return (np.zeros, np.empty, np.ones, np.full) == ORIGINALS


@pytest.mark.parametrize(("known", "scale"), at_scales(*SMOOTH))
def test_analytic_code_is_right_to_rounding(known: Known, scale: float) -> None:
    for seed in range(3):
        line = known.line(scale, seed)
        found = complex_step(line)
        assert found is not None
        terms = known.terms(line)
        # The forward's own conditioning: the argument is rounded, and so is every output.
        slack = 64 * 2e-16 * max(1.0, np.log(1 + scale)) * float(np.max(np.abs(known.gradient(line))) or 1.0)
        assert abs(found.value - float(np.sum(terms))) <= found.bound + slack
        wrong = float(np.sum(terms)) + 1e-9 * float(np.max(np.abs(terms)))
        assert not inside(wrong, found, terms) or scale not in known.sharp


def test_the_bound_is_that_of_the_terms_of_the_outputs_and_of_the_step() -> None:
    at, direction, dy = np.array([0.0, 0.0]), np.array([0.5, 0.5]), np.array([3.0, 2.0])
    found = complex_step(Line(lambda x: x + 4, at, direction, dy))
    assert found is not None
    assert found.value == 2.5
    # 64 roundings of the terms (1.5, 1), 4 of the outputs (12, 8) over a step of 2.
    expected = EPS * (64 * np.hypot(1.5, 1) + 4 * np.hypot(12, 8) / 2)
    assert found.bound == pytest.approx(expected, rel=1e-12, abs=0)
    still = complex_step(Line(lambda x: x * 0, at, direction, dy))
    assert still is not None
    assert (still.value, still.bound, still.how) == (0.0, 2.0**-100, "complex step")


def buffered(dtype: Any = None, make: Any = None) -> Any:
    """Tanh by way of a buffer made as people make them."""

    def f(x: Any) -> Any:
        y = make(x.shape) if make else np.zeros(x.shape, **({} if dtype is None else {"dtype": dtype}))
        for i, value in enumerate(x):
            y[i] = np.tanh(value)
        return y

    return f


BUFFERS: dict[str, Any] = {
    "zeros": buffered(),
    "zeros, float": buffered(float),
    "zeros, np.float64": buffered(np.float64),
    "zeros, 'float64'": buffered("float64"),
    "zeros, float by position": buffered(make=lambda shape: np.zeros(shape, float)),
    "zeros, order": buffered(make=lambda shape: np.zeros(shape, np.float64, "F")),
    "empty": buffered(make=lambda shape: np.empty(shape)),
    "ones": buffered(make=lambda shape: np.ones(shape)),
    "full": buffered(make=lambda shape: np.full(shape, 2.0)),
    "full, float": buffered(make=lambda shape: np.full(shape, 2, dtype=float)),
    "full, float by position": buffered(make=lambda shape: np.full(shape, 2, np.float64)),
    "zeros_like": buffered(make=lambda shape: np.zeros_like(np.zeros(shape))),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_buffers_take_complex_numbers(name: str) -> None:
    found = complex_step(Line(BUFFERS[name], AT, V, DY))
    assert found is not None
    assert abs(found.value - float(np.sum(DY * V / np.cosh(AT) ** 2))) <= found.bound < 1e-12
    assert numpy_is_restored()


@pytest.mark.parametrize("dtype", [np.float32, "float16"])
def test_buffers_of_a_short_precision_are_left_alone_and_refuse(dtype: Any) -> None:
    assert complex_step(Line(buffered(dtype), AT, V, DY)) is None


def test_counters_and_masks_stay_what_they_are() -> None:
    seen = []

    def f(x: Any) -> Any:
        counts, mask, twos = np.zeros(3, int), np.zeros(3, dtype=bool), np.full(3, 2)
        seen.append((counts.dtype.kind, mask.dtype.kind, twos.dtype.kind))
        return x[counts + np.arange(3)] * ~mask * twos

    found = complex_step(Line(f, AT, V, DY))
    assert found is not None
    assert found.value == pytest.approx(2 * np.dot(V, DY), rel=1e-15)
    assert seen == [("i", "b", "i")] * 2


REFUSING: dict[str, Any] = {
    "math of Python": lambda x: np.array([float(value) for value in x]),
    "casts": lambda x: x.astype(np.float64),
    "casts a part": lambda x: x + x.astype(np.float64),
    "floor": lambda x: np.floor(x),
    "raises": lambda x: 1 / 0 if np.iscomplexobj(x) else x,
    "gives real numbers": lambda x: np.abs(x),
    "drops the imaginary part": lambda x: x.real * 2,
    "another size": lambda x: np.append(x, 1.0) if np.iscomplexobj(x) else x,
    "not finite": lambda x: x / 0 if np.iscomplexobj(x) else x,
    "short precision": lambda x: x.astype(np.complex64) if np.iscomplexobj(x) else x.astype(np.float32),
    "exits on its own": lambda x: np.linalg.cholesky(x) if np.iscomplexobj(x) else x,
}


@pytest.mark.parametrize("name", REFUSING)
def test_code_that_takes_no_complex_numbers_gives_no_answer(name: str) -> None:
    line = Line(REFUSING[name], AT, V, DY, AT if name != "another size" else None)
    assert complex_step(line) is None
    assert numpy_is_restored()


def test_what_interrupts_goes_through_and_numpy_is_restored_all_the_same() -> None:
    def interrupted(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complex_step(Line(interrupted, AT, V, DY, AT))
    assert numpy_is_restored()


def test_buffers_are_complex_only_while_asked_for() -> None:
    with complex_buffers():
        assert np.zeros(2).dtype == np.complex128
        assert np.zeros(2, np.float32).dtype == np.float32
        assert np.full(2, 3).dtype.kind == "i"
        assert np.full(2, 3.0).dtype == np.complex128
        assert np.full(2, fill_value=3).dtype.kind == "i"
        assert np.full(2, fill_value=3.0).dtype == np.complex128
    assert np.zeros(2).dtype == np.float64
    assert numpy_is_restored()


def test_abs_and_var_are_silently_wrong() -> None:
    """Why an answer counts only beside real differences."""
    for f, truth in (
        (lambda x: x * np.abs(x), 2 * np.abs(AT) * V),
        (lambda x: x - x + np.var(x), 2 * np.mean((AT - AT.mean()) * V) * np.ones(3)),
    ):
        found = complex_step(Line(f, AT, V, DY))
        assert found is None or abs(found.value - float(np.dot(DY, truth))) > 0.1


def test_a_kink_is_never_crossed() -> None:
    for at, slope in ((1e-300, 1.0), (-1e-300, 0.0)):
        found = complex_step(Line(lambda x: np.where(x.real > 0, x, 0), np.array([at]), np.ones(1), np.ones(1)))
        assert found is not None
        assert abs(found.value - slope) <= found.bound < 1e-13


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6])
def test_slopes_that_cancel_inside_are_known_to_their_rounding(size: float) -> None:
    for seed in range(20):
        x, direction, dy = np.random.default_rng(seed).uniform(0.5, 1, (3, 4))
        x *= size
        found = complex_step(Line(lambda at: at - np.tanh(at), x, direction, dy))
        assert found is not None
        assert abs(found.value - float(np.sum(dy * np.tanh(x) ** 2 * direction))) <= found.bound <= 1e-13
        scaled = complex_step(Line(lambda at: 1e-6 * at, x, direction, dy))  # small, and nothing cancels
        assert scaled is not None
        assert scaled.bound <= 1e-19


def test_a_warning_of_other_kinds_and_of_numpy_is_no_refusal() -> None:
    def noisy(x: Any) -> Any:
        warnings.warn("soon", DeprecationWarning, stacklevel=1)
        return np.where(x.real > 1, np.log(x - x), x)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = complex_step(Line(noisy, AT - 1, V, DY, AT - 1))
    assert found is not None
    assert found.value == np.dot(V, DY)


def with_slopes(slopes: Any, at: Any = (1.0,), direction: Any = (1.0,), dy: Any = None, **kwargs: Any) -> Line:
    """A function whose outputs have the slopes that ``slopes`` returns for a move away from the point."""
    at = np.array(at)

    def f(x: Any) -> Any:
        found = np.array(slopes(x.real - at))
        return found * (1j * STEP) if np.iscomplexobj(x) else 0 * found

    y0 = np.zeros(np.size(slopes(0 * at)))
    return Line(f, at, np.array(direction), np.ones(y0.size) if dy is None else np.array(dy), y0, **kwargs)


SLOPE, BEND = 2.0**-20 / 3, 2.0**-30


@pytest.mark.parametrize(("outputs", "luck"), [(1, 9.0), (2, 5.0), (8, 2.0)])
def test_what_cancels_is_twice_what_slopes_aside_differ_by_with_an_allowance_for_few_outputs(
    outputs: int, luck: float
) -> None:
    line = with_slopes(lambda move: [SLOPE + BEND * (move[0] > 0)] * outputs, dy=[3.0] * outputs)
    found = _cancelled(line, np.full(outputs, SLOPE))
    assert found == pytest.approx(2 * luck * 3 * np.sqrt(outputs) * BEND, rel=1e-6, abs=0)
    # An output without a slope is no sample of the rounding.
    line = with_slopes(lambda move: [SLOPE + BEND * (move[0] > 0)] * outputs + [0.0], dy=[3.0] * (outputs + 1))
    assert _cancelled(line, np.array([SLOPE] * outputs + [0.0])) == pytest.approx(found, rel=1e-12, abs=0)


def test_few_bits_that_are_left_of_slopes_are_a_rounding_more() -> None:
    left = 3 * 2.0**-53
    for bend, noise in ((0.0, 0.0), (2.0**-60, 2 * 9 * 3 * 2.0**-60)):
        line = with_slopes(lambda move, bend=bend: [left + bend * (move[0] > 0)], dy=[3.0])
        assert _cancelled(line, np.array([left])) == pytest.approx(noise + 3 * EPS, rel=1e-6, abs=0)


def test_a_step_aside_that_shows_nothing_is_followed_by_a_larger_one() -> None:
    for first in ASIDE:
        line = with_slopes(lambda move, first=first: [SLOPE + (move[0] >= first) * move[0] * BEND])
        assert _cancelled(line, np.array([SLOPE])) == pytest.approx(18 * first * BEND, rel=1e-6, abs=0)
    assert _cancelled(with_slopes(lambda move: [SLOPE]), np.array([SLOPE])) == 0


@pytest.mark.parametrize(
    ("direction", "slope", "looked"), [(2.0**-5, SMALL, 0), (2.0**-5, SMALL / 2, 6), (0.0, 0.0, 0)]
)
def test_only_slopes_far_smaller_than_the_direction_are_looked_into(
    direction: float, slope: float, looked: int
) -> None:
    asked = []
    slopes = np.array([slope * direction])
    line = with_slopes(lambda move: (asked.append(move), slopes)[1], direction=[direction])  # type: ignore[func-returns-value]  # append notes the call
    asked.clear()
    assert _cancelled(line, slopes) == 0
    assert len(asked) == looked


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_where_complex_numbers_are_refused_aside_nothing_is_known(side: float) -> None:
    line = with_slopes(lambda move: [1 / 0 if side * move[0] > 0 else SLOPE])
    assert _cancelled(line, np.array([SLOPE])) == np.inf


def test_neighbours_go_to_opposite_sides_each_by_a_share_of_its_size_and_half_its_room() -> None:
    at, asked = np.array([0.5, 0.25, 2.0, 1.0]), []

    def slopes(move: Any) -> Any:
        asked.append(move)
        return [SLOPE]

    _cancelled(with_slopes(slopes, at, np.ones(4)), np.array([SLOPE]))
    for share, up, down in zip(ASIDE, asked[1::2], asked[2::2], strict=True):
        assert up.tolist() == (-down).tolist()
        assert (up / at / up[0] * at[0]).tolist() == [1, -1, 1, -1]
        assert abs(up[0]) == share * at[0]
    asked.clear()
    first = ASIDE[0] * at  # an entry stays where it has no more than twice its step
    _cancelled(with_slopes(slopes, at, np.ones(4), room=first * [1, 2, 2.25, np.inf]), np.array([SLOPE]))
    assert np.abs(asked[1]).tolist() == (first * [0, 0, 1, 1]).tolist()
    assert (np.abs(asked[3]) > 0).tolist() == [False, False, False, True]


def test_a_unit_vector_does_not_change_along_itself_and_only_moves_out_of_proportion_show_the_rounding() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, dy = rng.uniform(0.5, 1, 4), rng.standard_normal(4)
        found = complex_step(Line(lambda at: at / np.sqrt(np.sum(at * at)), x, x * rng.uniform(0.5, 1), dy))
        assert found is not None
        assert abs(found.value) <= found.bound < 1e-12


def test_no_input_and_no_output_are_no_error() -> None:
    none = np.empty(0)
    for line in (Line(lambda x: x[:0], AT, V, none), Line(lambda x: x[:0] + 0, none, none, none)):
        found = complex_step(line)
        assert found is not None
        assert (found.value, found.bound) == (0, STEP)
    assert _cancelled(Line(lambda x: np.ones(2) + np.sum(x), none, none, np.ones(2)), np.zeros(2)) == 0
