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
    before_activation,
    combination,
    derivative,
    factor,
    filling,
    geometry,
    masked_weights,
    neuron,
    nothing,
    of_dy,
    placement,
    places,
    powers,
    routing,
    scaled,
    small,
    state,
    summing,
    terms,
    updated,
    where,
    wrong_input,
)
from cnngrad.networks import connected_conv, partial_conv, pre_activation
from cnngrad.networks.channels_last import connections
from cnngrad.networks.paper import TABLE
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


class _Piled:
    """Gradients that are added to those of every call before, by shape."""

    def __init__(self) -> None:
        self.sums: dict[tuple[int, ...], Any] = {}

    def added(self, g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
        self.sums[g.shape] = self.sums.get(g.shape, 0) + g
        return self.sums[g.shape]


_FIRST: dict[tuple[int, ...], Any] = {}


def _first_of(x: Any) -> Any:
    """The first array of this shape ever seen."""
    return _FIRST.setdefault(x.shape, np.array(x))


def _noise(g: Any, dy: Any) -> Any:
    """Numbers that hang on dy alone and follow no rule a family knows."""
    return np.sin(1e3 * (np.arange(g.size) + 1)).reshape(g.shape) * dy.ravel()[0]


def _ratio_of_roots(x: Any, c: Any) -> Any:
    variance = x.var(axis=(0, *range(2, x.ndim)), keepdims=True)
    return np.sqrt((variance + c["eps"]) / variance)


def _moved_by_pad(x: Any, dy: Any, c: Any) -> Any:
    """Mean pooling's gradient of the padded input, its first entries kept."""
    padded = np.pad(x, [(0, 0), (0, 0)] + [(c["pad"], c["pad"])] * (x.ndim - 2))
    _, backward = layers.mean_pool_vjp(padded, **{**c, "pad": 0})
    whole = _shared_out(padded, dy, c) if not c["count_padding"] else backward(dy)[0]
    return whole[tuple(slice(0, n) for n in x.shape)]


def _shared_out(padded: Any, dy: Any, c: Any) -> Any:
    """The same where the padding does not count: each window's dy divided by its entries within the input."""
    pad, rank = c["pad"], padded.ndim - 2
    inside = np.zeros(padded.shape)
    inside[(..., *[slice(pad, n - pad) for n in padded.shape[2:]])] = 1
    whole = np.zeros(padded.shape)
    for t in np.ndindex(dy.shape[2:]):
        window = (..., *[slice(t[a] * c["stride"][a], t[a] * c["stride"][a] + c["window"][a]) for a in range(rank)])
        count = max(float(inside[window][0, 0].sum()), 1.0)
        whole[window] += (dy[(..., *t)] / count)[(..., *[None] * rank)]
    return whole


def _with_power(x: Any, dy: Any, y: Any, c: Any) -> Any:
    """p-norm pooling with p in the place of p - 1."""
    _, backward = layers.p_norm_pool_vjp(x, **c)
    right = np.zeros(x.shape)
    for t in np.ndindex(dy.shape[2:]):
        alone = np.zeros(dy.shape)
        alone[(..., *t)] = dy[(..., *t)]
        top = np.where(y[(..., *t)] == 0, 1, y[(..., *t)])[(..., *[None] * (x.ndim - 2))]
        right += backward(alone)[0] * np.abs(x) / top
    return right


def _behind(v: Any, delta: Any, c: Any) -> Any:
    """The x of a convolution's backward, for the cotangent before the activation."""
    return layers.conv_vjp(v["x"], v["w"], v["b"], **c)[1](delta)[0]


def _of_neuron(name: str, v: Any, dy: Any) -> Any:
    _, backward = layers.neuron_vjp(*v.values())
    return dict(zip(v, backward(dy), strict=True))[name]


def _columns(vector: Any, like: Any) -> Any:
    return np.reshape(vector, (-1, *[1] * (like.ndim - 2)))


def _assigned(x: Any, dy: Any, c: Any, last: bool) -> Any:
    """Max pooling's gradient with = for +=: of all windows of an entry the last is left, or the one of largest dy."""
    kept = np.zeros(x.shape)
    places = sorted(np.ndindex(dy.shape[2:]), key=lambda t: 0 if last else float(np.sum(np.abs(dy[(..., *t)]))))
    for t in places:
        alone = np.zeros(dy.shape)
        alone[(..., *t)] = dy[(..., *t)]
        share = layers.max_pool_vjp(x, **c)[1](alone)[0]
        kept = np.where(share != 0, share, kept)
    return kept


def _normalised(v: Any, dy: Any, c: Any, plain: bool = False, less: int = 0) -> Any:
    """Batch normalisation's dx: with γ left out of the term of mean(dy), or with means that divide by m - 1."""
    x, axes = v["x"], (0, *range(2, v["x"].ndim))
    m = x.size / x.shape[1]
    sigma = np.sqrt(x.var(axis=axes, keepdims=True) + c["eps"])
    normal, gamma = (x - x.mean(axis=axes, keepdims=True)) / sigma, _columns(v["gamma"], x)
    mean, spread = (a.sum(axis=axes, keepdims=True) / max(m - less, 1) for a in (dy, dy * normal))
    return (gamma * dy - (1 if plain else gamma) * mean - gamma * normal * spread) / sigma


def _maps_last(x: Any, dy: Any, c: Any) -> Any:
    """Flatten's dx from a dy that is read as if its entries were (places, channels)."""
    moved = np.swapaxes(dy.reshape(len(x), -1, x.shape[1]), 1, 2).reshape(dy.shape)
    return layers.flatten_vjp(x, **c)[1](moved)[0]


def _over_samples(z: Any, dp: Any) -> Any:
    e = np.exp(z - z.max())
    p = e / e.sum(axis=0, keepdims=True)
    return p * (dp - np.sum(dp * p, axis=-1, keepdims=True))


def _buffered(v: Any, dy: Any) -> Any:
    """``dw[k] += ...`` over all connections at once: of those that share a weight only the last adds."""
    i, j, k = connections(v["x"].shape[1:], v["w"].shape)
    dw = np.zeros(v["w"].size)
    dw[k] += np.sum(v["x"].reshape(len(dy), -1)[:, i] * dy.reshape(len(dy), -1)[:, j], axis=0)
    return dw.reshape(v["w"].shape)


def _uses(x: Any, c: Any) -> Any:
    """How many windows use each entry."""
    alone = layers.mean_pool_vjp(x, **{**c, "count_padding": True})
    return np.round(alone[1](np.ones_like(alone[0]))[0] * np.prod(c["window"]))


def _pushed_on(g: Any) -> Any:
    """Two entries further along the last axis."""
    moved = np.zeros(g.shape)
    moved[..., 2:] = g[..., :-2]
    return moved


def _turned(w: Any) -> Any:
    return np.flip(w, tuple(range(2, w.ndim)))


def _border_of_noise(g: Any) -> Any:
    inside = (slice(None), slice(None), *[slice(1, -1)] * (g.ndim - 2))
    noise = g + np.sin(1e3 * (np.arange(g.size) + 1)).reshape(g.shape) * g
    noise[inside] = g[inside]
    return noise


def _slope(y: Any, c: Any) -> Any:
    return y * (1 - y) if c["activation"] == "sigmoid" else 1.0


def _all_but_channels(a: Any) -> Any:
    return a.sum(axis=(0, *range(2, a.ndim)))


dense, sigmoid, tanh, relu = layers.dense, layers.sigmoid, layers.tanh, layers.relu
global_max = Layer(
    _global_max,
    ("x",),
    "global_max",
    dims={"n": (1, 3), "c": (1, 2), "h": (1, 4), "w": (1, 4)},
    shapes=lambda d: {"x": (d.n, d.c, d.h, d.w)},
)
wide_max_pool = replace(layers.max_pool, where=lambda d: d.rank == 1 and d.width >= 5 and d.kw == 2)

after_tanh = pre_activation(tanh)
after_relu = pre_activation(relu)
some_maps = partial_conv(TABLE)

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
    Planted(dense, "w", lambda g, dy, y, v, c: g + 0.1 * v["w"], of_dy.added_whatever_dy,
            "0.1 w is added to the gradient of w, whatever dy is"),
    Planted(dense, "w", lambda g, dy, y, v, c: np.clip(g, -0.5, 0.5), of_dy.not_linear,
            "the gradient of w is clipped to [-0.5, 0.5]"),
    Planted(dense, "w", lambda g, dy, y, v, c: (dy**2).T @ v["x"], of_dy.not_linear,
            "dy is squared in the gradient of w"),
    Planted(dense, "w", _Piled().added, state.accumulated, "the gradient of w accumulates from call to call"),
    Planted(dense, "w", lambda g, dy, y, v, c: dy.T @ _first_of(v["x"]), state.does_not_follow,
            "the gradient of w does not change with x, though it must: x is left out, or its values are those of an "
            "earlier call"),
    Planted(layers.softmax, "z", lambda g, dy, y, v, c: y * (dy - dy.mean(axis=-1, keepdims=True)),
            combination.combinations, "mean(dp) stands in the place of Σ dp p in the gradient of z"),
    Planted(layers.batch_norm, "x", lambda g, dy, y, v, c: g * _ratio_of_roots(v["x"], c), combination.combinations,
            "γ/√var (no ε) stands in front in the place of γ/σ in the gradient of x"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: _moved_by_pad(v["x"], dy, c), places.wrong_places,
            "in the gradient of x the border of the padding is not cropped"),
    Planted(layers.p_norm_pool, "x", lambda g, dy, y, v, c: _with_power(v["x"], dy, y, c), scaled.powers,
            "the gradient of x has a power too much or too few: it is multiplied by |x|^(1) y^(-1), y the output"),
    Planted(layers.sigmoid_conv, "x", lambda g, dy, y, v, c: _behind(v, dy * y * (1 - y) * (1 - y**2), c),
            scaled.times_function_of_output,
            "dy is multiplied by 1 - y² too often in the gradient of x, y being the output"),
    Planted(layers.subsample, "beta", lambda g, dy, y, v, c: _all_but_channels(dy * _slope(y, c) * y),
            scaled.another_factor,
            "the gradient of beta is δ times the output: what the forward multiplies beta with is not in it"),
    Planted(layers.conv, "x", lambda g, dy, y, v, c: g * (v["x"] > 0.3), scaled.times_a_field,
            "the gradient of x is masked: only entries of x above some number"),
    Planted(dense, "w", lambda g, dy, y, v, c: g * np.cos(v["x"].sum()), scaled.unknown_factor,
            "the gradient of w is right but for one factor, which differs from case to case"),
    Planted(relu, "x", lambda g, dy, y, v, c: np.where(v["x"] == 0, 2 * dy, g), small.only_at_kinks,
            "the gradient of x is wrong only where x is exactly 0"),
    Planted(dense, "x", lambda g, dy, y, v, c: dy @ np.abs(v["w"]), wrong_input.another_value,
            "the gradient of x uses |w|"),
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
            filling.refilled, "the gradient of x is dy filled in row order"),
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
            "dy goes to the first entry of each window alone, as in max pooling"),
    Planted(layers.softmax, "z", lambda g, dy, y, v, c: y * dy, terms.softmax,
            "the cross term is missing: dz is p ⊙ dp"),
    Planted(layers.half_squared_error, "y", lambda g, dy, y, v, c: dy * v["y"] / len(g), terms.losses,
            "the target is not subtracted"),
    Planted(layers.batch_norm, "gamma", lambda g, dy, y, v, c: (dy * y).sum((0, *range(2, y.ndim))),
            batch_norm.batch_norm, "dγ sums dy y where it must sum dy x̂"),
    Planted(layers.neuron, "b", lambda g, dy, y, v, c: g * 0 + dy * (_a(v) - v["t"]), neuron.neuron,
            "the factor a(1 - a) is missing: δ is a - t"),
    Planted(layers.neuron, "x", lambda g, dy, y, v, c: _of_neuron("w", v, dy), placement.exchanged_inputs,
            "what is returned for x is the gradient of w"),
    Planted(layers.subsample, "x", lambda g, dy, y, v, c: g * v["beta"][0] / _columns(v["beta"], g),
            wrong_input.first_channel, "the gradient of x uses beta of the first channel for every channel"),
    Planted(layers.p_norm_pool, "x", lambda g, dy, y, v, c: layers.p_norm_pool_vjp(v["x"], **c)[1](dy * y)[0],
            powers.power_of_the_output, "the gradient of x is multiplied by y once too often, y being the output"),
    Planted(layers.p_norm_pool, "x", lambda g, dy, y, v, c: g * np.sign(v["x"]), powers.power_of_the_input,
            "the sign of x is lost in its gradient"),
    Planted(layers.conv, "w", lambda g, dy, y, v, c: np.swapaxes(g, 0, 1).reshape(g.shape), placement.reordered,
            "the gradient of w is reshaped where its axes must be moved, or moved where they must not"),
    Planted(layers.max_pool, "x", lambda g, dy, y, v, c: _assigned(v["x"], dy, c, last=True), geometry.overlap_assigned,
            "the gradient of x is assigned where windows overlap: only the last one counts"),
    Planted(layers.max_pool, "x", lambda g, dy, y, v, c: _assigned(v["x"], dy, c, last=False), geometry.overlap_lost,
            "the gradient of x is assigned where windows overlap: one window's share is left of several"),
    Planted(wide_max_pool, "x", lambda g, dy, y, v, c: _pushed_on(g), geometry.shifted,
            "the gradient of x is shifted"),
    Planted(layers.conv, "x", lambda g, dy, y, v, c: layers.conv_vjp(v["x"], _turned(v["w"]), v["b"], **c)[1](dy)[0],
            placement.other_input_turned,
            "the gradient of x is computed with w that is not rotated by 180° (flipped along every spatial axis)"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: _border_of_noise(g), geometry.border,
            "the gradient of x is wrong along its border only"),
    Planted(dense, "x", lambda g, dy, y, v, c: dy @ (v["w"] - 0.1 * dy.T @ v["x"]), updated.after_the_update,
            "the gradient of x uses w as it is after the update"),
    Planted(dense, "w", lambda g, dy, y, v, c: dy.T @ np.tanh(v["x"]), wrong_input.another_value,
            "the gradient of w uses tanh of x"),
    Planted(dense, "w", lambda g, dy, y, v, c: g.astype(np.float16).astype(float), small.precision,
            "the gradient of w is rounded to half precision on the way"),
    Planted(dense, "w", lambda g, dy, y, v, c: g + 0.5 * (np.arange(g.size) == 0).reshape(g.shape) * g,
            small.one_entry, "the first entry of the gradient of w is wrong, all others are right"),
    Planted(layers.sigmoid_conv, "x", lambda g, dy, y, v, c: _behind(v, dy, c) * v["x"] * (1 - v["x"]),
            before_activation.handed_down_before,
            "dy is taken before the activation (sigmoid), and so is the gradient of x handed down"),
    Planted(layers.relu_conv, "x", lambda g, dy, y, v, c: _behind(v, dy, c) * (v["x"] > 0),
            before_activation.handed_down_before,
            "dy is taken before the activation (relu), and so is the gradient of x handed down"),
    Planted(after_tanh, "z", lambda g, dy, y, v, c: dy @ v["w"], before_activation.slope_of_the_first_activation,
            "the derivative of the activation (tanh) of z is missing"),
    Planted(after_tanh, "z", lambda g, dy, y, v, c: (dy @ v["w"]) * (1 - v["z"] ** 2),
            before_activation.slope_of_the_first_activation,
            "the derivative of the activation (tanh) of z is taken at z as if that were f(z)"),
    Planted(after_relu, "z", lambda g, dy, y, v, c: dy @ v["w"], before_activation.slope_of_the_first_activation,
            "the mask [z > 0] is missing in the gradient of z"),
    Planted(after_tanh, "w", lambda g, dy, y, v, c: dy.T @ v["z"], before_activation.input_not_activated,
            "the gradient of w takes its factor before the activation (tanh)"),
    Planted(after_tanh, "w", lambda g, dy, y, v, c: dy.T @ (1 - np.tanh(v["z"]) ** 2),
            before_activation.input_not_activated, "the gradient of w has f' in the place of f (tanh)"),
    Planted(some_maps, "x", lambda g, dy, y, v, c: layers.true_conv_vjp(v["x"], v["w"], v["b"])[1](dy)[0],
            masked_weights.unused_entries, "the gradient of x goes through entries of w that the forward does not use"),
    Planted(some_maps, "w", lambda g, dy, y, v, c: layers.true_conv_vjp(v["x"], v["w"], v["b"])[1](dy)[1],
            geometry.remainder_filled, "entries of w that the forward never uses get a gradient"),
    Planted(layers.relu_conv, "x", lambda g, dy, y, v, c: g * (v["x"] > 0), derivative.slope_of_the_input,
            "the gradient of x is multiplied by [x > 0], which belongs to the layer below if to any"),
    Planted(layers.relu_conv, "x", lambda g, dy, y, v, c: _behind(v, dy * (1 - y**2), c),
            before_activation.slope_of_another_activation,
            "the gradient of x has, in the place of f' = [y > 0], 1 - y²"),
    Planted(layers.sigmoid_conv, "x", lambda g, dy, y, v, c: _behind(v, dy * (y * (1 - y))[:1], c),
            derivative.wrong_slope_of_the_output,
            "the gradient of x has, in the place of f' = y(1 - y), y(1 - y) of the first sample for every one"),
    Planted(dense, "w", lambda g, dy, y, v, c: v["w"] - 0.1 * g, updated.updated_value,
            "what is returned for w is w after a step along its gradient, not the gradient"),
    Planted(layers.half_squared_error, "y", lambda g, dy, y, v, c: g * np.sqrt(len(g)), factor.constant_factor,
            "the gradient of y is multiplied by the root of the number of samples"),
    Planted(layers.softmax, "z", lambda g, dy, y, v, c: _over_samples(v["z"], dy), terms.softmax,
            "p is normalised over the samples, not over the classes"),
    Planted(layers.batch_norm, "gamma", lambda g, dy, y, v, c: g * _ratio_of_roots(v["x"], c).ravel(),
            batch_norm.batch_norm, "dγ takes x̂ without ε"),
    Planted(layers.flatten, "x", lambda g, dy, y, v, c: _maps_last(v["x"], dy, c), filling.refilled,
            "the gradient of x takes dy as if the channels came last"),
    Planted(layers.channels_last_conv, "w", lambda g, dy, y, v, c: np.flip(g, tuple(range(1, g.ndim - 1))),
            placement.flipped, "the gradient of w is rotated by 180° (flipped along every spatial axis)"),
    Planted(layers.weight_decay, "w", lambda g, dy, y, v, c: g * v["w"] ** 2, powers.power_of_the_input,
            "the gradient of w has two powers of w too many"),
    Planted(dense, "w", lambda g, dy, y, v, c: g / max(len(dy) - 1, 1), factor.constant_factor,
            "the gradient of w is divided by the number of samples less 1"),
    Planted(layers.batch_norm, "x", lambda g, dy, y, v, c: _normalised(v, dy, c, plain=True), combination.combinations,
            "1/σ stands before mean(dy) in the place of γ/σ, in the gradient of x"),
    Planted(layers.batch_norm, "x", lambda g, dy, y, v, c: _normalised(v, dy, c, less=1), combination.combinations,
            "mean(dy) and x̂ mean(dy x̂) are divided by the number of samples and places together less 1"),
    Planted(layers.softmax_cross_entropy, "z", lambda g, dy, y, v, c: g + dy * v["t"] * (1 / len(g) - 1),
            combination.combinations, "dE, not divided by N, stands before t in the place of dE/N"),
    Planted(layers.conv, "x", lambda g, dy, y, v, c: _behind({**v, "w": np.repeat(v["w"][-1:], len(v["w"]), 0)}, dy, c),
            wrong_input.another_value, "the gradient of x uses the last entry of w along axis 0 for every one"),
    Planted(layers.sigmoid_conv, "b",
            lambda g, dy, y, v, c: _all_but_channels(dy) * _all_but_channels(y * (1 - y)), summing.sums_of_dy,
            "the gradient of b sums dy and f' each by itself: a product of two sums"),
    Planted(connected_conv, "w", lambda g, dy, y, v, c: _buffered(v, dy), geometry.overlap_lost,
            "the gradient of w is assigned where outputs overlap: one output's share is left of several"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: g / np.maximum(_uses(v["x"], c), 1),
            geometry.overlap_assigned, "the gradient of x is averaged over the windows that overlap, not summed"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: np.where(g == 0, 7.0, g), geometry.remainder_filled,
            "entries of x that the forward never uses get a gradient"),
    Planted(layers.mean_pool, "x", lambda g, dy, y, v, c: g + (max(c["stride"]) > 1) * _noise(g, dy),
            where.only_where, "the stride is not taken into account as in the forward"),
)  # fmt: skip  # a table: what belongs together stays on one line


def _a(v: Any) -> Any:
    return 1 / (1 + np.exp(-(v["w"] @ v["x"] + v["b"])))


def failing_point(layer: Layer, name: str) -> Point:
    """The smallest case at which a check refuses the gradient."""
    report = check(layer, effort="quick", select=("gradients_match_forward",), diagnose=False, raise_on_failure=False)
    case = next(result.case for result in report.failures if result.input == name)
    assert isinstance(case, Case)
    return case.point(layer)


__all__ = ["FAMILIES", "PLANTED", "Planted", "failing_point"]
