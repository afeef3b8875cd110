"""Batch normalisation: mean 0 and variance 1 a channel."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import batch_norm_vjp

ONE, NONE = np.ones(2), np.zeros(2)


def test_each_channel_has_mean_beta_and_deviation_gamma():
    x = np.random.default_rng(0).normal(3, 5, (4, 2, 3, 2))
    y, _ = batch_norm_vjp(x, [2.0, 3.0], [10.0, 20.0], eps=1e-12)
    assert np.allclose(y.mean(axis=(0, 2, 3)), [10, 20])
    assert np.allclose(y.std(axis=(0, 2, 3)), [2, 3])


def test_the_plain_formula():
    x = np.random.default_rng(1).normal(size=(5, 2))
    y, backward = batch_norm_vjp(x, ONE, NONE, eps=0.1)
    deviation = np.sqrt(x.var(axis=0) + 0.1)
    normal = (x - x.mean(axis=0)) / deviation
    dy = np.random.default_rng(2).normal(size=(5, 2))
    dx, d_gamma, d_beta = backward(dy)
    assert np.allclose(y, normal)
    assert np.allclose(dx, (dy - dy.mean(axis=0) - normal * (dy * normal).mean(axis=0)) / deviation)
    assert np.allclose(d_gamma, (dy * normal).sum(axis=0))
    assert np.allclose(d_beta, dy.sum(axis=0))


@pytest.mark.parametrize("scale", [1e150, 1e-200])
def test_every_scale_whose_squares_fit_is_finite(scale):
    x = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, 1.0]]) * scale
    y, backward = batch_norm_vjp(x, ONE, NONE)
    assert np.allclose(y, [[1, 0], [-1, 0]] * 2 if scale > 1 else 0)
    dx = backward(np.array([[1.0, 1.0], [0, 0], [0, 0], [0, 0]]))[0]
    # A channel that does not vary has the deviation √ε, however large its values.
    assert np.allclose(dx[:, 1], np.array([0.75, -0.25, -0.25, -0.25]) / np.sqrt(1e-5))
    assert np.isfinite(dx).all()


def test_a_large_offset_costs_no_more_digits_than_it_must():
    x = np.array([[0.0], [1.0], [2.0]])
    near, _ = batch_norm_vjp(x, [1.0], [0.0])
    far, _ = batch_norm_vjp(x + 2.0**40, [1.0], [0.0])
    assert np.allclose(near, far, rtol=1e-3)


@pytest.mark.parametrize(
    ("x", "gamma", "beta", "eps", "message"),
    [
        ((3,), (3,), (3,), 1e-5, r"x has shape \(3,\); it takes \(samples, channels, \*spatial\)"),
        ((3, 2), (3,), (2,), 1e-5, r"gamma has shape \(3,\); with 2 channels it takes \(2,\)"),
        ((3, 2), (2,), (3,), 1e-5, r"beta has shape \(3,\); with 2 channels it takes \(2,\)"),
        ((3, 2), (2,), (2,), 0, "eps=0; it takes a finite number above 0"),
    ],
)
def test_what_is_refused(x, gamma, beta, eps, message):
    with pytest.raises(UsageError, match="batch_norm: " + message):
        batch_norm_vjp(np.ones(x), np.ones(gamma), np.ones(beta), eps=eps)
