"""Softmax: any spread, any shift, the last axis."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import softmax_vjp


def test_worked_example():
    p, backward = softmax_vjp([[math.log(1), math.log(3)]])
    assert np.allclose(p, [[0.25, 0.75]])
    assert np.allclose(backward([[16.0, 0.0]])[0], [[3.0, -3.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_spread_is_finite(dtype):
    most = np.finfo(dtype).max
    p, backward = softmax_vjp(np.array([[most, -most, 0], [-most, -most, -most], [most, most, -most]], dtype))
    assert np.allclose(p, [[1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]])
    assert np.isfinite(backward(np.eye(3, dtype=dtype))[0]).all()


def test_a_shift_changes_nothing():
    z = np.array([[1.0, 2.0, 4.0]])
    assert np.array_equal(softmax_vjp(z)[0], softmax_vjp(z + 1024)[0])


def test_a_number_is_refused():
    with pytest.raises(UsageError, match=r"softmax: z has shape \(\); it takes \(\.\.\., classes\)"):
        softmax_vjp(1.0)
