"""The fourth set's mistakes in dense layers, activations and the single neuron, written without sight of the rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.layer import Backward, Vjp
from cnngrad.layers import dense, flatten, identity, neuron, relu, sigmoid, tanh
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip

DENSE = (
    slip(
        dense,
        "hands_back_through_new_weights",
        "wrong input",
        "the weights are updated before dx = dy W is computed: keep those of the forward pass",
        x=lambda s: s.dy @ (s.w - 0.5 * s.dy.T @ s.x),
    ),
    slip(
        dense,
        "weights_reshaped_to_fit",
        "transpose",
        "xᵀ dy is (features, outputs); reshape gives it the shape of W but not its order: dyᵀ x",
        w=lambda s: (s.x.T @ s.dy).reshape(s.w.shape),
        needs="several outputs and features",
    ),
    slip(
        dense,
        "examples_counted_from_one",
        "dropped sample",
        "the loop over the examples starts at 1, as in MATLAB, and never reaches the first one",
        w=lambda s: s.dy[1:].T @ s.x[1:],
        b=lambda s: s.dy[1:].sum(axis=0),
    ),
)


def _two_axes_exchanged(s: Any) -> Any:
    if not s.config["row_fastest"] or s.x.ndim < 4:
        return s.right.x
    *outer, height, width = s.x.shape
    return s.dy.reshape(*outer, width, height).swapaxes(-1, -2)


FLATTEN = (
    slip(
        flatten,
        "vector_read_row_by_row",
        "transpose",
        "the vector was written column by column and is read back row by row",
        x=lambda s: s.dy.reshape(s.x.shape),
        needs="column by column",
    ),
    slip(
        flatten,
        "two_axes_exchanged_in_volumes",
        "transpose",
        "reversing three spatial axes is more than exchanging the last two",
        x=_two_axes_exchanged,
        needs="rank 3",
    ),
)


def _mask_on_the_object() -> Vjp:
    """A rectifier that keeps its mask in one place for all calls."""
    kept: dict[str, Any] = {}

    def vjp(x: Any) -> tuple[Any, Backward]:
        y, _ = relu.vjp(x)
        own = kept["mask"] = np.real(y) > 0

        def backward(dy: Any) -> tuple[Any]:
            mask = kept["mask"] if kept["mask"].shape == own.shape else own
            return (np.asarray(dy * mask, y.dtype),)

        return y, backward

    return vjp


RELU = (
    slip(
        relu,
        "rectified_input_as_slope",
        "activation derivative",
        "dy is multiplied by max(x, 0), the function; its derivative is 1 where x > 0",
        x=lambda s: s.dy * np.maximum(s.x, 0),
    ),
    Mistake(
        "mask_shared_by_all_calls",
        relu,
        "stale cache",
        "the mask is kept on the object, where the next forward pass overwrites it",
        _mask_on_the_object(),
        ("x",),
    ),
)

SIGMOID = (
    slip(
        sigmoid,
        "slope_of_tanh",
        "activation derivative",
        "1 - y² is the derivative of tanh; of the sigmoid it is y(1 - y)",
        x=lambda s: s.dy * (1 - s.out**2),
    ),
    slip(
        sigmoid,
        "slope_overflows",
        "not a number",
        "e^-x / (1 + e^-x)² is ∞/∞ for very negative x: write y(1 - y)",
        x=lambda s: s.dy * np.exp(-s.x) / (1 + np.exp(-s.x)) ** 2,
        needs="very negative numbers",
    ),
)

TANH = (
    slip(
        tanh,
        "tanh_of_its_own_output",
        "activation derivative",
        "1 - tanh² is evaluated at y = tanh(x), which is tanh taken twice: 1 - y²",
        x=lambda s: s.dy * (1 - np.tanh(s.out) ** 2),
    ),
    slip(
        tanh,
        "output_kept_in_single_precision",
        "precision",
        "y is kept as float32 for the backward pass, which halves the digits of dx",
        x=lambda s: s.dy * (1 - np.asarray(s.out, np.float32) ** 2),
    ),
)

IDENTITY = (
    slip(
        identity,
        "slope_without_cotangent",
        "missing term",
        "the derivative is 1, but dx is dy times it: return dy, not ones",
        x=lambda s: np.ones_like(s.x),
    ),
    slip(
        identity,
        "error_averaged_over_examples",
        "constant factor",
        "dy is divided by the batch size; no mean was taken here",
        x=lambda s: s.dy / len(s.x),
        needs="batch > 1",
    ),
)


def _delta(s: Any) -> Any:
    """δ of the neuron with the cross-entropy's simple form, a - t."""
    return s.dy * (1 / (1 + np.exp(-(s.w @ s.x + s.b))) - s.t)


NEURON = (
    slip(
        neuron,
        "delta_of_the_cross_entropy",
        "activation derivative",
        "δ = a - t belongs to the cross-entropy; with the squared error it is (a - t) a(1 - a)",
        x=lambda s: _delta(s) * s.w,
        w=lambda s: _delta(s) * s.x,
        b=_delta,
    ),
    slip(
        neuron,
        "example_is_data",
        "missing term",
        "dx is left at zero because x is data; in a network it is what the layer below needs, δ w",
        x=lambda s: np.zeros_like(s.x),
    ),
    slip(
        neuron,
        "bias_from_target_minus_output",
        "sign",
        "db has t - a, the error, where the derivative of ½(t - a)² has a - t",
        b=lambda s: -s.right.b,
    ),
)

DENSE_AND_ACTIVATIONS: tuple[Mistake, ...] = (*DENSE, *FLATTEN, *RELU, *SIGMOID, *TANH, *IDENTITY, *NEURON)
