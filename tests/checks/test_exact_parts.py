"""An exact verdict, step by step: which entries are rounded, what rounding may have done, which entry is named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.exactly import (
    Along,
    Table,
    _allowed,
    _disagreement,
    _disagrees,
    _failed,
    _grows_with_dy,
    _is_confirmed,
    _judge,
    _narrow,
    _table,
    _unit,
)
from cnngrad.checks.lattices import Lattice
from cnngrad.core.arrays import Vector
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.exact import Difference
from cnngrad.differentiation.few_bits import NONE
from cnngrad.differentiation.precision import DOUBLE
from tests.checks.judging import claim_at, layer_of

A = np.array([2.0**50, 5.0])  # the gradient of another input, which lies before x and is much larger


@dataclass(frozen=True)
class Prepared(Lattice):
    """A lattice whose next differences are known, by their slopes; the last one is that of all that follow."""

    slopes: Sequence[Any] = ()
    evidence: float = math.inf
    asked: list[Vector] = field(default_factory=list)

    def difference(self, direction: Vector, again: bool = False) -> Difference | None:
        slope = self.slopes[min(len(self.asked), len(self.slopes) - 1)]
        self.asked.append(direction)
        return None if slope is None else Difference(0.5, slope * direction, self.evidence)


def claiming(x: Any, *slopes: Any, rounding: Any = 0.0, bits: int = DOUBLE, base: int = 1, **facts: Any) -> Prepared:
    """A claim for the gradient of x, for a cotangent of ones, beside what the next differences say.

    Args:
        slopes: numbers for x; ``None`` where nothing can be told.
        rounding: what of the claim does not grow with the cotangent.
    """
    x = np.asarray(x)

    def vjp(a: Any, b: Any) -> Any:
        shape = np.shape(b)

        def backward(dy: Any) -> Any:
            return A * dy[:2], (x - rounding) * dy[2:].reshape(shape) + rounding

        return np.append(a, b), backward

    claim = claim_at(layer_of(vjp, ("a", "x")), np.ones(2), np.ones(x.shape))
    claim.dy = np.ones(claim.dy.size)
    claim.gradient = claim.gradient_for(claim.dy)
    known = [None if slope is None else np.append(A, np.ravel(slope * np.ones(x.shape))) for slope in slopes]
    return Prepared(claim, bits, base, known, **facts)


def x_span(lattice: Lattice) -> slice:
    return lattice.claim.at.slices["x"]


def along(lattice: Prepared, slope: Any, evidence: float = math.inf) -> Along:
    """A difference along all ones."""
    ones = np.ones(lattice.claim.gradient.size)
    found = Difference(0.5, np.append(A, slope * ones[2:]), evidence)
    return Along(ones, found, found.estimate(lattice.claim.dy))


def failed(**facts: Any) -> Result:
    return Result("", "", Status.FAILED, input="x", how="exact", **facts)


# Which entries are rounded.


@pytest.mark.parametrize(
    ("x", "slope", "bits", "unit"),
    [
        (3.0, 3.0, DOUBLE, 2.0**-6),  # a 64th of the slopes' own
        (3.0, 0.75, DOUBLE, 2.0**-8),
        (3.0, 1 + 2.0**-50, DOUBLE, 2.0**-46),  # but nothing that the rounding of the largest entry may be
        (0.25, 1 + 2.0**-50, DOUBLE, 2.0**-50),
        (0.0, 1 + 2.0**-50, DOUBLE, 2.0**-48),
        (3.0, 1 + 2.0**-20, 24, 2.0**-17),
        (3.0, 1 + 2.0**-20, 11, 2.0**-6),
    ],
)
def test_the_unit_is_that_of_the_slopes_but_larger_than_rounding(
    x: float, slope: float, bits: int, unit: float
) -> None:
    lattice = claiming(np.full(3, x), bits=bits)
    assert _unit(lattice, along(lattice, slope), x_span(lattice)) == unit


def test_little_evidence_is_no_disagreement() -> None:
    lattice = claiming(np.full(3, 3.0))
    for slope, evidence, expected in ((3.0, 99, False), (4.0, 99, True), (4.0, 16, True), (4.0, 15, False)):
        assert _disagrees(lattice.claim.gradient, along(lattice, slope, evidence)) is expected
    assert not _disagrees(lattice.claim.gradient, None)


def test_entries_are_told_one_by_one_or_not_at_all() -> None:
    lattice = claiming(np.full(3, 3.0), 5.0, 7.0, base=9)
    table = _table(lattice, np.array([2, 4]))
    assert table is not None
    assert (table.claimed.tolist(), table.value.tolist(), table.terms.tolist()) == ([3, 3], [5, 7], [5, 7])
    assert [direction.tolist() for direction in lattice.asked] == [[0, 0, 9, 0, 0], [0, 0, 0, 0, 9]]
    assert _table(claiming(np.ones(3), 5.0, None), np.array([2, 4])) is None
    assert _table(claiming(np.ones(3), 5.0, evidence=NONE), np.array([2, 4])) is None


# What rounding may have done.


def test_a_sum_of_products_is_off_by_a_few_roundings_of_its_terms() -> None:
    lattice = claiming([4.0, -0.5], bits=24)
    table = Table(np.arange(3), np.zeros(3), np.array([3.0, 3.0, -5.0]), np.array([2.0, 100.0, 100.0]))
    expected = 4 * 2.0**-23 * (np.array([2.0, 8.0, 10.0]) + 4 / 256)  # terms that cancel count as two of the largest
    assert _narrow(lattice, x_span(lattice), table).tolist() == expected.tolist()
    small = claiming([0.25, -0.5], bits=24)
    assert _narrow(small, x_span(small), table)[0] == 4 * 2.0**-23 * (2 + 0.5 / 256)


@pytest.mark.parametrize(
    ("entries", "rounded", "error", "grows", "expected"),
    [
        (24, 3, 0.0, True, "narrow"),
        (24, 4, 0.0, True, "wide"),  # more than one in eight: a transform
        (8, 1, 0.0, True, "narrow"),
        (8, 2, 0.0, True, "wide"),
        (24, 3, 5.0, True, "narrow"),  # a wrong formula
        (24, 3, 5.0, False, "wide"),
        (24, 3, 3.9, False, "narrow"),
        (24, 3, 16.1, False, "narrow"),
    ],
)
@pytest.mark.parametrize("scale", [3.0, 0.125])
def test_few_rounded_entries_whose_errors_grow_are_not_a_transforms(
    entries: int, rounded: int, error: float, grows: bool, expected: str, scale: float
) -> None:
    eps = 2.0**-23
    off = scale * eps * error * (np.arange(entries) == rounded - 1)
    lattice = claiming(scale - off, rounding=0.0 if grows else -off, bits=24)
    places = 2 + np.arange(rounded)
    table = Table(places, lattice.claim.gradient[places], np.full(rounded, scale), np.full(rounded, scale))
    allowed = _allowed(lattice, x_span(lattice), table)
    largest = np.max(np.abs(lattice.claim.gradient[2:]))
    bounds = {"narrow": 4 * eps * (scale + largest / 256), "wide": 16 * eps * max(scale, largest)}
    assert allowed == pytest.approx(np.full(rounded, bounds[expected]), rel=1e-12)


@pytest.mark.parametrize(
    ("error", "grows"),
    [
        (lambda dy: 0.001 * dy, True),
        (lambda dy: 0.001 * dy * (1 + 0.125 * np.sin(dy)), True),  # a formula that is wrong, and rounded
        (lambda dy: 0.001 + 0 * dy, False),
        (lambda dy: 0.001 * dy**2, False),
        (lambda dy: np.where(dy % 4 == 0, 0.001, 0.001 * dy), True),  # only the first entry is asked about
    ],
)
def test_a_wrong_formula_is_linear_in_the_cotangent_and_rounding_is_not(error: Any, grows: bool) -> None:
    layer = layer_of(lambda x: (3 * x, lambda dy: (3 * dy + error(dy),)))
    claim = claim_at(layer, np.ones(3))
    claim.dy = np.array([1.0, 2.0, 4.0])
    claim.gradient = claim.gradient_for(claim.dy)
    table = Table(np.array([0, 2]), claim.gradient[[0, 2]], 3 * claim.dy[[0, 2]], np.ones(2))
    assert _grows_with_dy(claim, table, np.array([True, False])) is grows


# The verdict.


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
