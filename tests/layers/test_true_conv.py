"""True convolution: the kernel is rotated, once."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import conv_vjp, true_conv1d, true_conv2d, true_conv3d, true_conv_vjp

IMAGE = np.arange(1.0, 10).reshape(1, 1, 3, 3)
KERNEL = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])


def test_worked_example():
    y, backward = true_conv_vjp(IMAGE, KERNEL, [0.0])
    assert y.tolist() == [[[[23.0, 33.0], [53.0, 63.0]]]]
    dx, dw, db = backward([[[[1.0, 0.0], [0.0, 2.0]]]])
    assert dx.tolist() == [[[[4.0, 3.0, 0.0], [2.0, 9.0, 6.0], [0.0, 4.0, 2.0]]]]
    assert dw.tolist() == [[[[23.0, 20.0], [14.0, 11.0]]]]
    assert db.tolist() == [3.0]


def test_it_is_not_cross_correlation_unless_the_kernel_is_symmetric():
    even = np.ones((1, 1, 2, 2))
    assert not np.array_equal(true_conv_vjp(IMAGE, KERNEL, [0.0])[0], conv_vjp(IMAGE, KERNEL, [0.0])[0])
    assert np.array_equal(true_conv_vjp(IMAGE, even, [0.0])[0], conv_vjp(IMAGE, even, [0.0])[0])


def test_every_spatial_axis_is_turned():
    for layer, rank in ((true_conv1d, 1), (true_conv2d, 2), (true_conv3d, 3)):
        kernel = np.arange(2.0**rank).reshape(1, 1, *[2] * rank)
        impulse = np.zeros((1, 1, *[3] * rank))
        impulse[(0, 0, *[1] * rank)] = 1
        assert np.array_equal(layer(impulse, kernel, [0.0])[0], kernel)


def test_channels_that_differ_are_refused():
    with pytest.raises(UsageError, match=r"w has 1 input channels .* and x has 2"):
        true_conv_vjp(np.ones((1, 2, 3)), np.ones((1, 1, 2)), [0.0])
    with pytest.raises(UsageError, match=r"true_conv2d: x has shape \(1, 2, 3\); it takes 4 axes"):
        true_conv2d(np.ones((1, 2, 3)), np.ones((1, 2, 2)), [0.0])
