"""The claimed row of every output, asked one by one or many at once: the same numbers, for fewer backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad.checks import rows
from cnngrad.checks.claim import Claim
from cnngrad.checks.rows import claimed_rows, claimed_slopes
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case
from tests.checks.judging import LATTICE, layer_of


def claim_by(backward: Callable[[Any], Any], outputs: int, inputs: int) -> Claim:
    """A claim of a layer that has this backward; nothing here asks its forward for more than its size."""
    layer = layer_of(lambda x: (np.zeros(outputs), lambda dy: (backward(dy),)), shapes={"x": (inputs,)})
    at = Evaluation(layer, Case.parse(LATTICE).point(layer))
    return Claim(at, np.zeros(outputs), np.ones(outputs), {"x": backward(np.ones(outputs))}, ("x",))


def claim_of(jacobian: Array) -> Claim:
    return claim_by(lambda dy: dy @ jacobian, *jacobian.shape)


BANDS = np.kron(np.diag([1.0, -2.0, 3.0, 5.0]), np.array([1.0, 0.5, 0.25]))  # no input is shared
SHARED = np.arange(1.0, 31.0).reshape(6, 5) % 7 - 3
ASIDE = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [-1.0, 1.0]])  # 1 of 2 and 2 of 3 cancel, were all weights equal
FAINT = np.array([[4e-6], [1.0]])  # a share that no rounding makes


@pytest.mark.parametrize(
    ("jacobian", "backwards"),
    [
        (np.array([[3.0, -1.0]]), 1),
        (BANDS, 1 + 2),
        (np.eye(5), 1 + 3),
        (SHARED, 2 + 2 * 2 + 2 * 2 + 6),  # all six, the threes, the twos, each alone
        (ASIDE, 2 + 2 * 2 + 4),
        (1e-9 * ASIDE, 2 + 2 * 2 + 4),
        (FAINT, 2 + 2),
        (FAINT[::-1], 2 + 2),
        (np.zeros((0, 3)), 0),
    ],
)
def test_slopes_are_those_of_each_row_asked_alone(jacobian: Array, backwards: int) -> None:
    outputs, inputs = jacobian.shape
    chosen = np.random.default_rng(0).permutation(outputs)
    directions = list(np.random.default_rng(1).uniform(-1, 1, (2, inputs)))
    claim = claim_of(jacobian)
    assert np.array_equal(claimed_rows(claim, chosen), jacobian[chosen])
    before = claim.at.calls.backward
    assert before == outputs
    slopes = claimed_slopes(claim, chosen, directions)
    assert slopes == pytest.approx(jacobian[chosen] @ np.transpose(directions), rel=1e-12, abs=0)
    assert claim.at.calls.backward - before == backwards


def test_no_more_backwards_are_spent_than_that_and_what_is_left_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    known = []
    for most in (2, 3, 4):
        monkeypatch.setattr(rows, "MOST", most)
        claim = claim_of(np.ones((2, 3)))
        claimed_rows(claim, np.arange(2))  # what was spent before does not count
        slopes = claimed_slopes(claim, np.arange(2), [np.ones(3)])
        known.append(int(np.count_nonzero(~np.isnan(slopes))))
        assert np.all(slopes[~np.isnan(slopes)] == 3)
    assert known == [0, 1, 2]


@pytest.mark.parametrize("outputs", [3, 5])
def test_a_backward_that_is_not_linear_is_told_apart_no_less(outputs: int) -> None:
    """One that returns the same whatever ``dy`` is would point at an output that is not there."""
    claim = claim_by(lambda dy: np.ones(4), outputs, 4)
    assert np.all(np.isfinite(claimed_slopes(claim, np.arange(outputs), [np.ones(4)])))
