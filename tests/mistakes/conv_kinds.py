"""Mistakes in the other convolutions: true convolution, with an activation, with the channels last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.layer import Layer
from cnngrad.layers import channels_last_conv, conv_vjp, relu_conv, sigmoid_conv, true_conv
from tests.mistakes.mistake import Mistake, planted, rot180, spoil, without_last


def _through_conv(delta: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    """One gradient of the convolution, with ``delta`` for the cotangent before the activation."""

    def gradient(s: Any) -> Any:
        _, backward = conv_vjp(s.x, s.w, s.b, **s.config)
        return dict(zip("xwb", backward(delta(s)), strict=True))[name]

    return gradient


def _inside(
    layer: Layer, name: str, family: str, says: str, delta: Callable[[Any], Any], inputs: str = "xwb"
) -> Mistake:
    """A mistake in the cotangent that reaches the convolution inside a layer, for some of its inputs."""
    wrong = {each: _through_conv(delta, each) for each in inputs}
    return Mistake(name, layer, family, says, spoil(layer, wrong), tuple(wrong))


def _before(s: Any) -> Any:
    """z, before the activation."""
    return conv_vjp(s.x, s.w, s.b, **s.config)[0]


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def _as_correlation(s: Any, name: str) -> Any:
    """The gradient of the cross-correlation where the forward convolves."""
    return _through_conv(lambda seen: seen.dy, name)(s)


TRUE = (
    planted(
        true_conv, "true_conv_dw_not_rotated_back", "rotation",
        "dw is that of the cross-correlation: it is not rotated back",
        needs="k > 1", w=lambda s: rot180(s.right.w),
    ),
    planted(
        true_conv, "true_conv_dx_rotated_again", "rotation",
        "dx rotates the kernel once more; the forward has rotated it already",
        needs="k > 1", x=lambda s: _as_correlation(s, "x"),
    ),
    planted(
        true_conv, "true_conv_backward_of_correlation", "rotation",
        "the backward is that of cross-correlation, the forward is a true convolution",
        needs="k > 1", x=lambda s: _as_correlation(s, "x"), w=lambda s: _as_correlation(s, "w"),
    ),
    planted(
        true_conv, "true_conv_dw_flipped_over_channels_too", "rotation",
        "dw is flipped along the channels as well as in space",
        needs="c > 1", w=lambda s: np.flip(s.right.w, 1),
    ),
    planted(
        true_conv, "true_conv_dw_one_axis_rotated", "rotation",
        "dw is flipped along its last axis only; a rotation by 180° flips every spatial axis",
        needs="rank > 1", w=lambda s: np.flip(rot180(s.right.w), -1),
    ),
    planted(
        true_conv, "true_conv_parameters_averaged", "constant factor",
        "dw and db are divided by the number of samples",
        needs="batch > 1", w=lambda s: s.right.w / len(s.x), b=lambda s: s.right.b / len(s.x),
    ),
    planted(
        true_conv, "true_conv_db_last_filter_forgotten", "dropped term", "db leaves out the last filter",
        b=lambda s: without_last(s.right.b),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

RELU = (
    _inside(
        relu_conv, "relu_conv_derivative_missing", "activation derivative",
        "dy is not multiplied by [z > 0] before the convolution's backward",
        lambda s: s.dy,
    ),
    _inside(
        relu_conv, "relu_conv_mask_of_dy", "mask", "the mask is taken from dy > 0; it belongs to z > 0",
        lambda s: s.dy * (s.dy > 0),
    ),
    _inside(
        relu_conv, "relu_conv_guided", "mask", "the mask is [z > 0] and [dy > 0]: guided backpropagation, no gradient",
        lambda s: s.dy * (s.out > 0) * (s.dy > 0),
    ),
    _inside(
        relu_conv, "relu_conv_mask_inverted", "mask", "the mask is [z <= 0], the wrong way round",
        lambda s: s.dy * (s.out <= 0),
    ),
    _inside(
        relu_conv, "relu_conv_parameters_without_mask", "activation derivative",
        "dw and db use dy; they take dy times [z > 0], as dx does",
        lambda s: s.dy, "wb",
    ),
    _inside(
        relu_conv, "relu_conv_db_from_dy", "wrong input", "db sums dy where it must sum dy times [z > 0]",
        lambda s: s.dy, "b",
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

SIGMOID = (
    _inside(
        sigmoid_conv, "sigmoid_conv_derivative_missing", "activation derivative",
        "dy is not multiplied by y(1 - y) before the convolution's backward",
        lambda s: s.dy,
    ),
    _inside(
        sigmoid_conv, "sigmoid_conv_derivative_twice", "activation derivative",
        "y(1 - y) is multiplied twice, as code that changes dy in place does",
        lambda s: s.dy * (s.out * (1 - s.out)) ** 2,
    ),
    _inside(
        sigmoid_conv, "sigmoid_conv_derivative_of_z", "activation derivative",
        "the derivative is z(1 - z); z is before the sigmoid, the formula takes y",
        lambda s: s.dy * _before(s) * (1 - _before(s)),
    ),
    _inside(
        sigmoid_conv, "sigmoid_conv_derivative_at_y", "activation derivative",
        "the sigmoid's derivative is evaluated at y, it belongs at z",
        lambda s: s.dy * _sigmoid(s.out) * (1 - _sigmoid(s.out)),
    ),
    _inside(
        sigmoid_conv, "sigmoid_conv_derivative_of_tanh", "activation derivative",
        "the derivative is 1 - y², that of tanh",
        lambda s: s.dy * (1 - s.out**2),
    ),
    _inside(
        sigmoid_conv, "sigmoid_conv_db_without_derivative", "wrong input",
        "db sums dy where it must sum dy times y(1 - y)",
        lambda s: s.dy, "b",
    ),
    planted(
        sigmoid_conv, "sigmoid_conv_derivative_of_layer_below", "activation derivative",
        "dx is multiplied by x(1 - x), which belongs to the layer below",
        x=lambda s: s.right.x * s.x * (1 - s.x),
    ),
    _inside(
        sigmoid_conv, "sigmoid_conv_dx_derivative_again", "activation derivative",
        "dx alone has y(1 - y) twice",
        lambda s: s.dy * (s.out * (1 - s.out)) ** 2, "x",
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

CHANNELS_LAST = (
    planted(
        channels_last_conv, "channels_last_dx_reshaped", "transpose",
        "dx is reshaped from channels first; its channel axis must be moved",
        needs="c > 1", x=lambda s: np.moveaxis(s.right.x, -1, 1).reshape(s.x.shape),
    ),
    planted(
        channels_last_conv, "channels_last_dw_flipped_in_last_two_axes", "rotation",
        "dw is flipped along its last two axes, which are not the spatial ones",
        needs="c > 1", w=lambda s: s.right.w[..., ::-1, ::-1],
    ),
    planted(
        channels_last_conv, "channels_last_db_dy_reshaped", "axis",
        "db sums dy as if the channels were on axis 1",
        needs="f > 1", b=lambda s: s.dy.reshape(len(s.w), -1).sum(axis=1),
    ),
    planted(
        channels_last_conv, "channels_last_dw_first_channel_everywhere", "axis",
        "every channel's dw reads the first channel of x",
        needs="c > 1", w=lambda s: np.repeat(s.right.w[..., :1], s.w.shape[-1], axis=-1),
    ),
    planted(
        channels_last_conv, "channels_last_dw_half", "constant factor", "dw has a factor ½ too much",
        w=lambda s: s.right.w / 2,
    ),
    planted(
        channels_last_conv, "channels_last_dx_shifted", "geometry",
        "dx is shifted by one entry along its last spatial axis",
        needs="width > 1", x=lambda s: np.roll(s.right.x, 1, axis=-2),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

MISTAKES: tuple[Mistake, ...] = (*TRUE, *RELU, *SIGMOID, *CHANNELS_LAST)
