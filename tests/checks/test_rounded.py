"""What rounding of a lower precision can explain: each bound by itself, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.calling import Call, call
from cnngrad.checks.rounded import (
    TINY,
    _largest,
    _lasting,
    _met_by_chance,
    _nudged,
    _result,
    _unsaturated,
    _wobble,
    held_against,
    inputs_as,
)
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.line import EPS
from tests.checks.judging import elementwise, layer_of

SINGLE = 2.0**-23
REASON = "not what float64 gives"
SHORT = np.array([1.0, -3.0, 0.5, 2.0])
LONG = 5 / np.array([3.0, -7.0, 11.0, 13.0])  # full mantissas, so nothing is computed without rounding

triple = elementwise(lambda x: 3 * x, lambda x: 3.0)
square = elementwise(lambda x: x * x, lambda x: 2 * x)
step = elementwise(np.floor, np.zeros_like)
no_gradient = elementwise(lambda x: 3 * x, np.zeros_like)
labelled = layer_of(
    lambda rows, x: (3 * x[rows], lambda dy: (None, 3 * np.bincount(rows, dy, x.size))),
    ("rows", "x"),
    constants=("rows",),
)
ROWS = np.array([2, 0, 0])


def called(layer: Layer, *arrays: Any) -> tuple[Evaluation, Call]:
    """The layer's call, with another cotangent than the point's own."""
    at = Evaluation(layer, point_from_arrays(layer, arrays, {}, Case(values="integers")))
    own = call(at, at.point.inputs)
    return at, call(at, at.point.inputs, own.dy + 10)


def off_by(results: dict[str, Array], **errors: Any) -> dict[str, Array]:
    return {name: value + errors.get(name, 0.0) for name, value in results.items()}


class Lower:
    """A lower precision that is off by other errors at every call, and knows what it was called with."""

    def __init__(self, at: Evaluation, *errors: Any) -> None:
        self.at, self.errors = at, errors
        self.seen: list[tuple[Sequence[Any], Array]] = []

    def __call__(self, inputs: Sequence[Any], dy: Array) -> dict[str, Array]:
        x = self.errors[len(self.seen) % len(self.errors)]
        self.seen.append((inputs, dy))
        return off_by(call(self.at, inputs_as(np.float64, inputs), dy).results, x=x)


def test_every_number_is_nudged_by_a_share_of_its_own() -> None:
    values = np.linspace(-2, 2, 1000)
    share = _nudged(np.random.default_rng(0), values, 0.25) / values - 1
    assert -0.25 <= share.min() < -0.2
    assert 0.2 < share.max() <= 0.25
    assert np.unique(share).size == 1000
    assert np.shape(_nudged(np.random.default_rng(0), 2.0, 0.25)) == ()


def test_inputs_are_cast_but_for_whole_numbers() -> None:
    found = inputs_as(np.float32, [np.array([1, 2]), np.ones(2), 3.0])
    assert [value.dtype for value in found] == [np.int64, np.float32, np.float32]


def test_the_largest_of_nothing_is_zero() -> None:
    assert _largest(np.empty(0)) == 0
    assert _largest(np.array([1.0, -2.0, np.nan])) == 2


def test_a_result_names_the_worst_entry_and_counts_those_beyond_the_bound() -> None:
    true = np.array([[0.25, -0.5], [0.125, 0.0]])
    facts: dict[str, Any] = {"input": "x", "entries": 4, "how": "float64", "bound": 0.25}
    worst = {"index": (1, 0), "analytic": -0.875, "numeric": 0.125}
    found = true + np.array([[0.0, 0.25], [-1.0, 0.5]])
    failed = Result("", "", Status.FAILED, reason=REASON, differing=2, **worst, **facts)
    assert _result("x", true, found, 0.25, REASON) == failed
    passed = Result("", "", Status.PASSED, detectable=0.25, scale=0.5, **facts)
    assert _result("x", true, true + 0.25, 0.25, REASON) == passed
    unknown = _result("x", true, np.where(true == 0.125, np.nan, true), 0.25, REASON)
    assert (unknown.status, unknown.index, unknown.differing) == (Status.FAILED, (1, 0), 1)
    assert _result("x", np.empty(0), np.empty(0), 0.0, REASON).scale == 0


def test_a_wobble_is_how_far_results_move_with_their_inputs() -> None:
    at, exact = called(triple, SHORT)
    found = _wobble(at, exact, 2.0**-10, 8)
    for name, largest in (("output", 9.0), ("x", 3 * np.abs(exact.dy).max())):
        assert 0.5 * 2.0**-10 * largest < found[name] <= 2.0**-10 * largest
    at, exact = called(labelled, ROWS, SHORT)
    assert 0 < _wobble(at, exact, 2.0**-10, 1)["output"] < 9 * 2.0**-10  # labels stay what they are
    at, exact = called(elementwise(lambda x: np.sqrt(1 - x * x), np.ones_like), np.ones(4))
    assert _wobble(at, exact, 2.0**-10, 4)["output"] == np.inf
    at, exact = called(triple, np.empty(0))
    assert _wobble(at, exact, 2.0**-10, 1) == {"output": 0, "x": 0}


def test_unsaturated_gradients_are_told_in_the_size_that_they_have_here() -> None:
    at, exact = called(square, 8 * np.ones(4))
    assert _unsaturated(at, exact) == {"output": 1, "x": 16 * np.abs(exact.dy).max()}


def test_only_what_two_draws_may_have_missed_is_added() -> None:
    at, exact = called(triple, SHORT)
    far = _wobble(at, exact, 8 * SINGLE, 16)
    last = {name: SINGLE / EPS * moved for name, moved in _wobble(at, exact, 2 * EPS, 8).items()}
    for share, floor, kinked, cancelled, mostly in (
        (1.0, 100.0, 0, 0, False),
        (8.0, 100.0, 0, 1, False),  # the last bits of float64 do more: large terms cancel
        (32.0, 100.0, 1, 1, False),  # a step eight times as large does much more: a kink
        (100.0, 100.0, 1, 1, True),
        (1.0, 1e4, 0, 0, False),  # what is unsaturated is much larger
    ):
        wobble = {name: moved / share for name, moved in last.items()}
        extra, names = _met_by_chance(at, exact, wobble, dict.fromkeys(last, floor), SINGLE)
        saturated = 16 * SINGLE * floor if floor == 1e4 else 0
        assert extra == pytest.approx({n: 8 * (far[n] * kinked + last[n] * cancelled) + saturated for n in last})
        assert names == (set(last) if mostly else set())


@pytest.mark.parametrize(
    ("found", "nearby", "expected"),
    [
        (1e-3, [1e-3], True),
        (-1e-3, [-1e-3], True),
        ([0.0, 1e-3, 0.0, 0.0], [[0.0, 1e-3, 0.0, 0.0]], True),
        (1e-3, [1e-3, -1e-3], False),
        (1e-3, [1e-3, 1e-6], False),
        (1e-3, list(1e-3 * np.eye(4)), False),  # always an entry, never the same
        (1e-6, [1e-3], False),
    ],
)
def test_an_error_lasts_if_one_entry_is_off_to_the_same_side_everywhere(
    found: Any, nearby: list[Any], expected: bool
) -> None:
    at, exact = called(triple, SHORT)
    lower = Lower(at, *map(np.array, nearby))
    sharp = {"output": 1e-5, "x": 1e-5}
    assert _lasting(at, exact, off_by(exact.results, x=np.array(found)), sharp, SINGLE, lower) == {
        "output": False,
        "x": expected,
    }
    assert (len(lower.seen) > 5) is expected


def test_what_is_tried_nearby_are_numbers_of_float32() -> None:
    at, exact = called(labelled, ROWS, SHORT)
    lower = Lower(at, 1.0)
    assert _lasting(at, exact, off_by(exact.results, x=1.0), {"x": 0.5}, SINGLE, lower) == {"x": True}
    shares = []
    for (rows, x), dy in lower.seen:
        assert np.array_equal(rows, ROWS)
        assert (x.dtype, dy.dtype) == (np.float32, np.float64)
        assert np.array_equal(dy, dy.astype(np.float32))
        shares += [np.append(x / SHORT, dy[exact.dy != 0] / exact.dy[exact.dy != 0]) - 1]
    assert 7.5 * SINGLE < np.max(np.abs(shares)) < 8.5 * SINGLE
    assert np.all(np.ptp(shares, axis=0) > SINGLE)


def held(layer: Layer, x: Array, found: Any, nearby: Any = None) -> dict[str, Result]:
    """The results for a lower precision with an error in each gradient, here and nearby."""
    at, exact = called(layer, x)
    lower = Lower(at, found if nearby is None else nearby)
    results = held_against(at, exact, off_by(exact.results, x=found), SINGLE, REASON, lower)
    return {result.input: result for result in results}


def test_where_nothing_is_rounded_one_entry_in_eight_is_held_to_the_last_bits() -> None:
    for size, entries in ((4, 1), (8, 2)):
        x = np.resize(SHORT, size)
        _, exact = called(triple, x)
        last = 4 * SINGLE * _largest(exact.results["x"])
        few = np.where(np.arange(size) < entries, 1.0, 0.0)
        for error, bound, status in (
            (0.0, 0.0, "passed"),
            (last * few, last, "passed"),
            (2 * last * few, last, "failed"),
        ):
            judged = held(triple, x, error)
            assert {name: (str(result.status), result.bound) for name, result in judged.items()} == {
                "output": ("passed", 0.0),
                "x": (status, bound),
            }
        assert judged["x"].reason == REASON
        more = np.where(np.arange(size) <= entries, last, 0.0)
        assert (held(triple, x, more)["x"].bound or 0) > 2 * last


def test_bounds_are_made_of_the_largest_entry_and_of_what_moves_with_the_inputs() -> None:
    at, exact = called(triple, LONG)
    wobble, floors = _wobble(at, exact, SINGLE, 2), _unsaturated(at, exact)
    extra, _ = _met_by_chance(at, exact, wobble, floors, SINGLE)
    sixteen = {name: 16 * SINGLE * _largest(value) for name, value in exact.results.items()}
    sharp = {name: sixteen[name] + 2 * wobble[name] + TINY for name in wobble}
    farther = {name: sharp[name] + SINGLE * floors[name] for name in wobble}
    wide = {name: max(farther[name], sixteen[name] + 8 * wobble[name] + extra[name]) for name in wobble}
    between = (farther["x"] + wide["x"]) / 2
    assert farther["x"] < wide["x"]
    for error, nearby, bounds, status in (
        (0.5 * sharp["x"], None, sharp, "passed"),
        (between, None, {**wide, "x": farther["x"]}, "failed"),  # it stays at every point nearby
        (between, 0.0, wide, "passed"),
        (1.1 * wide["x"], 0.0, wide, "failed"),
    ):
        judged = held(triple, LONG, error, nearby)
        assert {name: result.bound for name, result in judged.items()} == pytest.approx(bounds), (error, nearby)
        assert (str(judged["output"].status), str(judged["x"].status)) == ("passed", status)
        assert judged["x"].reason == (REASON if status == "failed" else "")


def test_a_number_too_small_for_the_precision_is_no_error() -> None:
    assert held(no_gradient, LONG, 1e-39)["x"].bound == TINY
    assert str(held(no_gradient, LONG, 1e-37)["x"].status) == "failed"


def test_a_step_on_the_brink_of_which_the_point_lies_may_be_taken() -> None:
    at, exact = called(step, np.full(4, 1 - 4 * SINGLE))
    lower = Lower(at, 0.0)
    (output, _) = held_against(at, exact, off_by(exact.results, output=1.0), SINGLE, REASON, lower)
    assert (str(output.status), output.bound) == ("passed", 8.0)


def test_what_only_one_side_returns_is_not_compared() -> None:
    at, exact = called(triple, LONG)
    for found in ({"output": exact.output}, {"output": exact.output, "x": np.ones(3)}):
        (result,) = held_against(at, exact, found, SINGLE, REASON, Lower(at, 0.0))
        assert (result.input, str(result.status)) == ("output", "passed")


def test_a_result_without_entries_is_as_large_as_nothing() -> None:
    assert _largest(np.empty((0, 3))) == 0
    assert _largest(np.array([[1.0, -3.0]])) == 3
