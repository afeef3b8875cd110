"""Cross-correlation: worked numbers, tuples for each axis, LeNet's sizes, refused shapes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import conv, conv1d, conv2d, conv3d, conv_vjp
from cnngrad.layers import conv as conv_layer

IMAGE = np.arange(1.0, 10).reshape(1, 1, 3, 3)
KERNEL = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])


def test_worked_example():
    y, backward = conv_vjp(IMAGE, KERNEL, [1.0])
    assert y.tolist() == [[[[38.0, 48.0], [68.0, 78.0]]]]
    dx, dw, db = backward([[[[1.0, 0.0], [0.0, 2.0]]]])
    assert dx.tolist() == [[[[1.0, 2.0, 0.0], [3.0, 6.0, 4.0], [0.0, 6.0, 8.0]]]]
    assert dw.tolist() == [[[[11.0, 14.0], [20.0, 23.0]]]]
    assert db.tolist() == [3.0]


def test_each_axis_has_its_own_stride_padding_and_dilation():
    x = np.arange(1.0, 13).reshape(1, 1, 3, 4)
    y, backward = conv_vjp(x, KERNEL, [0.0], stride=(2, 3), pad=(1, 0), dilation=(1, 2))
    # Rows 0 and 2 of the padded image, columns 0 with 2: a border of zeros above and below, none beside.
    assert y.tolist() == [[[[3 * 1 + 4 * 3], [5 + 2 * 7 + 3 * 9 + 4 * 11]]]]
    dx, _, _ = backward([[[[1.0], [10.0]]]])
    assert dx.tolist() == [[[[3.0, 0.0, 4.0, 0.0], [10.0, 0.0, 20.0, 0.0], [30.0, 0.0, 40.0, 0.0]]]]


def test_a_remainder_gets_gradient_zero():
    _, backward = conv_vjp(np.ones((1, 1, 6)), np.ones((1, 1, 2)), [0.0], stride=3)
    assert backward([[[1.0, 1.0]]])[0].tolist() == [[[1.0, 1.0, 0.0, 1.0, 1.0, 0.0]]]


def test_kernel_gradients_of_seed_000_have_side_5():
    for side, channels, kernels in ((28, 1, 6), (12, 6, 12)):
        x, w = np.ones((2, channels, side, side)), np.ones((kernels, channels, 5, 5))
        y, backward = conv_vjp(x, w, np.zeros(kernels))
        assert y.shape == (2, kernels, side - 4, side - 4)
        assert backward(y)[1].shape == w.shape


@pytest.mark.parametrize(("samples_a_block", "blocks"), [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (3, [3, 2]), (5, [5])])
def test_samples_in_several_blocks_give_what_one_block_gives(monkeypatch, samples_a_block, blocks):
    rng = np.random.default_rng(0)
    x, w, b = rng.integers(-4, 5, (5, 2, 6, 5)) * 1.0, rng.integers(-4, 5, (3, 2, 3, 2)) * 1.0, np.ones(3)
    y, backward = conv_vjp(x, w, b, stride=2, pad=1)
    monkeypatch.setattr("cnngrad.layers._windows.Windows.columns", _counted(calls := []))
    # A sample has as many columns as windows, with an entry for each channel and each place in the window.
    entries = 2 * 3 * 2 * y[0, 0].size
    # cnngrad.layers.conv as an attribute is the Layer, which hides the module of the same name.
    monkeypatch.setattr(sys.modules["cnngrad.layers.conv"], "BLOCK_ENTRIES", samples_a_block * entries)
    y_blocks, backward_blocks = conv_vjp(x, w, b, stride=2, pad=1)
    assert [shape[0] for shape in calls] == blocks
    assert np.array_equal(y, y_blocks)
    for one, other in zip(backward(y), backward_blocks(y), strict=True):
        assert np.array_equal(one, other)
    # The columns of one block are kept for the backward pass, those of several are made again.
    assert [shape[0] for shape in calls] == (blocks if len(blocks) == 1 else 2 * blocks)


def _counted(calls):
    from cnngrad.layers._windows import Windows

    columns = Windows.columns

    def counted(self, padded):
        calls.append(padded.shape)
        return columns(self, padded)

    return counted


def test_fixed_ranks_take_only_their_rank():
    for layer, rank in ((conv1d, 1), (conv2d, 2), (conv3d, 3)):
        inputs = np.ones((1, 1, *[3] * rank)), np.ones((1, 1, *[2] * rank)), np.zeros(1)
        assert np.array_equal(layer(*inputs)[0], conv(*inputs)[0])
        with pytest.raises(
            UsageError, match=rf"{layer.name}: x has shape \(1, 3\); it takes {rank + 2} axes: samples, channels"
        ):
            layer(np.ones((1, 3)), *inputs[1:])


def test_a_stride_configured_for_good_leaves_the_declared_configurations_of_its_rank():
    narrowed = conv2d.configured(stride=2)
    assert narrowed.dims["stride"] == (2, 2)
    # The layer of any rank has one stride an axis in its dims, which one number does not describe.
    assert conv_layer.configured(stride=2).dims is None


@pytest.mark.parametrize(
    ("x", "w", "b", "config", "message"),
    [
        ((2, 3), (1, 3), (1,), {}, r"x has shape \(2, 3\); it takes \(samples, channels, \*spatial\)"),
        ((1, 2, 4, 4), (1, 2, 2), (1,), {}, r"w has shape \(1, 2, 2\) and x \(1, 2, 4, 4\); w takes .* as x, 4"),
        (
            (1, 2, 4),
            (5, 3, 2),
            (5,),
            {},
            r"w has 3 input channels \(axis 1 of \(5, 3, 2\)\) and x has 2 .*; the two must be equal$",
        ),
        ((1, 2, 4), (5, 2, 2), (4,), {}, r"b has shape \(4,\); with 5 kernels it takes \(5,\)"),
        ((1, 1, 4), (1, 1, 5), (1,), {}, r"kernel \(5,\) reaches over \(5,\) entries, the padded input has \(4,\)"),
        ((1, 1, 4), (1, 1, 3), (1,), {"dilation": 2}, r"reaches over \(5,\).*take a smaller kernel or dilation, or"),
        ((1, 1, 4), (1, 1, 2), (1,), {"stride": 0}, r"stride=0; it takes a whole number from 1 on, or a tuple of 1"),
        ((1, 1, 4), (1, 1, 2), (1,), {"pad": -1}, r"pad=-1; it takes a whole number from 0 on"),
        ((1, 1, 4), (1, 1, 2), (1,), {"pad": "same"}, r"pad='same'; it takes a whole number from 0 on"),
        ((1, 1, 4), (1, 1, 2), (1,), {"dilation": (1, 1)}, r"dilation=\(1, 1\); it takes .* a tuple of 1 of them"),
        ((1, 1, 4), (1, 1, 2), (1,), {"stride": 1.5}, r"stride=1.5; it takes a whole number"),
    ],
)
def test_what_is_refused(x, w, b, config, message):
    with pytest.raises(UsageError, match=r"conv: .*" + message):
        conv_vjp(np.ones(x), np.ones(w), np.ones(b), **config)
