"""Half the squared error: summed over outputs, averaged over samples."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import half_squared_error_vjp


def test_worked_example():
    E, backward = half_squared_error_vjp([[3.0, 0.0], [0.0, 4.0]], [[0, 0], [0, 0]])
    assert E == 25 / 4
    dy, dt = backward(2.0)
    assert (dy.tolist(), dt) == ([[3.0, 0.0], [0.0, 4.0]], None)


def test_repeating_the_batch_changes_no_cost():
    y, t = np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]])
    once, _ = half_squared_error_vjp(y, t)
    assert half_squared_error_vjp(np.repeat(y, 3, axis=0), np.repeat(t, 3, axis=0))[0] == once


def test_what_is_refused():
    with pytest.raises(UsageError, match=r"half_squared_error: y has shape \(\); it takes \(samples, \.\.\.\)"):
        half_squared_error_vjp(1.0, 1.0)
    with pytest.raises(
        UsageError, match=r"t has shape \(2,\); one target an output, so with these y it takes \(2, 1\)"
    ):
        half_squared_error_vjp(np.ones((2, 1)), np.ones(2))
