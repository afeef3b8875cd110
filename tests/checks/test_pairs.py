"""Pairs of output and entry at a kink: the claim beside the one-sided slopes, down to the smallest steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad import check
from cnngrad.checks import pairs
from cnngrad.checks.check import finding
from cnngrad.checks.pairs import (
    SAMPLES,
    Pairs,
    _entries,
    _not_wrong,
    _refused,
    _wrong_entry,
    _wrong_tie,
    judge_pairs,
)
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from tests.checks.judging import claim_at, layer_of

# From the smallest steps to the point.


def ramp(half: float, slope: float) -> Layer:
    """A kink at 0 on a ramp that is steep from ``-half`` to ``half`` only; at 0 the backward claims some slope."""

    def vjp(x: Any) -> Any:
        y = np.maximum(x + half, 0) - np.maximum(x - half, 0) + np.maximum(x, 0)
        beside = (x > -half) * 1.0 - (x > half) + (x > 0)
        return y, lambda dy: (dy * np.where(x == 0, slope, beside),)

    return Layer(vjp, ("x",), "ramp", shapes={"x": (3,)})


def judged(half: float, slope: float) -> Result:
    """At the point itself, the first that is looked at."""
    layer, x = ramp(half, slope), np.array([0.0, 0.75, -0.5])
    return check(layer, x, select=("gradients_match_forward",), raise_on_failure=False).results[0]


@pytest.mark.parametrize("half", [2.0**-28, 2.0**-30])
def test_kinks_nearer_than_the_first_steps_are_seen(half: float) -> None:
    statuses = [str(judged(half, slope).status) for slope in (-0.5, 1.0, 1.5, 2.0, 2.5)]
    assert statuses == ["failed", "passed", "passed", "passed", "failed"]


NEARER = "a kink lies nearer to this point than any step that numbers of this size allow"


@pytest.mark.parametrize("slope", [-0.5, 2.0, 2.5, 5.0])
def test_kinks_as_near_as_the_smallest_steps_leave_it_open(slope: float) -> None:
    """A slope that only they would refute is not called wrong, and one that they cannot tell is not called right."""
    found = judged(2.0**-34, slope)
    assert found.status == "inconclusive"
    assert found.reason == NEARER


def seen(claimed: Any, low: Any, high: Any, kinked: Any = None, convex: Any = None) -> Pairs:
    """What was seen of the first outputs and entries; of those with a kink, convex ones if nothing else is said."""
    shape = np.shape(claimed)
    kinked = np.zeros(shape, dtype=bool) if kinked is None else np.array(kinked, dtype=bool)
    return Pairs(
        np.arange(shape[0]),
        np.arange(shape[1]),
        np.array(claimed, dtype=float),
        np.array(low, dtype=float),
        np.array(high, dtype=float),
        kinked,
        kinked if convex is None else np.array(convex, dtype=bool),
    )


def test_what_the_smallest_steps_leave_open_is_told_of_every_entry_and_what_they_refute_is_wrong() -> None:
    """Of four entries: open, allowed by the smallest steps for a reason, open again, and refuted or right."""
    x = np.zeros(4)
    half = np.array([2.0**-34, 2.0**-28, 2.0**-34, 2.0**-28])

    def vjp(x: Any) -> Any:
        y = np.maximum(x + half, 0) - np.maximum(x - half, 0) + np.maximum(x, 0)
        return y, lambda dy: (dy * np.array([2.0, 2.0, 2.0, 2.5]),)

    claim = claim_at(layer_of(vjp, shapes={"x": (4,)}), x)
    eye = np.eye(4)
    looked_at = seen(np.diag([2.0, 2.0, 2.0, 2.5]), 0 * eye, eye, kinked=eye)
    wrong = _wrong_entry(claim, "x", looked_at)
    assert wrong is not None
    assert (wrong.status, wrong.index, wrong.analytic) == (Status.FAILED, (3,), 2.5)
    unclear = seen(np.diag([2.0, 2.0, 0.5, 2.0]), 0 * eye, eye, kinked=eye)
    assert _wrong_entry(claim, "x", unclear) == finding(Status.INCONCLUSIVE, input="x", reason=NEARER)
    known = seen(np.diag([1.0, 2.0, 0.0, 2.0]), 0 * eye, eye, kinked=eye)
    assert _wrong_entry(claim, "x", known) is None


@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_a_slope_at_the_border_of_what_the_smallest_steps_allow_is_right(slope: float) -> None:
    claim = claim_at(ramp(2.0**-28, slope), np.zeros(3))
    looked_at = seen([[slope]], [[5.0]], [[6.0]], kinked=[[True]])
    assert _wrong_entry(claim, "x", looked_at) is None


# Ties.


def a_saddle_and_two_maxima(x: Any) -> Any:
    rows = np.array([np.sign(x) * [1, -1, 0], np.eye(3)[x[:2].argmax()], np.eye(3)[x.argmax()]])
    return np.array([abs(x[0]) - abs(x[1]), x[:2].max(), x.max()]), lambda dy: (dy @ rows,)


def test_the_sum_over_each_tie_is_paid_once() -> None:
    """A saddle before them has kinks of both kinds, whose slopes have no sum to be held against."""
    claim = claim_at(layer_of(a_saddle_and_two_maxima), np.zeros(3))
    low, high = [[-1, -1, 0], [0, 0, 0], [0, 0, 0]], [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    convex = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    for first, second, total in (
        ((1, 0), (0, 0, 1), None),
        ((0.5, 0.5), (0.1, 0.2, 0.7), None),
        ((1, 0), (1, 1, 0), 2),
    ):
        claimed = [[1, 1, 0], [*first, 0], second]
        wrong = _wrong_tie(claim, "x", seen(claimed, low, high, high, convex))
        assert (wrong and wrong.analytic) == total
    assert wrong is not None
    assert (wrong.index, wrong.numeric, wrong.bound) == ((0,), pytest.approx(1.0), pytest.approx(0.0, abs=1e-9))
    assert wrong.reason == "the sum over the 3 tied entries of output entry 2, of which this is the first"


# Failures, and what keeps them from being one.


def test_a_failure_names_the_entry_of_its_own_input() -> None:
    def vjp(v: Any, x: Any) -> Any:
        return np.array([np.maximum(x[1, 0], 0)]), lambda dy: (0 * v, dy * np.array([[0.0, 0], [x[1, 0] > 0, 0]]))

    claim = claim_at(layer_of(vjp, ("v", "x"), shapes={"v": (2,), "x": (2, 2)}), np.ones(2), np.zeros((2, 2)))
    looked_at = replace(seen([[0, 2]], [[0, 0]], [[0, 1]], [[False, True]]), entries=np.array([2, 4]))
    assert _refused(claim, "x", looked_at, 0, 1, 2.0, (0.25, 1.25), "too large") == finding(
        Status.FAILED,
        input="x",
        entries=4,
        how="one-sided",
        index=(1, 0),
        analytic=2.0,
        numeric=0.75,
        bound=0.5,
        reason="too large",
    )


def test_only_the_entries_with_a_kink_say_whether_there_are_several() -> None:
    def vjp(x: Any) -> Any:
        return np.array([0.0]), lambda dy: (dy * np.array([1e-5 * (x[0] > 0), 21 * x[1] ** 20]),)

    claim = claim_at(layer_of(vjp, shapes={"x": (2,)}), np.array([0.0, 1.0]))
    looked_at = seen([[2e-5, 21]], [[0, 21]], [[1e-5, 21]], [[True, False]])
    assert _refused(claim, "x", looked_at, 0, 0, 2e-5, (0, 1e-5), "").status == Status.FAILED


# Which entries are looked at, and what is said of them.


def test_the_entries_of_a_small_input_are_all_looked_at_and_of_a_large_one_those_that_matter() -> None:
    both = np.vstack([np.eye(20), -np.eye(20)])  # under equal weights the two rows of an entry cancel

    def vjp(u: Any, x: Any, v: Any) -> Any:
        return both @ x, lambda dy: (0 * u, both.T @ dy, 0 * v)

    inputs = {"u": (SAMPLES,), "x": (20,), "v": (3,)}
    claim = claim_at(layer_of(vjp, tuple(inputs), shapes=inputs), *(np.ones(shape) for shape in inputs.values()))
    found = {name: _entries(claim, name, np.array([3, 23, 7])) - claim.at.slices[name].start for name in inputs}
    assert found["x"].tolist() == [3, 7]
    assert found["u"].tolist() == list(range(SAMPLES)), "though it is said to be constant"
    assert found["v"].tolist() == [0, 1, 2]


NOTHING: list[list[float]] = [[], []]


@pytest.mark.parametrize(
    ("looked_at", "status", "reason", "detectable"),
    [
        ([seen([[0.5, -1]], [[0.25, -1.5]], [[0.75, -1]])], "passed", "", 0.5),
        (
            [seen([[0.5, -0.25]], [[0, -0.5]], [[0.5, 0]])],
            "inconclusive",
            "its largest entry, 0.5, is below the smallest visible error, 0.5",
            None,
        ),
        (
            [seen(NOTHING, NOTHING, NOTHING)],
            "inconclusive",
            "its largest entry, 0, is below the smallest visible error, 0",
            None,
        ),
        (
            [seen([[0.25]], [[0]], [[1]], [[True]])],
            "passed",
            "kinks met: 1; 0.25 taken where the slopes go from 0 to 1",
            0,
        ),
        (
            [seen([[0.25, 0.25]], [[0, 0]], [[1, 0.5]], [[True, False]])],
            "passed",
            "kinks met: 1; 0.25 taken where the slopes go from 0 to 1",
            0.5,
        ),
        (
            [seen([[0, 2]], [[0, 2]], [[1, 4]], [[True, False]]), seen([[1]], [[0]], [[1]], [[True]])],
            "passed",
            "kinks met: 2; 0, 1 taken where the slopes go from 0 to 1",
            2,
        ),
    ],
)
def test_what_is_not_wrong_passes_if_it_says_anything(
    looked_at: list[Pairs], status: str, reason: str, detectable: float | None
) -> None:
    assert _not_wrong("x", looked_at) == finding(Status(status), input="x", reason=reason, detectable=detectable)


def sums(x: Any) -> Any:
    """``|a| + |b|`` of each row."""
    return np.abs(x).sum(axis=1), lambda dy: (np.sign(x) * dy[:, None],)


TOO_LARGE = "several kinks met at this point; it is too large to look at every pair of output and input"


@pytest.mark.parametrize(("limit", "most"), [("MOST_OUTPUTS", 6), ("MOST_ENTRIES", 12)])
def test_all_outputs_are_looked_at_up_to_a_limit(monkeypatch: pytest.MonkeyPatch, limit: str, most: int) -> None:
    claim, outputs = claim_at(layer_of(sums, shapes={"x": (6, 2)}), np.zeros((6, 2))), np.arange(6)
    monkeypatch.setattr(pairs, limit, most)
    found = judge_pairs(claim, "x", outputs)
    assert (found.status, found.input) == (Status.PASSED, "x")
    assert found.reason == "kinks met: 12; 0 taken where the slopes go from -1 to 1"
    monkeypatch.setattr(pairs, limit, most - 1)
    assert judge_pairs(claim, "x", outputs) == finding(Status.INCONCLUSIVE, input="x", reason=TOO_LARGE)
