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


def test_where_the_real_part_is_0_too_it_is_a_function_of_complex_numbers():
    for real in (0.0, -0.0, 1e-20, -1e-20):
        for h in (1e-30, -1e-30):
            y, _ = sigmoid_vjp(np.array([complex(real, h)]))
            assert (y.real.item(), y.imag.item() / h) == (0.5, 0.25), (real, h)


def test_real_numbers_and_complex_ones_give_the_same_in_their_precision():
    for real, complex_ in ((np.float32, np.complex64), (np.float64, np.complex128)):
        x = np.array([-1e3, -40.0, -1.0, 0.0, 1.0, 40.0, 1e3], real)
        y, backward = sigmoid_vjp(x)
        z, complex_backward = sigmoid_vjp(x.astype(complex_))
        (dx,), (dz,) = backward(np.ones_like(x)), complex_backward(np.ones_like(x))
        assert (y.dtype, dx.dtype, z.dtype, dz.dtype) == (real, real, complex_, complex_)
        np.testing.assert_allclose(z, y, rtol=4 * np.finfo(real).eps, atol=0)
        np.testing.assert_allclose(dz, dx, rtol=4 * np.finfo(real).eps, atol=0)
