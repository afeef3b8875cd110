"""Mistakes in the functions of single numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import identity, relu, sigmoid, tanh
from tests.mistakes.mistake import Mistake, one_sign, planted


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


RELU = (
    planted(
        relu, "relu_mask_of_dy", "mask", "the mask is taken from dy > 0; it belongs to x > 0",
        x=lambda s: s.dy * (s.dy > 0),
    ),
    planted(
        relu, "relu_mask_y_not_negative", "mask", "the mask is [y >= 0], which is true everywhere",
        x=lambda s: s.dy * (s.out >= 0),
    ),
    planted(
        relu, "relu_mask_inverted", "mask", "the mask is [x <= 0], the wrong way round", x=lambda s: s.dy * (s.x <= 0),
    ),
    planted(
        relu, "relu_leaky", "activation derivative",
        "the derivative is that of the leaky rectifier: 0.01 where x < 0",
        x=lambda s: np.where(s.x > 0, s.dy, 0.01 * s.dy),
    ),
    planted(
        relu, "relu_times_y", "activation derivative", "dy is multiplied by y where it must be masked by y > 0",
        x=lambda s: s.dy * s.out,
    ),
    planted(
        relu, "relu_sign", "activation derivative", "the derivative is sign(x): it is -1 where x < 0",
        x=lambda s: s.dy * np.sign(s.x),
    ),
    planted(
        relu, "relu_quotient", "mask", "the mask is y/x, which is no number at x = 0",
        needs="zeros", x=lambda s: s.dy * (s.out / s.x),
    ),
    planted(
        relu, "relu_both_sides_at_zero", "mask", "at 0 the slopes of both sides are added up",
        needs="zeros", x=lambda s: s.dy * ((s.x >= 0) * 1.0 + (s.x == 0)),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

SIGMOID = (
    planted(
        sigmoid, "sigmoid_derivative_missing", "activation derivative", "the derivative y(1 - y) is missing",
        x=lambda s: s.dy,
    ),
    planted(
        sigmoid, "sigmoid_derivative_twice", "activation derivative", "y(1 - y) is multiplied twice",
        x=lambda s: s.dy * (s.out * (1 - s.out)) ** 2,
    ),
    planted(
        sigmoid, "sigmoid_derivative_of_x", "activation derivative", "the derivative is x(1 - x); it takes y",
        x=lambda s: s.dy * s.x * (1 - s.x),
    ),
    planted(
        sigmoid, "sigmoid_derivative_at_y", "activation derivative",
        "the sigmoid's derivative is evaluated at y, not at x",
        x=lambda s: s.dy * _sigmoid(s.out) * (1 - _sigmoid(s.out)),
    ),
    planted(
        sigmoid, "sigmoid_derivative_y", "activation derivative", "the derivative is y; the factor 1 - y is missing",
        x=lambda s: s.dy * s.out,
    ),
    planted(
        sigmoid, "sigmoid_square_forgotten", "activation derivative",
        "the derivative is e^-x/(1 + e^-x); the square of the denominator is missing",
        x=lambda s: s.dy * (1 - s.out),
    ),
    planted(
        sigmoid, "sigmoid_derivative_y_plus", "activation derivative", "the derivative is y(1 + y); the sign is wrong",
        x=lambda s: s.dy * s.out * (1 + s.out),
    ),
    planted(
        sigmoid, "sigmoid_derivative_of_tanh", "activation derivative", "the derivative is 1 - y², that of tanh",
        x=lambda s: s.dy * (1 - s.out**2),
    ),
    planted(
        sigmoid, "sigmoid_y_minus_one", "constant factor", "the derivative is y(y - 1); the sign is wrong",
        x=lambda s: s.dy * s.out * (s.out - 1),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

TANH = (
    planted(
        tanh, "tanh_square_forgotten", "activation derivative", "the derivative is 1 - y; the square of y is missing",
        x=lambda s: s.dy * (1 - s.out),
    ),
    planted(
        tanh, "tanh_derivative_of_x", "activation derivative", "the derivative is 1 - x²; it takes y",
        x=lambda s: s.dy * (1 - s.x**2),
    ),
    planted(
        tanh, "tanh_derivative_of_sigmoid", "activation derivative", "the derivative is y(1 - y), that of the sigmoid",
        x=lambda s: s.dy * s.out * (1 - s.out),
    ),
    planted(
        tanh, "tanh_square_outside", "activation derivative", "the derivative is (1 - y)²; it is 1 - y²",
        x=lambda s: s.dy * (1 - s.out) ** 2,
    ),
    planted(
        tanh, "tanh_derivative_at_y", "activation derivative", "the derivative of tanh is evaluated at y, not at x",
        x=lambda s: s.dy * (1 - np.tanh(s.out) ** 2),
    ),
    planted(
        tanh, "tanh_one_over_cosh", "activation derivative", "the derivative is 1/cosh x; the square is missing",
        x=lambda s: s.dy / np.cosh(s.x),
    ),
    planted(
        tanh, "tanh_derivative_missing", "activation derivative", "the derivative 1 - y² is missing", x=lambda s: s.dy,
    ),
    planted(
        tanh, "tanh_one_sign", "one element", "one entry of dx has the wrong sign", x=lambda s: one_sign(s.right.x),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

IDENTITY = (
    planted(
        identity, "identity_times_x", "activation derivative", "dy is multiplied by x; the derivative of x is 1",
        x=lambda s: s.dy * s.x,
    ),
    planted(
        identity, "identity_averaged", "constant factor", "dx is divided by the number of samples",
        needs="batch > 1", x=lambda s: s.dy / len(s.x),
    ),
    planted(
        identity, "identity_first_sample_for_all", "axis", "every sample gets the dx of the first",
        needs="batch > 1", x=lambda s: np.repeat(s.dy[:1], len(s.x), axis=0),
    ),
    planted(
        identity, "identity_constant", "missing term", "dx is 0, as if the layer were a constant",
        x=lambda s: np.zeros_like(s.x),
    ),
    planted(
        identity, "identity_one_entry_off", "one element", "one entry of dx is too large by a millionth of itself",
        x=lambda s: s.dy * np.where(np.arange(s.x.size).reshape(s.x.shape) == s.x.size // 2, 1 + 2.0**-20, 1.0),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

MISTAKES: tuple[Mistake, ...] = (*RELU, *SIGMOID, *TANH, *IDENTITY)
