"""Hyperbolic tangent: exact at the ends, and a slope with all its digits."""

from __future__ import annotations

import math

import numpy as np

from cnngrad.layers import tanh_vjp


def test_finite_everywhere():
    y, backward = tanh_vjp([-1.7e308, 0.0, 1.7e308])
    assert y.tolist() == [-1.0, 0.0, 1.0]
    assert backward(np.full(3, 4.0))[0].tolist() == [0.0, 4.0, 0.0]


def test_the_slope_keeps_its_digits_where_y_is_1():
    y, backward = tanh_vjp([-20.0, 20.0])
    assert (1 - y**2).tolist() == [0.0, 0.0]
    assert np.allclose(backward(np.ones(2))[0], 4 * math.exp(-40), rtol=1e-15, atol=0)
