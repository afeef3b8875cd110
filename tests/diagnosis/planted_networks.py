"""More mistakes for the families of diagnosis: in whole networks, between samples, between maps; and look-alikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad import layers
from cnngrad.core.layer import Layer
from cnngrad.diagnosis import (
    batch_norm,
    dense_slopes,
    filling,
    hidden,
    masked_weights,
    of_dy,
    output_error,
    placement,
    powers,
    routing,
    samples,
    small,
    summing,
    terms,
    updated,
)
from cnngrad.diagnosis import through as way
from cnngrad.networks import Chain, chain, partial_conv, perceptron
from tests.diagnosis.planted import Planted
from tests.mistakes.fourth_networks import through, whole

NET = perceptron((3, 3, 3, 2))
net = whole(NET)
SQUARE = perceptron((3, 3, 3))
square = whole(SQUARE)
COLUMNS = replace(
    chain(C=layers.conv2d, A=layers.sigmoid, F=layers.flatten, O=layers.dense, E=layers.half_squared_error),
    shapes={"x": (2, 1, 4, 3), "C.w": (1, 1, 2, 2), "C.b": (1,), "O.w": (2, 6), "O.b": (2,), "E.t": (2, 2)},
)
columns = whole(COLUMNS)
squared = whole(
    replace(
        chain(O=layers.dense, A=layers.sigmoid, E=layers.half_squared_error),
        shapes={"x": (2, 3), "O.w": (2, 3), "O.b": (2,), "E.t": (2, 2)},
    )
)
NEIGHBOURS = np.eye(3, dtype=bool) | np.eye(3, k=1, dtype=bool)
neighbours = partial_conv(NEIGHBOURS)


def _residual_vjp(x: Any, w: Any) -> Any:
    h = np.tanh(x @ w)
    return x + h, lambda dy: (dy + (dy * (1 - h**2)) @ w.T, x.T @ (dy * (1 - h**2)))


residual = Layer(_residual_vjp, inputs=("x", "w"), name="residual", shapes={"x": (3, 4), "w": (4, 4)})


def _of_the_largest(y: Any, dy: Any, axis: int) -> Any:
    return dy * (y == y.max(axis=axis, keepdims=True))


def pooled(v: Any, dy: Any, c: Any) -> Any:
    return layers.max_pool_vjp(v["x"], **c)[1](dy)[0]


def power_of_the_variance(v: Any, dy: Any, c: Any, power: float) -> Any:
    """``dx`` with another power of σ in the path through the variance."""
    axes = (0, *range(2, dy.ndim))
    mean = lambda a: a.mean(axis=axes, keepdims=True)  # noqa: E731  # used in one formula
    centred = v["x"] - mean(v["x"])
    sigma = np.sqrt(mean(centred**2) + c["eps"])
    gamma = v["gamma"].reshape(-1, *[1] * (dy.ndim - 2))
    return gamma * ((dy - mean(dy)) / sigma - centred * mean(dy * centred) / sigma**power)


def _of_one_less(v: Any, dy: Any, c: Any) -> Any:
    """``dγ`` with the variance divided by N - 1."""
    axes = (0, *range(2, dy.ndim))
    spread = np.sqrt(np.var(v["x"], axis=axes, ddof=1, keepdims=True) + c["eps"])
    return (dy * (v["x"] - v["x"].mean(axis=axes, keepdims=True)) / spread).sum(axis=axes)


def again(v: Any, of: Chain = NET, **wrong: Callable[[Any], Any]) -> Any:
    """The network's gradients with those of some stages spoilt, by input."""
    spoilt = {stage: {name: f} for key, f in wrong.items() for stage, name in [key.split("_")]}
    _, backward = through(of, **spoilt)(*v.values())
    return dict(zip(of.inputs, backward(1.0), strict=True))


