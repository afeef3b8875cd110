"""What all layers with windows share: whole numbers become real, and columns are read from an array they do not own."""

from __future__ import annotations

import numpy as np

from cnngrad.layers._inputs import floats
from cnngrad.layers._windows import Windows, windows


def test_whole_numbers_become_double_and_others_stay():
    given = ([1, 2], True, np.uint8(3), np.float32(3), np.float16(3), 3.0, 1j)
    expected = ["float64", "float64", "float64", "float32", "float16", "float64", "complex128"]
    assert [array.dtype.name for array in floats(*given)] == expected


def test_windows_stand_side_by_side_without_a_border_where_nothing_else_is_said():
    assert windows("conv", (5,), 2) == Windows((5,), (2,), (1,), (0,), (1,))


def test_columns_that_are_a_view_of_the_input_cannot_be_written_on():
    x = np.ones((1, 1, 3))
    columns = windows("conv", (3,), 1).columns(x)
    assert np.shares_memory(columns, x)
    assert not columns.flags.writeable


def test_what_is_added_up_keeps_its_precision():
    for dtype in (np.float32, np.complex128):
        assert windows("conv", (3,), 2).add_columns(np.ones((2, 2), dtype), 1).dtype == dtype
