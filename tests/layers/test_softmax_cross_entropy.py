"""Softmax cross-entropy: targets of every kind, a target of 0 where p underflows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import softmax_cross_entropy_vjp

Z = np.log([[1.0, 3.0], [1.0, 1.0]])


def test_one_hot_targets():
    E, backward = softmax_cross_entropy_vjp(Z, [[0, 1], [1, 0]])
    assert np.isclose(E, (math.log(4 / 3) + math.log(2)) / 2)
    dz, dt = backward(8.0)
    assert np.allclose(dz, [[1.0, -1.0], [-2.0, 2.0]])
    assert dt is None


def test_targets_that_do_not_sum_to_1_scale_p():
    _, backward = softmax_cross_entropy_vjp(Z, [[2.0, 2.0], [0.0, 3.0]])
    assert np.allclose(backward(2.0)[0], [[4 * 0.25 - 2, 4 * 0.75 - 2], [1.5, -1.5]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_target_of_0_makes_its_term_0_at_every_spread(dtype):
    most = np.finfo(dtype).max
    z = np.array([[most, -most], [0, -2000]], dtype)
    E, backward = softmax_cross_entropy_vjp(z, [[1, 0], [1, 0]])
    assert E == 0
    assert np.array_equal(backward(dtype(1))[0], np.zeros((2, 2)))


def test_a_hopeless_sample_has_a_finite_cost():
    E, backward = softmax_cross_entropy_vjp([[1.7e308, -1.7e308]], [[0, 1]])
    assert np.finfo(float).max == E
    assert backward(1.0)[0].tolist() == [[1.0, -1.0]]
    assert np.isclose(softmax_cross_entropy_vjp([[2000.0, 0.0]], [[0, 1]])[0], 2000)


def test_what_is_refused():
    with pytest.raises(UsageError, match=r"z has shape \(2,\); it takes \(samples, classes\)"):
        softmax_cross_entropy_vjp([1.0, 2.0], [1.0, 0.0])
    with pytest.raises(UsageError, match=r"t has shape \(2,\); one row of targets a sample, .* it takes \(2, 2\)"):
        softmax_cross_entropy_vjp(Z, [1, 0])
