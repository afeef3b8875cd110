"""Convolution with a sigmoid: δ = dy · y(1 - y)."""

from __future__ import annotations

import math

import numpy as np

from cnngrad.layers import conv_vjp, sigmoid_conv_vjp


def test_worked_example():
    y, backward = sigmoid_conv_vjp([[[1.0, 2.0]]], [[[1.0, 1.0]]], [math.log(3) - 3])
    assert np.allclose(y, 0.75, rtol=1e-15)
    dx, dw, db = backward([[[16.0]]])
    assert np.allclose(dx, 3.0)
    assert np.allclose(dw, [[[3.0, 6.0]]])
    assert np.allclose(db, 3.0)


def test_delta_goes_through_the_convolution_backward():
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 2, 5, 4)), rng.normal(size=(3, 2, 2, 3)), rng.normal(size=3)
    y, backward = sigmoid_conv_vjp(x, w, b, pad=1)
    dy = rng.normal(size=y.shape)
    expected = conv_vjp(x, w, b, pad=1)[1](dy * y * (1 - y))
    assert all(np.allclose(one, other) for one, other in zip(backward(dy), expected, strict=True))
