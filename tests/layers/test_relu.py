"""Rectifier: the choice at zero, and NaN stays NaN."""

from __future__ import annotations

import numpy as np

from cnngrad.layers import relu_vjp


def test_at_zero_the_gradient_is_zero():
    y, backward = relu_vjp([-2.0, -0.0, 0.0, 5e-324, 1e308])
    assert y.tolist() == [0.0, 0.0, 0.0, 5e-324, 1e308]
    assert backward(np.full(5, 3.0))[0].tolist() == [0.0, 0.0, 0.0, 3.0, 3.0]


def test_nan_is_not_hidden():
    assert np.isnan(relu_vjp([np.nan])[0]).all()
