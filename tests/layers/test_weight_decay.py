"""Weight decay: half λ times the sum of squares."""

from __future__ import annotations

import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import weight_decay_vjp


def test_worked_example():
    R, backward = weight_decay_vjp([[1.0, -2.0], [0.0, 3.0]], decay=0.5)
    assert R == 3.5
    assert backward(4.0)[0].tolist() == [[2.0, -4.0], [0.0, 6.0]]


@pytest.mark.parametrize("decay", [-0.1, float("inf"), float("nan")])
def test_a_decay_that_decays_nothing_is_refused(decay):
    with pytest.raises(UsageError, match=f"weight_decay: decay={decay}; it takes a finite number from 0 on"):
        weight_decay_vjp([1.0], decay=decay)
