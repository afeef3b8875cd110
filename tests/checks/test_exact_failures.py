"""The last steps of an exact verdict: is an error that of rounding, and which entry is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.exactly import Table, _failed, _grows_with_dy
from cnngrad.checks.lattices import Lattice
from cnngrad.core.arrays import Vector
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.exact import Difference
from cnngrad.differentiation.few_bits import NONE
from cnngrad.differentiation.precision import DOUBLE
from tests.checks.judging import claim_at, elementwise, layer_of

BASE = 9
triple = elementwise(lambda x: 3 * x, lambda x: 3.0)


@dataclass(frozen=True)
class Prepared(Lattice):
    """A lattice whose next difference is known."""

    found: Difference | None = None
    asked: list[Vector] = field(default_factory=list)

    def difference(self, direction: Vector, again: bool = False) -> Difference | None:
        self.asked.append(direction)
        return self.found


def rise(slope: float, **facts: Any) -> Difference:
    """What one entry of a triple whose cotangent is 1 makes of three bases, with a step of 1/2."""
    return Difference(0.5, np.array([0, 0, 0, 0, 3 * BASE * slope, 0]), **facts)


@pytest.mark.parametrize(
    ("second", "confirmed"),
    [(rise(3.0), True), (rise(3.0, evidence=NONE), False), (rise(3.5), False), (rise(0.0), False), (None, False)],
)
@pytest.mark.parametrize("all_seen", [True, False])
def test_the_worst_of_the_wrong_entries_is_named_if_another_step_confirms_it(
    second: Difference | None, confirmed: bool, all_seen: bool
) -> None:
    claim = claim_at(triple, np.ones((2, 3)))
    claim.dy = np.ones(6)
    claim.gradient = np.array([9.0, 3.125, 2.875, 3.0, 2.5, -40.0])
    table = Table(np.array([1, 2, 4]), np.array([3.125, 2.875, 2.5]), np.array([3.0, 3.0, 3.0]), np.ones(3))
    lattice = Prepared(claim, DOUBLE, BASE, second)
    found = _failed(lattice, "x", table, np.array([1.0, 0.125, 0.25]), np.array([False, True, True]), all_seen)
    assert [direction.tolist() for direction in lattice.asked] == [[0, 0, 0, 0, 3 * BASE, 0]]
    expected = Result(
        "",
        "",
        Status.FAILED,
        input="x",
        entries=6,
        scale=40.0,
        index=(1, 1),
        analytic=2.5,
        numeric=3.0,
        bound=0.25,
        how="exact",
        differing=2 if all_seen else None,
    )
    assert found == (expected if confirmed else None)


def test_an_entry_that_is_not_wrong_is_never_the_worst() -> None:
    claim = claim_at(triple, np.ones(6))
    claim.dy = np.ones(6)
    table = Table(np.array([0, 4]), np.array([7.0, 3.125]), np.array([3.0, 3.0]), np.ones(2))
    found = _failed(Prepared(claim, DOUBLE, BASE, rise(3.0)), "x", table, np.array([8.0, 0.1]), np.array([False, True]))
    assert found is not None
    assert found.index == (4,)


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
