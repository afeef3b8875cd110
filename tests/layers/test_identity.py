"""Identity: copies, not the arrays themselves."""

from __future__ import annotations

import numpy as np

from cnngrad.layers import identity_vjp


def test_input_and_cotangent_come_back_as_copies():
    x, dy = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, backward = identity_vjp(x)
    (dx,) = backward(dy)
    assert (y.tolist(), dx.tolist()) == ([1.0, 2.0], [3.0, 4.0])
    assert not np.shares_memory(x, y)
    assert not np.shares_memory(dy, dx)
