"""Exact verdicts: what passes, what has to be confirmed, and which entry is named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.exactly import Table, _disagreement, _failed, _is_confirmed, _judge, judge_exactly
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.few_bits import NONE
from cnngrad.differentiation.precision import DOUBLE
from tests.checks.judging import claim_at, layer_of
from tests.checks.prepared import claiming


def failed(**facts: Any) -> Result:
    return Result("", "", Status.FAILED, input="x", how="exact", **facts)


def test_a_claim_without_rounding_agrees_in_every_bit() -> None:
    for bits in (DOUBLE, 24):
        result = _judge(claiming(np.full(3, 3.0), 3.0, bits=bits), "x")
        assert result == Result(
            "", "", Status.PASSED, input="x", how="exact", entries=3, bound=0.0, detectable=0.0, scale=3.0
        )
    assert _judge(claiming(np.full(3, 3.0), 3.0, evidence=16), "x") == result
    assert _judge(claiming(np.full(3, 3.0), 3.0, evidence=15), "x") is None
    assert _judge(claiming(np.full(3, 3.0), None), "x") is None


def test_a_rounded_claim_may_differ_by_what_rounding_can_do() -> None:
    third = 1 / 3
    for base, error, status in ((1, 2.0**-53, "passed"), (9, 2.0**-53, "passed"), (9, 2.0**-40, "failed")):
        lattice = claiming([third + error, third + error, third], third, base=base)
        result = _judge(lattice, "x")
        assert result is not None
        assert str(result.status) == status
        assert result.bound == pytest.approx(16 * lattice.eps * third)
    passed = _judge(claiming([third, third, third], third), "x")
    assert passed is not None
    assert passed.detectable == passed.bound


def test_noise_of_the_backward_is_allowed_for_at_the_point_itself() -> None:
    third, error = 1 / 3, 2.0**-40
    for unsteady, base, status in ((0.5 * error, 1, "passed"), (0.01 * error, 1, "failed"), (0.5 * error, 9, "failed")):
        result = _judge(claiming([third + error, third, third], third, unsteady=unsteady, base=base), "x")
        assert result is not None
        assert str(result.status) == status, (unsteady, base)


def test_more_rounded_entries_than_can_be_told_apart_are_judged_together() -> None:
    sevenths = np.arange(1.0, 121.0) / 7
    result = _judge(claiming(sevenths * (1 + 2.0**-52), sevenths), "x")
    assert result is not None
    assert (str(result.status), result.input, result.how, result.entries) == ("passed", "x", "exact", 120)
    assert 0 < (result.bound or 0) < 1e-8
    assert _judge(claiming(sevenths * (1 + 1e-6), sevenths), "x") is None
    assert _judge(claiming(sevenths, sevenths, bits=24), "x") is None


def test_in_few_bits_errors_may_cancel_along_one_direction_and_not_along_the_next() -> None:
    wrong = _judge(claiming(np.full(3, 3.0), 3.0, 4.0, bits=24), "x")
    assert wrong is not None
    assert (str(wrong.status), wrong.numeric) == ("failed", 4.0)
    assert _judge(claiming(np.full(3, 3.0), 3.0, *[4.0] * 9, 3.0, bits=24), "x") is None  # no entry is wrong by itself


@pytest.mark.parametrize(
    ("bits", "slopes", "confirmed"),
    [
        (DOUBLE, [4.0, 4.0], True),
        (DOUBLE, [4.0, 5.0], False),
        (DOUBLE, [4.0, None], False),
        (DOUBLE, [None, 4.0], False),
        (DOUBLE, [3.0, 3.0], False),
        (24, [4.0] * 8, True),
        (24, [4.0] * 5 + [3.0] * 3, True),
        (24, [4.0] * 4 + [3.0] * 4, False),
        (24, [4.0] * 3 + [3.0] * 5, False),
        (24, [3.0] * 8, False),
        (24, [4.0] * 7 + [None], False),
    ],
)
def test_a_disagreement_is_confirmed_by_other_differences(bits: int, slopes: list[Any], confirmed: bool) -> None:
    lattice = claiming(np.full(3, 3.0), *slopes, bits=bits)
    assert _is_confirmed(lattice, np.arange(2, 5), "x", lattice.claim.gradient) is confirmed


@pytest.mark.parametrize(("size", "table"), [(256, 256), (257, 129), (600, 150)])
def test_one_wrong_entry_of_many_is_found_by_halving(size: int, table: int) -> None:
    for place in (0, size // 2 - 1, size // 2, size - 1):
        wrong = 3.0 + 2.0 * (np.arange(size) == place)
        lattice = claiming(wrong, 3.0, bits=24)
        found = _disagreement(lattice, "x", lattice.claim.gradient)
        eps, differing = 2.0**-23, 1 if table == size else None
        assert found == failed(
            entries=size,
            scale=5.0,
            index=(place,),
            analytic=5.0,
            numeric=3.0,
            bound=4 * eps * (3 + 5 / 256),
            differing=differing,
        )
        singles = sum(np.count_nonzero(direction) == 1 for direction in lattice.asked)
        assert table <= singles <= table + 2


def test_many_wrong_entries_at_the_point_itself_are_all_counted() -> None:
    slopes = np.where(np.arange(1000) % 3 == 0, 4.0, 3.0)
    layer = layer_of(lambda x: (3 * x, lambda dy: (slopes * dy,)))
    found = judge_exactly(claim_at(layer, np.resize([1.0, -3.0, 0.5], 1000)))["x"]
    assert (str(found.status), found.how, found.entries, found.differing) == ("failed", "exact", 1000, 334)


def test_a_disagreement_of_rounding_alone_is_none() -> None:
    for error in (0.0, 2.0**-23):
        lattice = claiming(np.full(3, 3.0) + error, 3.0, bits=24)
        assert _disagreement(lattice, "x", lattice.claim.gradient) is None
    lattice = claiming(np.full(3, 5.0), *[3.0] * 8, None, bits=24)
    assert _disagreement(lattice, "x", lattice.claim.gradient) is None


@pytest.mark.parametrize(
    ("slope", "evidence", "confirmed"), [(3.0, math.inf, True), (3.0, NONE, False), (3.5, 99, False), (None, 99, False)]
)
@pytest.mark.parametrize("all_seen", [True, False])
def test_the_worst_of_the_wrong_entries_is_named_if_another_step_confirms_it(
    slope: float | None, evidence: float, confirmed: bool, all_seen: bool
) -> None:
    lattice = claiming([[9.0, 3.125, 2.875], [3.0, 2.5, -40.0]], slope, base=9, evidence=evidence)
    table = Table(np.array([3, 4, 6]), np.array([3.125, 2.875, 2.5]), np.full(3, 3.0), np.ones(3))
    found = _failed(lattice, "x", table, np.array([1.0, 0.125, 0.25]), np.array([False, True, True]), all_seen)
    named = {"index": (1, 1), "analytic": 2.5, "numeric": 3.0, "bound": 0.25, "differing": 2 if all_seen else None}
    assert found == (failed(entries=6, scale=40.0, **named) if confirmed else None)
    assert [direction.tolist() for direction in lattice.asked] == [[0, 0, 0, 0, 0, 0, 27, 0]]


def test_an_entry_that_is_not_wrong_is_never_the_worst() -> None:
    lattice = claiming(np.full(6, 3.0), 3.0)
    table = Table(np.array([2, 6]), np.array([7.0, 3.125]), np.full(2, 3.0), np.ones(2))
    found = _failed(lattice, "x", table, np.array([8.0, 0.1]), np.array([False, True]))
    assert found is not None
    assert found.index == (4,)
