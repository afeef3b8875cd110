"""The feature vector's order: map, column, row, the row fastest."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import flatten_vjp

MAPS = np.arange(12.0).reshape(1, 2, 2, 3)


def test_seed_004_reads_each_map_column_by_column():
    y, backward = flatten_vjp(MAPS)
    assert y.tolist() == [[0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]]
    assert np.array_equal(backward(y)[0], MAPS)


def test_row_by_row_is_a_plain_reshape():
    y, backward = flatten_vjp(MAPS, row_fastest=False)
    assert y.tolist() == [list(range(12))]
    assert np.array_equal(backward(y)[0], MAPS)


def test_no_maps_are_refused():
    with pytest.raises(UsageError, match=r"flatten: x has shape \(3,\); it takes \(samples, maps, \*spatial\)"):
        flatten_vjp(np.ones(3))
