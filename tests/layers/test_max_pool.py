"""Max pooling: seed 004's worked example, ties, padding that never wins."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import max_pool, max_pool_vjp, upsample_max

DELTAS = [[1, 3], [2, 4]]
ROUTED = [[0, 0, 0, 3], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 4, 0]]


def test_worked_example_of_seed_004():
    # Bottom right, top right, top left, bottom left, counted row by row from 0.
    assert upsample_max(DELTAS, [[3, 1], [0, 2]], (2, 2)).tolist() == ROUTED


def test_the_forward_records_those_places():
    y, backward = max_pool_vjp([[np.sign(ROUTED)]], window=2)
    assert y.tolist() == [[[[1, 1], [1, 1]]]]
    assert backward([[DELTAS]])[0].tolist() == [[ROUTED]]


def test_the_first_of_a_tie_in_row_major_order_gets_everything():
    _, backward = max_pool_vjp([[[[0.0, 7.0], [7.0, 7.0]]]], window=2)
    assert backward([[[[5.0]]]])[0].tolist() == [[[[0.0, 5.0], [0.0, 0.0]]]]


def test_overlapping_windows_add_up():
    y, backward = max_pool_vjp([[[1.0, 9.0, 2.0]]], window=2, stride=1)
    assert y.tolist() == [[[9.0, 9.0]]]
    assert backward([[[1.0, 10.0]]])[0].tolist() == [[[0.0, 11.0, 0.0]]]


def test_padding_never_wins():
    y, backward = max_pool_vjp([[[-1e308, -2.0, -3.0]]], window=2, pad=1)
    assert y.tolist() == [[[-1e308, -2.0]]]
    assert backward([[[1.0, 10.0]]])[0].tolist() == [[[1.0, 10.0, 0.0]]]
    assert upsample_max([[[1.0, 10.0]]], [[[1, 0]]], 2, pad=1, size=3).tolist() == [[[1.0, 10.0, 0.0]]]


def test_the_feature_ties_means_a_tie_for_the_maximum():
    from types import SimpleNamespace

    class Point(SimpleNamespace):
        def __getitem__(self, name):
            return getattr(self, name)

    config = {"window": (2,), "stride": (2,), "pad": 0}
    ties = max_pool.features["ties"]
    assert ties(Point(x=np.array([[[1.0, 2.0, 3.0, 3.0]]]), config=config))
    assert not ties(Point(x=np.array([[[1.0, 2.0, 2.0, 3.0]]]), config=config))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: max_pool_vjp(np.ones((1, 1, 4)), window=3, pad=2),
            r"max_pool: pad=\(2,\) with window=\(3,\); pad is at most half the window",
        ),
        (lambda: max_pool_vjp(np.ones((1, 1, 4, 2)), window=3), r"the padded input has \(4, 2\)"),
        (lambda: max_pool_vjp(np.ones((1, 1, 4)), window=(2, 2)), r"window=\(2, 2\); .* a tuple of 1 of them"),
        (lambda: upsample_max(DELTAS, [[4, 0], [0, 0]], (2, 2)), "place is int64 .*one whole number from 0 to 3"),
        (lambda: upsample_max(DELTAS, [3, 1], (2, 2)), r"place is int64 \(2,\); it takes .* of dy, \(2, 2\)"),
        (lambda: upsample_max(DELTAS, [[3, 1], [0, 2]], (2, 2), size=5 + 2), r"size \(7, 7\) give \(3, 3\)"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_a_nan_anywhere_in_a_window_comes_out():
    for x in ([np.nan, 1.0], [1.0, np.nan]):
        assert np.isnan(max_pool_vjp([[x]], window=2)[0]).all()


def test_complex_numbers_that_tie_leave_it_to_the_first_as_the_backward_does():
    y, backward = max_pool_vjp(np.array([[[1 + 1e-30j, 1 + 5e-30j]]]), window=2)
    assert y.imag.tolist() == [[[1e-30]]]
    assert backward([[[1.0]]])[0].real.tolist() == [[[1.0, 0.0]]]
