"""The single neuron: worked numbers, refused shapes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import neuron_vjp


def test_worked_example():
    # σ(log 3) = 3/4, so a(1 - a) = 3/16 and, with the target 1/4, δ = 3/32.
    E, backward = neuron_vjp([1.0, 2.0], [1.0, 1.0], math.log(3) - 3, 0.25)
    dx, dw, db, dt = backward(32.0)
    assert np.isclose(E, 0.125)
    assert np.allclose(dx, [3.0, 3.0])
    assert np.allclose(dw, [3.0, 6.0])
    assert np.isclose(db, 3.0)
    assert dt is None


@pytest.mark.parametrize(
    ("x", "w", "b", "t", "message"),
    [
        ((2, 2), (2,), (), (), r"x has shape \(2, 2\); it takes one example, \(features,\)"),
        ((2,), (3,), (), (), r"w has shape \(3,\); with x of shape \(2,\) it takes \(2,\)"),
        ((2,), (2,), (1,), (), r"b has shape \(1,\); for one neuron it takes \(\)"),
        ((2,), (2,), (), (1,), r"t has shape \(1,\); for one neuron it takes \(\)"),
    ],
)
def test_what_is_refused(x, w, b, t, message):
    with pytest.raises(UsageError, match="neuron: " + message):
        neuron_vjp(np.ones(x), np.ones(w), np.ones(b), np.ones(t))
