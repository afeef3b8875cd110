"""The third set: dense layers, activations, and backwards that remember."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.layer import Vjp
from cnngrad.layers import batch_norm, dense, flatten, identity, neuron, relu, sigmoid, tanh
from cnngrad.networks import pre_activation
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip

after_tanh = pre_activation(tanh)


def _of_the_first_forward() -> Vjp:
    first: dict[Any, Any] = {}

    def vjp(x: Any, w: Any, b: Any) -> tuple[Any, Callable[[Any], Any]]:
        y, backward = dense.vjp(x, w, b)
        cached = first.setdefault(np.shape(x), np.array(x))

        def stale(dy: Any) -> tuple[Any, ...]:
            dx, _, db = backward(dy)
            return dx, dy.T @ cached.astype(w.dtype), db

        return y, stale

    return vjp


def _one_mask_for_all() -> Vjp:
    masks: dict[Any, Any] = {}

    def vjp(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        masks[np.shape(x)] = np.array(x) > 0
        return relu.vjp(x)[0], lambda dy: (dy * masks[np.shape(x)],)

    return vjp


def _never_set_to_zero(*inputs: Any, **config: Any) -> tuple[Any, Callable[[Any], Any]]:
    y, backward = batch_norm.vjp(*inputs, **config)
    so_far = np.zeros_like(inputs[2])

    def accumulates(dy: Any) -> tuple[Any, ...]:
        nonlocal so_far
        dx, d_gamma, d_beta = backward(dy)
        so_far = so_far + d_beta
        return dx, d_gamma, so_far

    return y, accumulates


def _unfinished_delta(s: Any) -> Any:
    return s.dy * (sigmoid.vjp(s.x @ s.w + s.b)[0] - s.t)


REMEMBERING = (
    Mistake(
        "dense_dw_of_the_first_forward", dense, "stale cache",
        "dw multiplies dy with the x of the first forward pass: what is kept is not renewed by later ones",
        _of_the_first_forward(), ("w",), "a second forward",
    ),
    Mistake(
        "relu_mask_of_the_latest_forward", relu, "stale cache",
        "the mask is kept in one place for all calls: an earlier call's backward uses the mask of the latest forward",
        _one_mask_for_all(), ("x",), "a second forward",
    ),
    Mistake(
        "batch_norm_dbeta_never_set_to_zero", batch_norm, "accumulated",
        "dβ is added to what the backward before has left and never set to zero",
        _never_set_to_zero, ("beta",), "a second backward",
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

CONNECTED = (
    slip(
        dense, "dense_dw_reshaped", "transpose",
        "dw is (xᵀ dy).reshape(w.shape) where it is the transpose, dyᵀ x: a reshape only hides the wrong shape",
        needs="features > 1 and outputs > 1", w=lambda s: (s.x.T @ s.dy).reshape(s.w.shape),
    ),
    slip(
        dense, "dense_db_mean_of_samples", "constant factor",
        "db is dy.mean(axis=0) where it is the sum; dw is summed",
        needs="batch > 1", b=lambda s: s.dy.mean(axis=0),
    ),
    slip(
        dense, "dense_dx_with_the_next_weights", "wrong input",
        "dx is computed with the weights after the update, w - 0.1 dw, and not with those of the forward pass",
        x=lambda s: s.dy @ (s.w - 0.1 * s.right.w),
    ),
    slip(
        dense, "dense_dw_product_of_means", "axis",
        "dw is N mean(dy)ᵀ mean(x), a product of two means, where it is the sum of each sample's product",
        needs="batch > 1", w=lambda s: len(s.x) * np.outer(s.dy.mean(axis=0), s.x.mean(axis=0)),
    ),
    slip(
        dense, "dense_dw_with_decay", "missing term",
        "dw has a term too many, λ w with λ = 0.01: the weight decay is no part of this forward",
        w=lambda s: s.right.w + 0.01 * s.w,
    ),
    slip(
        flatten, "flatten_backward_in_matlab_order", "order",
        "the backward is MATLAB's reshape: the samples run fastest there, so entries change samples",
        needs="batch > 1", x=lambda s: s.dy.reshape(s.x.shape, order="F"),
    ),
    slip(
        flatten, "flatten_backward_row_by_row", "order",
        "the forward reads maps column by column, the backward reshapes dy row by row",
        needs="column by column", x=lambda s: s.dy.reshape(s.x.shape),
    ),
    slip(
        neuron, "neuron_error_turned_round", "sign",
        "δ has (t - a) for (a - t): all gradients point downhill, as an update that adds them needs",
        x=lambda s: -s.right.x, w=lambda s: -s.right.w, b=lambda s: -s.right.b,
    ),
    slip(
        neuron, "neuron_x_and_w_exchanged", "wrong input",
        "dw = δ w and dx = δ x: the two inputs are exchanged", x=lambda s: s.right.w, w=lambda s: s.right.x,
    ),
    slip(
        neuron, "neuron_delta_of_cross_entropy", "activation derivative",
        "δ = a - t, as for the cross-entropy: with the squared error it has the factor a(1 - a)",
        x=lambda s: _unfinished_delta(s) * s.w, w=lambda s: _unfinished_delta(s) * s.x, b=_unfinished_delta,
    ),
    slip(
        after_tanh, "recursion_dw_from_before_activation", "wrong input",
        "dW = δ ⊗ z: it takes the values before the activation, where the weights saw f(z)",
        w=lambda s: s.dy.T @ s.z,
    ),
    slip(
        after_tanh, "recursion_dz_without_slope", "activation derivative",
        "the hidden δ is Σ_k W_kh δ_k: the factor f′(z) is missing", z=lambda s: s.dy @ s.w,
    ),
    slip(
        after_tanh, "recursion_product_of_sums", "axis",
        "the hidden δ is f′ (Σ δ_k)(Σ_k W_kh), a product of two sums, where it is f′ Σ_k W_kh δ_k",
        needs="o > 1", z=lambda s: (1 - np.tanh(s.z) ** 2) * s.dy.sum(axis=1, keepdims=True) * s.w.sum(axis=0),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

ELEMENTWISE = (
    slip(relu, "relu_mask_not_binary", "mask", "dx = dy ⊙ max(x, 0): the mask is the output itself, not 0 and 1",
         x=lambda s: s.dy * s.out),
    slip(relu, "relu_slope_of_absolute_value", "mask", "dx = dy ⊙ sign(x): -dy, not 0, where x is negative",
         x=lambda s: s.dy * np.sign(s.x)),
    slip(sigmoid, "sigmoid_slope_without_y", "missing term", "f′ is 1 - y: the factor y is missing",
         x=lambda s: s.dy * (1 - s.out)),
    slip(tanh, "tanh_with_the_slope_of_sigmoid", "activation derivative", "f′ is y(1 - y), the sigmoid's slope",
         x=lambda s: s.dy * s.out * (1 - s.out)),
    slip(identity, "identity_multiplied_by_x", "wrong input", "dx = dy ⊙ x, as if y were x²/2", x=lambda s: s.dy * s.x),
    slip(sigmoid, "sigmoid_slope_with_x", "activation derivative", "f′ is x(1 - x): x stands where y belongs",
         x=lambda s: s.dy * s.x * (1 - s.x)),
    slip(tanh, "tanh_slope_not_squared", "power", "f′ is 1/cosh x where it is 1/cosh² x",
         x=lambda s: s.dy / np.cosh(s.x)),
    slip(tanh, "tanh_without_dy", "missing term", "dx is f′(x) alone: dy is left out, which is right for dy = 1 only",
         x=lambda s: 1 - s.out**2),
    slip(identity, "identity_with_a_sigmoid_slope", "activation derivative",
         "dx = dy ⊙ y(1 - y): the slope of the sigmoid for a linear activation",
         x=lambda s: s.dy * s.out * (1 - s.out)),
)  # fmt: skip  # a table: what belongs together stays on one line

DENSE = (*REMEMBERING, *CONNECTED, *ELEMENTWISE)
