"""Mistakes in the fully connected layer, the flattening, and the single neuron."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.layers import dense, flatten, flatten_vjp, neuron
from tests.mistakes.mistake import Mistake, only_sample, planted, without_last

_first_x: dict[tuple[int, ...], Array] = {}
_total_dw: dict[tuple[int, ...], Array] = {}


def _from_first_x(s: Any) -> Any:
    """The dw of the x that was kept at the first call of this shape and never again."""
    return s.dy.T @ _first_x.setdefault(s.x.shape, s.x)


def _accumulated(s: Any) -> Any:
    """The dw added to that of every call before, as ``self.dw += ...`` without a reset does."""
    key = (*s.x.shape, *s.w.shape)
    _total_dw[key] = _total_dw.get(key, 0) + s.right.w
    return _total_dw[key]


DENSE = (
    planted(
        dense, "dense_dw_transposed", "transpose", "dw is xᵀ dy, the transpose of what w takes",
        needs="features > 1 and outputs > 1", w=lambda s: (s.x.T @ s.dy).reshape(s.w.shape),
    ),
    planted(
        dense, "dense_dx_weight_transposed", "transpose", "dx multiplies by the transposed weight",
        needs="features > 1 and outputs > 1", x=lambda s: s.dy @ s.w.T.reshape(s.w.shape),
    ),
    planted(
        dense, "dense_dw_averaged", "constant factor", "dw is divided by the number of samples",
        needs="batch > 1", w=lambda s: s.right.w / len(s.x),
    ),
    planted(
        dense, "dense_db_averaged", "constant factor", "db averages over the batch where it must sum",
        needs="batch > 1", b=lambda s: s.dy.mean(axis=0),
    ),
    planted(
        dense, "dense_db_summed_over_outputs", "axis", "db sums over the outputs; it must sum over the samples",
        b=lambda s: s.dy.sum(axis=1),
    ),
    planted(
        dense, "dense_db_not_summed", "axis", "db is dy itself, not summed over the samples", b=lambda s: s.dy,
    ),
    planted(
        dense, "dense_db_first_sample", "dropped sample", "db is dy of the first sample only",
        needs="batch > 1", b=lambda s: s.dy[0],
    ),
    planted(
        dense, "dense_dw_last_sample_dropped", "dropped sample", "dw leaves out the last sample",
        w=lambda s: without_last(s.dy).T @ s.x,
    ),
    planted(
        dense, "dense_dw_assigned_in_the_batch_loop", "assignment", "dw is assigned for each sample, it must be added",
        needs="batch > 1", w=lambda s: only_sample(s.dy, -1).T @ s.x,
    ),
    planted(
        dense, "dense_dx_after_the_update", "wrong input", "dx uses the weights as they are after the update",
        x=lambda s: s.dy @ (s.w - 0.125 * s.right.w),
    ),
    planted(
        dense, "dense_dx_last_feature_dropped", "dropped term",
        "dx of the last feature is 0, as if it were the column of the bias",
        x=lambda s: without_last(s.right.x, axis=1),
    ),
    planted(
        dense, "dense_dx_and_dw_exchanged", "order", "the gradients of x and w are returned in each other's place",
        x=lambda s: s.right.w, w=lambda s: s.right.x,
    ),
    planted(
        dense, "dense_db_none", "missing term", "None is returned where the gradient of b is due", b=lambda s: None,
    ),
    planted(
        dense, "dense_dw_samples_reversed", "axis", "dw pairs each sample's dy with another sample's x",
        needs="batch > 1", w=lambda s: s.dy[::-1].T @ s.x,
    ),
    planted(
        dense, "dense_dw_of_first_x", "stale cache", "dw uses the x of the first call",
        needs="a second call", w=_from_first_x,
    ),
    planted(
        dense, "dense_dw_accumulated", "accumulated", "dw is added to that of earlier calls",
        needs="a second call", w=_accumulated,
    ),
)  # fmt: skip  # a table: what belongs together stays on one line


def _put_back(s: Any, dy: Any) -> Any:
    """The right dx of another dy, whose entries are read in a row."""
    _, backward = flatten_vjp(s.x, **s.config)
    return backward(dy.reshape(s.dy.shape))[0]


FLATTEN = (
    planted(
        flatten, "flatten_dx_row_by_row", "transpose",
        "dx is filled row by row; the forward reads column by column",
        needs="column by column", x=lambda s: s.dy.reshape(s.x.shape),
    ),
    planted(
        flatten, "flatten_dx_samples_mixed", "transpose",
        "dx is filled in column order over the whole batch, which mixes samples",
        needs="more than one axis", x=lambda s: s.dy.reshape(s.x.shape, order="F"),
    ),
    planted(
        flatten, "flatten_dx_channels_last", "transpose", "dx is read as if the maps came last",
        needs="c > 1", x=lambda s: _put_back(s, s.dy.reshape(len(s.x), -1, s.x.shape[1]).swapaxes(1, 2)),
    ),
    planted(
        flatten, "flatten_dx_samples_in_columns", "transpose", "dy is transposed, as if the samples were its columns",
        needs="batch > 1", x=lambda s: _put_back(s, s.dy.T),
    ),
    planted(
        flatten, "flatten_dx_reversed", "rotation", "dx comes in the opposite order", x=lambda s: np.flip(s.right.x),
    ),
    planted(
        flatten, "flatten_dx_without_batch", "axis", "every sample gets the dx of the first",
        needs="batch > 1", x=lambda s: np.repeat(s.right.x[:1], len(s.x), axis=0),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line


def _activation(s: Any) -> Any:
    return 1 / (1 + np.exp(-(s.w @ s.x + s.b)))


def _delta(s: Any) -> Any:
    a = _activation(s)
    return s.dy * (a - s.t) * a * (1 - a)


def _delta_without_derivative(s: Any) -> Any:
    return s.dy * (_activation(s) - s.t)


def _delta_of_z(s: Any) -> Any:
    z = s.w @ s.x + s.b
    return _delta_without_derivative(s) * z * (1 - z)


NEURON = (
    planted(
        neuron, "neuron_derivative_missing", "activation derivative",
        "δ is a - t; the factor a(1 - a) is missing: with half the squared error it does not cancel",
        x=lambda s: _delta_without_derivative(s) * s.w,
        w=lambda s: _delta_without_derivative(s) * s.x,
        b=_delta_without_derivative,
    ),
    planted(
        neuron, "neuron_derivative_of_z", "activation derivative", "δ has z(1 - z) in place of a(1 - a)",
        x=lambda s: _delta_of_z(s) * s.w, w=lambda s: _delta_of_z(s) * s.x, b=_delta_of_z,
    ),
    planted(
        neuron, "neuron_target_minus_output", "constant factor", "δ is (t - a) a(1 - a): the sign is wrong",
        x=lambda s: -_delta(s) * s.w, w=lambda s: -_delta(s) * s.x, b=lambda s: -_delta(s),
    ),
    planted(
        neuron, "neuron_half_not_cancelled", "constant factor", "the factor ½ of the error is still in dw and db",
        w=lambda s: s.right.w / 2, b=lambda s: s.right.b / 2,
    ),
    planted(
        neuron, "neuron_cotangent_ignored", "missing term",
        "dE is not multiplied in: the gradients hold for dE = 1 only",
        x=lambda s: s.right.x / s.dy, w=lambda s: s.right.w / s.dy, b=lambda s: s.right.b / s.dy,
    ),
    planted(
        neuron, "neuron_db_without_derivative", "activation derivative", "db is a - t; the factor a(1 - a) is missing",
        b=_delta_without_derivative,
    ),
    planted(
        neuron, "neuron_dx_and_dw_exchanged", "wrong input", "dw multiplies δ by w, and dx multiplies it by x",
        x=lambda s: _delta(s) * s.x, w=lambda s: _delta(s) * s.w,
    ),
    planted(
        neuron, "neuron_dw_from_output", "wrong input",
        "dw multiplies δ by the output a where it must take the input x",
        w=lambda s: np.full(s.w.shape, _delta(s) * _activation(s)),
    ),
    planted(
        neuron, "neuron_target_forgotten", "missing term", "δ is a · a(1 - a): the target is not subtracted",
        w=lambda s: s.dy * _activation(s) ** 2 * (1 - _activation(s)) * s.x,
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

MISTAKES: tuple[Mistake, ...] = (*DENSE, *FLATTEN, *NEURON)
