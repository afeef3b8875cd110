"""Trainable subsampling: sums, not means; blocks that divide the sides."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import subsample_vjp


def test_worked_example():
    x = np.arange(1.0, 9).reshape(1, 1, 2, 4)
    y, backward = subsample_vjp(x, [2.0], [1.0], window=2)
    assert y.tolist() == [[[[29.0, 45.0]]]]
    dx, d_beta, db = backward([[[[1.0, 10.0]]]])
    assert dx.tolist() == [[[[2.0, 2.0, 20.0, 20.0], [2.0, 2.0, 20.0, 20.0]]]]
    assert (d_beta.tolist(), db.tolist()) == ([14.0 + 220.0], [11.0])


def test_each_channel_has_its_own_scale_and_shift():
    y, _ = subsample_vjp(np.ones((1, 2, 2)), [1.0, 10.0], [0.5, 0.0], window=2)
    assert y.tolist() == [[[2.5], [20.0]]]


def test_the_sigmoid_is_finite_and_flat_far_out():
    y, backward = subsample_vjp([[[1e150, 1e150]]], [1e150], [0.0], window=2, activation="sigmoid")
    assert y.tolist() == [[[1.0]]]
    assert all(np.array_equal(g, np.zeros_like(g)) for g in backward([[[1.0]]]))


@pytest.mark.parametrize(
    ("sides", "beta", "b", "config", "message"),
    [
        ((5, 4), (1,), (1,), {"window": 2}, r"window=\(2, 2\) with sides \(5, 4\); it must divide them; crop x first"),
        ((4, 4), (2,), (1,), {"window": 2}, r"beta has shape \(2,\); with 1 channels it takes \(1,\)"),
        ((4, 4), (1,), (2,), {"window": 2}, r"b has shape \(2,\); with 1 channels it takes \(1,\)"),
        (
            (4, 4),
            (1,),
            (1,),
            {"window": 2, "activation": "relu"},
            "activation='relu'; it takes 'identity' or 'sigmoid'",
        ),
    ],
)
def test_what_is_refused(sides, beta, b, config, message):
    with pytest.raises(UsageError, match="subsample: " + message):
        subsample_vjp(np.ones((1, 1, *sides)), np.ones(beta), np.ones(b), **config)