def _slope_again(s: Any) -> Any:
    e = np.exp(s.z - s.z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return s.right.z * p * (1 - p)


def _of_one(v: Any, name: str, weights: Any) -> Any:
    """A parameter's gradient with the share of each sample, in the mean over all, weighted."""
    shares = []
    for k in range(len(v["x"])):
        one = {**v, "x": v["x"][k : k + 1], "E.t": v["E.t"][k : k + 1]}
        shares.append(dict(zip(NET.inputs, NET.vjp(*one.values())[1](1.0), strict=True))[name])
    return sum(w * share for w, share in zip(weights, shares, strict=True)) / len(v["x"])


def _output(v: Any) -> Any:
    return 1 / (1 + np.exp(-(v["x"] @ v["O.w"].T + v["O.b"])))


def _of_samples(y: Any, dy: Any, p: Any) -> Any:
    return p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def _through_table(v: Any, dy: Any, table: Any) -> Any:
    return layers.true_conv_vjp(v["x"], v["w"] * table[:, :, None, None], v["b"])[1](dy)[0]


def _two_exchanged(x: Any, dy: Any, c: Any) -> Any:
    *outer, height, width = x.shape
    return dy.reshape(*outer, width, height).swapaxes(-1, -2)


def _diagonal(g: Any) -> Any:
    f, c = np.indices(g.shape)[:2]
    return f == c


def _bent(z: Any) -> Any:
    return np.tanh(z) * (1 - np.tanh(z))


MORE: tuple[Planted, ...] = (
    Planted(layers.conv, "x", lambda g, dy, y, v, c: layers.conv_vjp(v["x"], np.flip(v["w"], 2), v["b"], **c)[1](dy)[0],
            placement.other_input_turned, "the gradient of x is computed with w that is not flipped along"),
    Planted(net, "H1.w", lambda g, dy, y, v, c: dy * again(v, O3_z=lambda s: s.right.z * _bent(s.z))["H1.w"],
            hidden.error_of_the_last_input, "the error of h, the input of O3.w, is multiplied by h(1 - h) once too"),
    Planted(net, "H1.w", lambda g, dy, y, v, c: dy * again(v, O3_z=lambda s: s.dy @ s.w)["H1.w"],
            hidden.error_of_the_last_input, "the error of h, the input of O3.w, lacks the slope 1 - h²"),
    Planted(square, "H1.w", lambda g, dy, y, v, c: dy * again(v, SQUARE, O2_z=lambda s: s.dy @ s.w.T * (
            1 - np.tanh(s.z) ** 2))["H1.w"], hidden.error_of_the_last_input,
            "the error of h, the input of O2.w, comes through the weights that are not transposed"),
    Planted(columns, "x", lambda g, dy, y, v, c: dy * again(v, COLUMNS, F_x=lambda s: s.dy.reshape(s.x.shape))["x"],
            hidden.error_of_the_last_input, "the error of h, the input of O.w, is filled in the wrong order"),
    Planted(net, "H1.w", lambda g, dy, y, v, c: dy * _of_one(v, "H1.w", [0] * (len(v["x"]) - 1) + [1]),
            samples.one_sample_only, "the gradient of H1.w takes only the last sample"),
    Planted(net, "H1.w", lambda g, dy, y, v, c: dy * _of_one(v, "H1.w", [1] + [0] * (len(v["x"]) - 1)),
            samples.one_sample_only, "the gradient of H1.w takes only the first sample"),
    Planted(layers.softmax, "z", lambda g, dy, y, v, c: _of_samples(y, dy, y[:1]), samples.first_sample_for_others,
            "the gradient of z takes from the first sample what belongs to each by itself"),
    Planted(net, "H1.b", lambda g, dy, y, v, c: g + 0.25 * dy * v["H1.b"], of_dy.multiple_of_itself,
            "the term 0.25 H1.b dE is added to the gradient of H1.b"),
    Planted(net, "H1.b", lambda g, dy, y, v, c: g - 0.5 * dy * v["H1.b"], of_dy.multiple_of_itself,
            "the term 0.5 H1.b dE is missing in the gradient of H1.b"),
    Planted(net, "O3.b", lambda g, dy, y, v, c: dy * again(v, E_z=_slope_again)["O3.b"],
            output_error.slope_at_the_output, "the error at the output is multiplied by y(1 - y) after y - t"),
    Planted(squared, "O.b", lambda g, dy, y, v, c: dy * (_output(v) - v["E.t"]).mean(axis=0),
            output_error.slope_at_the_output, "the derivative of the output's activation, y(1 - y), is missing after"),
    Planted(net, "x", lambda g, dy, y, v, c: dy * again(v, H2_z=lambda s: s.dy @ v["H1.w"] * (1 - np.tanh(s.z) ** 2))
            ["x"], way.by_another_way, "the gradient of x, or a part of it, does not come back through H2.w"),
    Planted(neighbours, "x", lambda g, dy, y, v, c: _through_table(v, dy, NEIGHBOURS.T),
            masked_weights.transposed_table, "the table of connections is transposed in the gradient of x"),
    Planted(layers.conv, "w", lambda g, dy, y, v, c: g * _diagonal(g), summing.paired,
            "the gradient of w is there only where the indices of axes 0 and 1 are equal"),
    Planted(layers.weight_decay, "w", lambda g, dy, y, v, c: g * v["w"] / 2, powers.power_of_the_input,
            "the gradient of w is multiplied by w/2: a square that is not differentiated"),
    Planted(layers.flatten, "x", lambda g, dy, y, v, c: _two_exchanged(v["x"], dy, c)
            if c["row_fastest"] and g.ndim == 5 else g, filling.refilled,
            "the gradient of x is dy filled with its last two axes exchanged"),
    Planted(layers.softmax_cross_entropy, "z", lambda g, dy, y, v, c: dy * (
            terms.soft(v["z"]) - np.eye(v["t"].shape[1])[v["t"].argmax(axis=1)]) / len(g), terms.losses,
            "1 is subtracted at the largest target, where the target itself must be"),
    Planted(net, "x", lambda g, dy, y, v, c: dy * again(v, O3_z=lambda s: s.dy @ (s.w - 0.1 * dy * s.right.w) * (
            1 - np.tanh(s.z) ** 2))["x"], updated.after_the_update,
            "the gradient of x is computed with a weight that has taken its step already"),
    Planted(net, "H1.b", lambda g, dy, y, v, c: dy * again(v, H2_z=lambda s: s.dy @ s.w)["H1.b"],
            dense_slopes.slope_of_a_hidden_layer, "the slope f' of the layer of H1.b is missing"),
    Planted(net, "H2.w", lambda g, dy, y, v, c: dy * again(v, H2_w=lambda s: s.dy.T @ s.z)["H2.w"],
            dense_slopes.input_before_its_activation, "the gradient of H2.w takes the layer's input before its"),
    Planted(residual, "x", lambda g, dy, y, v, c: g - dy, of_dy.dy_itself, "the term dy is missing in the gradient"),
    Planted(residual, "x", lambda g, dy, y, v, c: g + dy, of_dy.dy_itself, "dy is added to the gradient of x"),
    Planted(layers.max_pool, "x", lambda g, dy, y, v, c: pooled(v, _of_the_largest(y, dy, 1), c), routing.pooling,
            "a maximum gets dy only where it is the largest of all channels"),
    Planted(layers.batch_norm, "gamma", lambda g, dy, y, v, c: _of_one_less(v, dy, c), batch_norm.batch_norm,
            "dγ takes x̂ with the variance divided by N - 1; the forward divides by N"),
    Planted(layers.batch_norm, "x", lambda g, dy, y, v, c: power_of_the_variance(v, dy, c, 1.5),
            batch_norm.batch_norm, "the path through the variance has (var + ε)^(-3/4), σ to the power -3/2,"),
)  # fmt: skip  # a table: what belongs together stays on one line

# What looks much like the mistake that the family names, and is another one: it must say nothing.
LOOK_ALIKES: tuple[Planted, ...] = (
    Planted(net, "H1.w", lambda g, dy, y, v, c: dy * again(v, O3_z=lambda s: s.right.z * np.cos(s.z))["H1.w"],
            hidden.error_of_the_last_input, "another function of h"),
    Planted(net, "H1.w", lambda g, dy, y, v, c: dy * _of_one(v, "H1.w", np.arange(len(g)) + 1.0)
            if len(v["x"]) == 3 else dy * _of_one(v, "H1.w", [1.0, 2.0][: len(v["x"])]),
            samples.one_sample_only, "every sample counts, by the wrong weights"),
    Planted(layers.softmax, "z", lambda g, dy, y, v, c: _of_samples(y, dy, np.roll(y, 1, axis=0)),
            samples.first_sample_for_others, "each sample takes from the one before"),
    Planted(layers.batch_norm, "x", lambda g, dy, y, v, c: g + 0.1 * dy * y[:1], samples.first_sample_for_others,
            "samples depend on each other in the forward too"),
    Planted(net, "H1.b", lambda g, dy, y, v, c: g + 0.25 * dy * np.tanh(v["H1.b"]), of_dy.multiple_of_itself,
            "another function of the bias is added"),
    Planted(net, "O3.b", lambda g, dy, y, v, c: g * np.exp(-(g**2)), output_error.slope_at_the_output,
            "a factor that is no slope"),
    Planted(net, "x", lambda g, dy, y, v, c: g + dy * np.sin(v["x"]), way.by_another_way, "what is only added"),
    Planted(net, "x", lambda g, dy, y, v, c: g * np.cos(v["x"]), way.by_another_way, "a factor too much"),
    Planted(neighbours, "x", lambda g, dy, y, v, c: _through_table(v, dy, np.eye(3)), masked_weights.transposed_table,
            "another table"),
    Planted(layers.conv, "w", lambda g, dy, y, v, c: g * (np.indices(g.shape)[0] <= np.indices(g.shape)[1]),
            summing.paired, "more than equal indices"),
    Planted(layers.dense, "w", lambda g, dy, y, v, c: g * (1 + 1e-3 * np.sin(v["w"] + dy.sum())), small.precision,
            "a smooth error as small as that of half precision"),
    Planted(net, "x", lambda g, dy, y, v, c: g + dy**3 * v["x"], updated.after_the_update, "a cube of dy"),
    Planted(net, "H1.b", lambda g, dy, y, v, c: dy * again(v, H2_z=lambda s: s.right.z * np.cos(s.z))["H1.b"],
            dense_slopes.slope_of_a_hidden_layer, "another function of the values there"),
    Planted(net, "H2.w", lambda g, dy, y, v, c: dy * again(v, H2_w=lambda s: s.dy.T @ np.sin(s.z))["H2.w"],
            dense_slopes.input_before_its_activation, "another function of the values before"),
    Planted(residual, "x", lambda g, dy, y, v, c: g - dy * np.cos(v["x"]), of_dy.dy_itself, "more than dy is missing"),
    Planted(layers.max_pool, "x", lambda g, dy, y, v, c: pooled(v, dy * (np.abs(y) > 0.5), c), routing.pooling,
            "what pays nobody is small, and may be the largest"),
    Planted(layers.max_pool, "x", lambda g, dy, y, v, c: pooled(
            v, 0.3 * dy + 0.7 * _of_the_largest(y, dy, 1), c), routing.pooling,
            "what is not the largest of all channels pays a part"),
    Planted(layers.batch_norm, "x", lambda g, dy, y, v, c: power_of_the_variance(v, dy, c, 2.7),
            batch_norm.batch_norm, "another power"),
)  # fmt: skip  # a table: what belongs together stays on one line
