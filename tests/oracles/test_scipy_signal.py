"""The pieces the scipy.signal oracles are made of."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cnngrad.core.errors import UsageError
from cnngrad.oracles import scipy_signal
from cnngrad.oracles.windows import per_axis, windows


def test_scipy_swaps_a_kernel_that_does_not_fit_and_valid_refuses() -> None:
    from scipy.signal import correlate

    small, large = np.array([1.0, 2.0]), np.array([3.0, 5.0, 8.0])
    swapped = correlate(small, large, "valid", "direct")
    assert swapped.tolist() == [21.0, 13.0]  # two numbers, where no window fits
    assert scipy_signal.valid(correlate, large, small).tolist() == [13.0, 21.0]
    with pytest.raises(
        UsageError,
        match=r"^a kernel of shape \(3,\) does not fit into \(2,\): scipy.signal would swap the two; "
        r"pad the image, or use mode='full'$",
    ):
        scipy_signal.valid(correlate, small, large)


def test_spread_fitted_and_cropped() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert scipy_signal.spread(values, (1, 2)).tolist() == [[1, 0, 2], [3, 0, 4]]
    assert scipy_signal.fitted(values, (2, 3)).tolist() == [[1, 2, 0], [3, 4, 0]]
    assert_array_equal(scipy_signal.cropped(scipy_signal.padded(values, (1, 2)), (1, 2)), values)


def test_box_spread_is_the_adjoint_of_box_sums() -> None:
    rng = np.random.default_rng(0)
    geometry = ((2, 3), (2, 1), (1, 0))
    x = rng.integers(-9, 9, (2, 1, 5, 6)).astype(float)
    sums = scipy_signal.box_sums(x, *geometry)
    dy = rng.integers(-9, 9, sums.shape).astype(float)
    assert np.vdot(sums, dy) == np.vdot(x, scipy_signal.box_spread(dy, (5, 6), *geometry))


def test_windows_count_padding_dilation_and_remainders() -> None:
    seen = list(windows((6,), (2,), stride=2, pad=1, dilation=3))
    assert seen == [((0,), [((1,), (2,))]), ((1,), [((0,), (1,)), ((1,), (4,))]), ((2,), [((0,), (3,))])]
    assert [out for out, _ in windows((5,), (2,), stride=2)] == [(0,), (1,)]  # the fifth entry is a remainder


def test_per_axis_refuses_another_number_of_sides() -> None:
    with pytest.raises(UsageError, match=r"^\(1, 2, 3\) gives 3 numbers for 2 spatial axes; give one, or 2$"):
        per_axis((1, 2, 3), 2)
