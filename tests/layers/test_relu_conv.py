"""Convolution with a rectifier: δ is 0 where the convolution is not above 0."""

from __future__ import annotations

import numpy as np

from cnngrad.layers import conv_vjp, relu_conv_vjp


def test_worked_example():
    x, w = [[[1.0, 2.0, -3.0, 1.0]]], [[[1.0, 1.0]]]
    y, backward = relu_conv_vjp(x, w, [-1.0])
    assert y.tolist() == [[[2.0, 0.0, 0.0]]]
    dx, dw, db = backward([[[5.0, 7.0, 11.0]]])
    assert (dx.tolist(), dw.tolist(), db.tolist()) == ([[[5.0, 5.0, 0.0, 0.0]]], [[[5.0, 10.0]]], [5.0])


def test_above_zero_it_is_the_convolution():
    x, w, b = np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2)), [1.0]
    (y, backward), (z, conv_backward) = relu_conv_vjp(x, w, b, stride=2), conv_vjp(x, w, b, stride=2)
    assert np.array_equal(y, z)
    assert all(np.array_equal(one, other) for one, other in zip(backward(y), conv_backward(y), strict=True))
