"""Mean pooling: seed 004's worked example, padding counted or not, totals kept."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import mean_pool_vjp, upsample_mean


def test_worked_example_of_seed_004():
    expected = np.array([[1, 1, 3, 3], [1, 1, 3, 3], [2, 2, 4, 4], [2, 2, 4, 4]]) / 4
    assert np.array_equal(upsample_mean([[1, 3], [2, 4]], (2, 2)), expected)
    _, backward = mean_pool_vjp(np.ones((1, 1, 4, 4)), window=2)
    assert np.array_equal(backward([[[[1, 3], [2, 4]]]])[0][0, 0], expected)


def test_padding_counts_or_does_not():
    x = np.array([[[6.0, 12.0, 18.0]]])
    counted, _ = mean_pool_vjp(x, window=2, pad=1)
    valid, backward = mean_pool_vjp(x, window=2, pad=1, count_padding=False)
    assert counted.tolist() == [[[3.0, 15.0]]]
    assert valid.tolist() == [[[6.0, 15.0]]]
    assert backward([[[4.0, 8.0]]])[0].tolist() == [[[4.0, 4.0, 4.0]]]
    assert upsample_mean([[[4.0, 8.0]]], 2, pad=1, size=3, count_padding=False).tolist() == [[[4.0, 4.0, 4.0]]]


def test_the_total_is_kept_with_and_without_overlap():
    dy = np.arange(1.0, 7).reshape(1, 1, 2, 3)
    for stride in (2, 1):
        assert np.isclose(upsample_mean(dy, 2, stride=stride).sum(), dy.sum())


def test_a_remainder_gets_nothing_and_gaps_get_nothing():
    assert upsample_mean([[[2.0, 4.0]]], 1, stride=2, size=4).tolist() == [[[2.0, 0.0, 4.0, 0.0]]]


def test_the_mean_of_huge_numbers_is_finite():
    assert mean_pool_vjp(np.full((1, 1, 4), 1e308), window=4)[0].tolist() == [[[1e308]]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_pool_vjp(np.ones((2, 3)), window=2), r"mean_pool: x has shape \(2, 3\); it takes \(samples, cha"),
        (lambda: mean_pool_vjp(np.ones((1, 1, 2)), window=3), r"the window \(3,\) reaches over \(3,\) entries"),
        (lambda: mean_pool_vjp(np.ones((1, 1, 2)), window=0), "window=0; it takes a whole number from 1 on"),
        (
            lambda: mean_pool_vjp(np.ones((1, 1, 2)), window=2, pad=2, count_padding=False),
            r"mean_pool: pad=\(2,\) with window=\(2,\); pad is at most half the window",
        ),
        (lambda: upsample_mean([[1.0, 2.0]], 2), r"upsample_mean: dy has shape \(1, 2\); a window 2 takes"),
        (
            lambda: upsample_mean([[[1.0, 2.0]]], 2, size=7),
            r"dy has spatial sides \(2,\); windows over size \(7,\) give",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()
