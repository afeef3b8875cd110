"""p-norm pooling: known norms, windows of zeros, numbers whose powers overflow."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import p_norm_pool_vjp


def test_p_1_is_the_sum_of_sizes_and_p_2_the_euclidean_norm():
    x = [[[3.0, -4.0]]]
    for p, norm, dx in ((1, 7.0, [1.0, -1.0]), (2, 5.0, [0.6, -0.8]), (1.5, None, None)):
        y, backward = p_norm_pool_vjp(x, window=2, p=p)
        if norm is None:
            norm = (3**1.5 + 4**1.5) ** (2 / 3)
            dx = [(3 / norm) ** 0.5, -((4 / norm) ** 0.5)]
        assert np.allclose(y, norm, rtol=1e-15)
        assert np.allclose(backward([[[1.0]]])[0], dx, rtol=1e-15)


def test_a_window_of_zeros_has_gradient_zero():
    for p in (1, 1.5, 2, 7):
        y, backward = p_norm_pool_vjp([[[0.0, 0.0, 0.0, 2.0]]], window=2, p=p)
        assert y.tolist() == [[[0.0, 2.0]]]
        assert backward([[[5.0, 5.0]]])[0].tolist() == [[[0.0, 0.0, 0.0, 5.0]]]


@pytest.mark.parametrize("scale", [1e307, 1.0, 1e-307, 5e-324])
def test_no_power_overflows_or_vanishes(scale):
    for p in (1, 3, 300):
        y, backward = p_norm_pool_vjp([[[scale, -scale]]], window=2, p=p)
        assert np.allclose(y / scale, 2 ** (1 / p), rtol=0.3 if scale < 1e-300 else 1e-14)
        assert np.allclose(backward([[[1.0]]])[0], np.array([1, -1]) * 2 ** (1 / p - 1), rtol=1e-12)


def test_padding_is_zeros():
    y, backward = p_norm_pool_vjp([[[3.0, 4.0]]], window=2, stride=1, pad=1)
    assert y.tolist() == [[[3.0, 5.0, 4.0]]]
    assert np.allclose(backward([[[1.0, 5.0, 10.0]]])[0], [[[4.0, 14.0]]])


@pytest.mark.parametrize("p", [0.5, -1, float("nan"), float("inf")])
def test_p_below_1_is_refused(p):
    with pytest.raises(UsageError, match=f"p_norm_pool: p={p}; it takes a finite number from 1 on"):
        p_norm_pool_vjp(np.ones((1, 1, 2)), window=2, p=p)
