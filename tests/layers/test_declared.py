"""What layers declare: which configurations they have, which features a point shows, how targets are drawn."""

from __future__ import annotations

import numpy as np

from cnngrad.core.case import Case, Point
from cnngrad.layers import max_pool, mean_pool, p_norm_pool, softmax_cross_entropy
from cnngrad.layers.softmax_cross_entropy import KINDS


def kind_of(t):
    point = Point(Case(), ("z", "t"), (np.zeros(np.shape(t)), np.asarray(t)))
    return [kind for kind in KINDS if softmax_cross_entropy.features[kind](point)]


def test_a_kind_of_targets_is_told_from_the_numbers():
    assert kind_of([[1.0, 0.0], [0.0, 1.0]]) == ["one-hot targets"]
    assert kind_of([[0.5, 0.5], [0.0, 1.0]]) == ["soft targets"]
    assert kind_of([[0.5, 0.5]]) == ["soft targets"]
    assert kind_of([[0.5, 0.0], [1.0, 0.5]]) == ["unnormalised targets"]


def test_targets_are_drawn_of_each_kind():
    draw = softmax_cross_entropy.draw["t"]
    drawn = [
        draw(np.random.default_rng(0), (200, 3), type("Sizes", (), {"targets": number})) for number in range(len(KINDS))
    ]
    assert [kind_of(t) for t in drawn] == [[kind] for kind in KINDS]
    assert np.unique(drawn[0]).tolist() == [0.0, 1.0]
    assert np.all(drawn[1] * 16 % 1 == 0)
    assert np.unique(drawn[2]).tolist() == [k / 4 for k in range(9)]


def test_a_tie_is_told_window_by_window_and_padding_ties_with_nothing():
    def tied(x, window, pad=0):
        point = Point(Case(), ("x",), (np.array([[x]]),), {"window": window, "stride": None, "pad": pad})
        return max_pool.features["ties"](point)

    assert tied([3.0, 3.0, 5.0, 4.0], 2)
    assert not tied([3.0, 2.0, 2.0, 3.0], 2)
    assert tied([2.0, 2.0], 3, pad=1)
    assert not tied([0.0, -1.0], 2, pad=1)


def test_a_zero_window_is_one_with_output_0():
    zero_window = p_norm_pool.features["zero window"]

    def shown(x):
        return zero_window(Point(Case(), ("x",), (np.array([[x]]),), {"window": 2, "p": 2.0}))

    assert shown([0.0, 0.0, 1.0, 0.0])
    assert not shown([0.0, 2.0, 1.0, 0.0])


def test_padding_that_does_not_count_is_at_most_half_the_window():
    dims = {name: low for name, (low, _) in mean_pool.dims.items()} | {"width": 7}
    for window, pad, count_padding, allowed in (
        (3, 2, 1, True),
        (3, 2, 0, False),
        (2, 1, 0, True),
        (3, 1, 0, True),
        (1, 1, 0, False),
    ):
        assert mean_pool.allows(dims | {"kw": window, "pad": pad, "count_padding": count_padding}) == allowed, window
