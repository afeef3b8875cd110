"""Small layers with one mistake each, for the families of diagnosis, and the sentence that should name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnngrad import layers
from cnngrad.core.case import Case, Point
from cnngrad.core.layer import Layer
from cnngrad.diagnosis import (
    FAMILIES,
    Family,
    batch_norm,
    derivative,
    factor,
    geometry,
    neuron,
    nothing,
    placement,
    routing,
    small,
    summing,
    terms,
    where,
    wrong_input,
)
from cnngrad.runner import check

Wrong = Callable[..., Any]


@dataclass(frozen=True)
class Planted:
    """A right layer, the input whose gradient is spoiled, how, the family that names it and its sentence."""

    layer: Layer
    name: str
    wrong: Wrong
    family: Family
    sentence: str

    @property
    def spoiled(self) -> Layer:
        """The layer with the mistake; ``wrong(g, dy, y, inputs, config)`` takes the right gradient."""
        place = self.layer.inputs.index(self.name)

        def vjp(*inputs: Any, **config: Any) -> Any:
            y, backward = self.layer.vjp(*inputs, **config)

            def pull(dy: Any) -> list[Any]:
                gradients = list(backward(dy))
                named = dict(zip(self.layer.inputs, inputs, strict=True))
                gradients[place] = self.wrong(gradients[place], np.asarray(dy), np.asarray(y), named, config)
                return gradients

            return y, pull

        return replace(self.layer, vjp=vjp, shared=None)


def _tie(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
    """Max pooling over whole maps: every entry equal to the maximum is paid."""
    return (v["x"] == y) * dy


def _all_to_first(x: Any, dy: Any, c: Any) -> Any:
    """Mean pooling that pays the first entry of each window; nothing where that is padding."""
    paid = np.zeros_like(x)
    for place in np.ndindex(dy.shape):
        first = [o * s - c["pad"] for o, s in zip(place[2:], c["stride"], strict=True)]
        if all(0 <= i < side for i, side in zip(first, x.shape[2:], strict=True)):
            paid[(*place[:2], *first)] += dy[place]
    return paid


def _global_max(x: Any) -> Any:
    y = x.max(axis=(2, 3), keepdims=True)

    def backward(dy: Any) -> Any:
        flat = x.reshape(*x.shape[:2], -1)
        first = np.eye(flat.shape[2])[flat.argmax(axis=2)]
        return (first.reshape(x.shape) * dy,)

    return y, backward


dense, sigmoid, tanh, relu = layers.dense, layers.sigmoid, layers.tanh, layers.relu
global_max = Layer(
    _global_max,
    ("x",),
    "global_max",
    dims={"n": (1, 3), "c": (1, 2), "h": (1, 4), "w": (1, 4)},
    shapes=lambda d: {"x": (d.n, d.c, d.h, d.w)},
)

PLANTED: tuple[Planted, ...] = (
    Planted(dense, "w", lambda g, dy, y, v, c: None, nothing.nothing_returned, "no gradient of w is returned"),
    Planted(dense, "w", lambda g, dy, y, v, c: 0 * g, nothing.nothing_returned,
            "the gradient of w is 0, as if w were a constant"),
    Planted(tanh, "x", lambda g, dy, y, v, c: np.where(v["x"] == v["x"].max(), np.nan, g), nothing.not_a_number,
            "the gradient of x overflows or divides by 0"),
    Planted(dense, "b", lambda g, dy, y, v, c: dy, nothing.wrong_shape, "the gradient of b is not summed over axis 0"),
    Planted(dense, "w", lambda g, dy, y, v, c: g.T, nothing.wrong_shape, "the gradient of w is transposed"),
    Planted(tanh, "x", lambda g, dy, y, v, c: 1 - y**2, nothing.dy_not_used,
            "dy is not multiplied in: the gradient of x does not depend on it"),
    Planted(dense, "w", lambda g, dy, y, v, c: -g, factor.constant_factor, "the gradient of w is multiplied by -1"),
    Planted(dense, "w", lambda g, dy, y, v, c: g / len(dy), factor.constant_factor,
            "the gradient of w is divided by the number of samples"),
    Planted(layers.batch_norm, "beta", lambda g, dy, y, v, c: g * v["gamma"], factor.another_array_too_much,
            "the gradient of beta is multiplied by gamma"),
    Planted(dense, "w", lambda g, dy, y, v, c: g + 0.1 * v["w"], factor.something_added,
            "0.1 w is added to the gradient of w"),
    Planted(layers.conv, "w", lambda g, dy, y, v, c: np.flip(g, tuple(range(2, g.ndim))), placement.flipped,
            "the gradient of w is rotated by 180° (flipped along every spatial axis)"),
    Planted(dense, "x", lambda g, dy, y, v, c: np.roll(g, 1, 1), placement.moved_by_one,
            "the gradient of x is shifted by one entry along axis 1"),
    Planted(dense, "b", lambda g, dy, y, v, c: dy[0], summing.wrong_sum,
            "the gradient of b takes only the first sample"),
    Planted(dense, "w", lambda g, dy, y, v, c: np.outer(dy[-1], v["x"][-1]), summing.wrong_sum,
            "the gradient of w takes only the last sample"),
    Planted(dense, "b", lambda g, dy, y, v, c: dy.reshape(g.size, -1).sum(1), summing.sums_of_dy,
            "the gradient of b sums dy in runs that mix axes: dy is reshaped without moving its axis"),
    Planted(layers.flatten, "x", lambda g, dy, y, v, c: dy.ravel(order="F").reshape(g.shape, order="C"),
            placement.refilled, "the gradient of x is dy filled in row order"),
    Planted(sigmoid, "x", lambda g, dy, y, v, c: dy, derivative.wrong_slope_of_one_entry,
            "the derivative f' is missing"),
    Planted(layers.sigmoid_conv, "x", lambda g, dy, y, v, c: g * v["x"] * (1 - v["x"]), derivative.slope_of_the_input,
            "the gradient of x is multiplied by x(1 - x), which belongs to the layer below if to any"),
    Planted(tanh, "x", lambda g, dy, y, v, c: dy * (1 - y) ** 2, derivative.wrong_slope_of_the_output,
            "the gradient of x has, in the place of f' = 1 - y², (1 - y)²"),
    Planted(relu, "x", lambda g, dy, y, v, c: np.where(v["x"] > 0, dy, 0.01 * dy), derivative.mask,
            "the derivative where the output is 0 is 0.01, as in a leaky rectifier"),
    Planted(relu, "x", lambda g, dy, y, v, c: dy * (v["x"] <= 0), derivative.mask,
            "the mask is the wrong way round in the gradient of x"),
    Planted(global_max, "x", lambda g, dy, y, v, c: np.broadcast_to(dy, g.shape), routing.paid_too_often,
            "every entry of a window gets all of dy, not its maximum alone"),
    Planted(global_max, "x", _tie, routing.paid_too_often, "every entry of a tie gets all of dy"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: _all_to_first(v["x"], dy, c), routing.pooling,
            "all of dy goes to the first entry of each window"),
    Planted(layers.softmax, "z", lambda g, dy, y, v, c: y * dy, terms.softmax,
            "the cross term is missing: dz is p ⊙ dp"),
    Planted(layers.half_squared_error, "y", lambda g, dy, y, v, c: dy * v["y"] / len(g), terms.losses,
            "the target is not subtracted"),
    Planted(layers.batch_norm, "gamma", lambda g, dy, y, v, c: (dy * y).sum((0, *range(2, y.ndim))),
            batch_norm.batch_norm, "dγ sums dy y where it must sum dy x̂"),
    Planted(layers.neuron, "b", lambda g, dy, y, v, c: g * 0 + dy * (_a(v) - v["t"]), neuron.neuron,
            "the factor a(1 - a) is missing: δ is a - t"),
    Planted(dense, "x", lambda g, dy, y, v, c: dy @ (v["w"] - 0.1 * dy.T @ v["x"]), wrong_input.after_the_update,
            "the gradient of x uses w as it is after the update"),
    Planted(dense, "w", lambda g, dy, y, v, c: dy.T @ np.tanh(v["x"]), wrong_input.another_value,
            "the gradient of w uses tanh of x"),
    Planted(dense, "w", lambda g, dy, y, v, c: g.astype(np.float16).astype(float), small.precision,
            "the gradient of w is rounded to half precision on the way"),
    Planted(dense, "w", lambda g, dy, y, v, c: g + 0.5 * (np.arange(g.size) == 0).reshape(g.shape) * g,
            small.one_entry, "the first entry of the gradient of w is wrong, all others are right"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: np.where(g == 0, 7.0, g), geometry.remainder_filled,
            "entries of x that the forward never uses get a gradient"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: g * (1 + (max(c["stride"]) > 1) * np.cos(v["x"])),
            where.only_where, "the stride is ignored"),
)  # fmt: skip


def _a(v: Any) -> Any:
    return 1 / (1 + np.exp(-(v["w"] @ v["x"] + v["b"])))


def failing_point(layer: Layer, name: str) -> Point:
    """The smallest case at which a check refuses the gradient."""
    report = check(layer, effort="quick", select=("gradients_match_forward",), diagnose=False, raise_on_failure=False)
    case = next(result.case for result in report.failures if result.input == name)
    assert isinstance(case, Case)
    return case.point(layer)


__all__ = ["FAMILIES", "PLANTED", "Planted", "failing_point"]
