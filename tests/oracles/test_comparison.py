"""A comparison holds where its claim does, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.oracles.comparison import Comparison

ONE = np.array([1.0])


@pytest.mark.parametrize(
    ("left", "right", "equal", "bound", "holds"),
    [
        (ONE, ONE, True, 0.0, True),
        (ONE, ONE + 2.0**-50, True, 0.0, False),
        (ONE, ONE + 2.0**-50, True, 2.0**-50, True),
        (ONE, ONE + 2.0**-49, True, 2.0**-50, False),
        (ONE, 2 * ONE, False, 0.0, True),
        (ONE, ONE, False, 0.0, False),
    ],
)
def test_equality_and_difference(left: np.ndarray, right: np.ndarray, equal: bool, bound: float, holds: bool) -> None:
    assert Comparison("claim", left, right, equal, bound).holds is holds


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("wrong", [np.array([np.nan]), np.array([np.inf]), np.ones(2), np.ones((1, 1))])
def test_nan_and_a_wrong_shape_never_hold(wrong: np.ndarray, equal: bool) -> None:
    assert not Comparison("claim", wrong, ONE, equal).holds
    assert not Comparison("claim", ONE, wrong, equal).holds
