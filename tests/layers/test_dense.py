"""Fully connected layer: worked numbers and refused shapes."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import dense_vjp


def test_worked_example():
    y, backward = dense_vjp([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0], [9.0, 0.0]], [1.0, 2.0, 3.0])
    assert y.tolist() == [[18.0, 25.0, 12.0], [40.0, 55.0, 30.0]]
    dx, dw, db = backward([[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]])
    assert dx.tolist() == [[5.0, 6.0], [25.0, 8.0]]
    assert dw.tolist() == [[1.0, 2.0], [3.0, 4.0], [6.0, 8.0]]
    assert db.tolist() == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("x", "w", "b", "message"),
    [
        (
            (2, 3),
            (4, 5),
            (4,),
            r"x has shape \(2, 3\) and w \(4, 5\); they take .*the same features; flatten maps first",
        ),
        ((2, 1, 3), (4, 3), (4,), r"x has shape \(2, 1, 3\)"),
        ((2, 3), (4, 3), (3,), r"b has shape \(3,\); with 4 outputs it takes \(4,\)"),
    ],
)
def test_what_is_refused(x, w, b, message):
    with pytest.raises(UsageError, match=message):
        dense_vjp(np.ones(x), np.ones(w), np.ones(b))
