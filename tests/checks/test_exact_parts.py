"""The steps of an exact verdict: which entries are rounded, and what rounding may have done to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.exactly import Along, Table, _allowed, _disagrees, _grows_with_dy, _narrow, _table, _unit
from cnngrad.checks.lattices import Lattice
from cnngrad.differentiation.exact import Difference
from cnngrad.differentiation.few_bits import NONE
from cnngrad.differentiation.precision import DOUBLE
from tests.checks.judging import claim_at, layer_of
from tests.checks.prepared import STEP, A, Prepared, claiming


def x_span(lattice: Lattice) -> slice:
    return lattice.claim.at.slices["x"]


def along(lattice: Prepared, slope: Any, evidence: float = math.inf) -> Along:
    """A difference along all ones."""
    ones = np.ones(lattice.claim.gradient.size)
    found = Difference(STEP, 2 * STEP * np.append(A, slope * ones[2:]), evidence)
    return Along(ones, found, found.estimate(lattice.claim.dy))


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
        (20, 3, 0.0, True, "wide"),
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


def test_entries_that_are_off_by_a_little_are_not_asked_whether_they_grow() -> None:
    little, much = 2.0**-22, 2.0**-19
    lattice = claiming(3.0 - np.array([little, much, *[0.0] * 14]), rounding=[-little, *[0.0] * 15], bits=24)
    places = np.array([2, 3])
    table = Table(places, lattice.claim.gradient[places], np.full(2, 3.0), np.full(2, 3.0))
    assert _allowed(lattice, x_span(lattice), table).tolist() == _narrow(lattice, x_span(lattice), table).tolist()


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
