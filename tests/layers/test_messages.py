"""Refusals word for word: which layer, what was given, what it takes. And the borders of what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.core.errors import UsageError
from cnngrad.layers._inputs import of_rank

ONES = np.ones
DY = ONES((1, 1, 2))

REFUSED = {
    "upsample_max: dy has shape (2,); a window 2 takes (samples, channels, *spatial), a tuple takes as many last axes "
    "as it is long": lambda: layers.upsample_max([1.0, 2.0], [0, 0], 2),
    "upsample_mean: window=0; it takes a whole number from 1 on, or a tuple of 1 of them, one for each spatial "
    "axis": lambda: layers.upsample_mean(DY, 0),
    "upsample_mean: stride=0; it takes a whole number from 1 on, or a tuple of 1 of them, one for each spatial "
    "axis": lambda: layers.upsample_mean(DY, 2, stride=0),
    "upsample_mean: pad=-1; it takes a whole number from 0 on, or a tuple of 1 of them, one for each spatial "
    "axis": lambda: layers.upsample_mean(DY, 2, pad=-1),
    "upsample_mean: size=0; it takes a whole number from 1 on, or a tuple of 1 of them, one for each spatial "
    "axis": lambda: layers.upsample_mean(DY, 2, size=0),
    "upsample_mean: the window (3,) reaches over (3,) entries, the padded input has (2,); take a smaller window or "
    "dilation, or more padding": lambda: layers.upsample_mean(DY, 3, size=2),
    "upsample_mean: pad=(2,) with window=(3,); pad is at most half the window": lambda: layers.upsample_mean(
        ONES((1, 1, 2)), 3, pad=2, size=4, count_padding=False
    ),
    "upsample_max: place is float64 (1, 1, 2); it takes one whole number from 0 to 1 for each entry of dy, "
    "(1, 1, 2)": lambda: layers.upsample_max(DY, DY * 0, 2),
    "upsample_max: place is int64 (1, 1, 2); it takes one whole number from 0 to 1 for each entry of dy, "
    "(1, 1, 2)": lambda: layers.upsample_max(DY, -DY.astype(int), 2),
    "softmax_cross_entropy: z has shape (3,); it takes (samples, classes)": lambda: layers.softmax_cross_entropy_vjp(
        ONES(3), ONES(3)
    ),
    "softmax_cross_entropy: t has shape (2, 2); one row of targets a sample, so with these z it takes (1, 2)": lambda: (
        layers.softmax_cross_entropy_vjp(ONES((1, 2)), ONES((2, 2)))
    ),
    "half_squared_error: t has shape (2, 2); one target an output, so with these y it takes (1, 2)": lambda: (
        layers.half_squared_error_vjp(ONES((1, 2)), ONES((2, 2)))
    ),
    "batch_norm: eps=inf; it takes a finite number above 0": lambda: layers.batch_norm_vjp(
        ONES((3, 1)), ONES(1), ONES(1), eps=np.inf
    ),
    "p_norm_pool: x has shape (2, 3); it takes (samples, channels, *spatial) with a spatial axis": lambda: (
        layers.p_norm_pool_vjp(ONES((2, 3)), window=2)
    ),
    "max_pool: x has shape (2, 3); it takes (samples, channels, *spatial) with a spatial axis": lambda: (
        layers.max_pool_vjp(ONES((2, 3)), window=2)
    ),
    "subsample: window=0; it takes a whole number from 1 on, or a tuple of 1 of them, one for each spatial "
    "axis": lambda: layers.subsample_vjp(DY, [1.0], [0.0], window=0),
    "dense: x has shape (2,) and w (4, 2); they take (samples, features) and (outputs, features) with the same "
    "features; flatten maps first": lambda: layers.dense_vjp(ONES(2), ONES((4, 2)), ONES(4)),
    "dense: x has shape (2, 3) and w (4, 3, 1); they take (samples, features) and (outputs, features) with the same "
    "features; flatten maps first": lambda: layers.dense_vjp(ONES((2, 3)), ONES((4, 3, 1)), ONES(4)),
    "dense: b has shape (3,); with 4 outputs it takes (4,)": lambda: layers.dense_vjp(
        ONES((2, 3)), ONES((4, 3)), ONES(3)
    ),
    "channels_last_conv: x has shape (1, 5, 2) and w (1, 2, 1); they take (samples, *spatial, channels) and (kernels, "
    "*sides, channels) with the same channels": lambda: layers.channels_last_conv_vjp(
        ONES((1, 5, 2)), ONES((1, 2, 1)), ONES(1)
    ),
    "conv2d: x has shape (1, 1, 5); it takes 4 axes: samples, channels and 2 spatial": lambda: layers.conv2d(
        ONES((1, 1, 5)), ONES((1, 1, 2)), ONES(1)
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_refusal_reads(message):
    with pytest.raises(UsageError) as refused:
        REFUSED[message]()
    assert str(refused.value) == message


def test_the_rank_is_refused_before_the_layer_is_called():
    calls = []
    fixed = of_rank(lambda x, *rest, **config: calls.append((x, rest, config)), "conv2d", 2)
    x = ONES((1, 1, 2, 2))
    fixed(x, "w", stride=2)
    assert calls == [(x, ("w",), {"stride": 2})]
    with pytest.raises(UsageError, match=r"^conv2d: x has shape \(1, 1, 2\); it takes 4 axes: samples, channels and 2"):
        fixed(ONES((1, 1, 2)))
    assert len(calls) == 1


def test_the_smallest_shapes_are_taken():
    assert layers.flatten_vjp(ONES((2, 3)))[0].shape == (2, 3)
    p, softmax_backward = layers.softmax_vjp([1.0, 1.0])
    assert (p.tolist(), softmax_backward([1.0, 0.0])[0].tolist()) == ([0.5, 0.5], [0.25, -0.25])
    assert layers.half_squared_error_vjp([3.0], [1.0])[0] == 2.0
    assert layers.weight_decay_vjp([2.0])[0] == 1e-4 * 2
    assert layers.weight_decay_vjp([2.0], decay=0)[0] == 0
    assert layers.upsample_mean(ONES((1, 1, 1)), 1).tolist() == [[[1.0]]]


def test_what_upsampling_leaves_out():
    # The sides are what the windows just cover: two windows of 3, two apart, less a border of 1 on either side.
    assert layers.upsample_mean(ONES((1, 1, 2)), 3, stride=2, pad=1).shape == (1, 1, 3)
    assert layers.upsample_max(DY, [[[0, 0]]], 3, stride=1).tolist() == [[[1.0, 1.0, 0.0, 0.0]]]
    # The border counts in the area unless it is said not to.
    assert layers.upsample_mean([[[2.0, 2.0]]], 2, pad=1).tolist() == [[[1.0, 1.0]]]
    assert layers.upsample_mean([[[2.0, 2.0]]], 2, pad=1, count_padding=False).tolist() == [[[2.0, 2.0]]]


def test_sums_and_products_keep_the_digits_of_the_finer_precision():
    # Three windows over the middle entry: in float32 neither of the small shares would leave a trace.
    _, backward = layers.p_norm_pool_vjp(ONES((1, 1, 5), np.float32), window=3, p=1, stride=1)
    (dx,) = backward([[[2.0**-24, 2.0**-24, 1.0]]])
    assert dx[0, 0, 2] == np.float32(1 + 2.0**-23)
    _, backward = layers.subsample_vjp(ONES((1, 1, 1)), ONES(1, np.float32), ONES(1, np.float32), window=1)
    assert backward([[[1 / 3]]])[0].tolist() == [[[1 / 3]]]


def test_targets_take_the_precision_of_the_outputs():
    y = ONES((1, 2), np.float32)
    for cost in (layers.half_squared_error_vjp, layers.softmax_cross_entropy_vjp):
        E, backward = cost(y, [[1.0, 0.0]])
        assert (E.dtype, backward(1.0)[0].dtype) == (np.float32, np.float32)
