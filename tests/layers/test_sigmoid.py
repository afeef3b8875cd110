"""Sigmoid: exact at the ends, and a slope with all its digits."""

from __future__ import annotations

import math

import numpy as np

from cnngrad.layers import sigmoid_vjp


def test_finite_everywhere():
    y, backward = sigmoid_vjp([-1.7e308, -800.0, 0.0, 800.0, 1.7e308])
    assert y.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert backward(np.full(5, 4.0))[0].tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]


def test_the_slope_keeps_its_digits_where_y_is_1():
    y, backward = sigmoid_vjp([-40.0, 40.0])
    slope = backward(np.ones(2))[0]
    assert y[1] * (1 - y[1]) == 0
    assert np.allclose(slope, math.exp(-40), rtol=1e-15, atol=0)


def test_at_0_too_it_is_a_function_of_complex_numbers():
    y, _ = sigmoid_vjp(np.array([1e-30j]))
    assert (y.real.item(), y.imag.item() / 1e-30) == (0.5, 0.25)
