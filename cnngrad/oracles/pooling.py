"""Oracles of the poolings: a box correlation for means and sums, plain loops from the definition for max and p-norm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.oracles.activations import FUNCTIONS, each
from cnngrad.oracles.convolutions import terms
from cnngrad.oracles.matrices import subsample_is_linear, whole_powers
from cnngrad.oracles.oracle import Config, Gradients, Inputs, Oracle, always
from cnngrad.oracles.scipy_signal import box_spread, box_sums
from cnngrad.oracles.windows import Place, per_axis, windows
from cnngrad.oracles.wirings import pooling_geometry


def _box(x: Array, config: Config) -> tuple[Place, Place, Place]:
    window, stride, pad = pooling_geometry(x, config)
    return window, per_axis(stride, len(window)), per_axis(pad, len(window))


def _area(x: Array, config: Config) -> Any:
    box = _box(x, config)
    if config.get("count_padding", True):
        return math.prod(box[0])
    return box_sums(np.ones((1, 1, *x.shape[2:])), *box)


def mean_by_box(inputs: Inputs, config: Config) -> Array:
    """The box correlation over the area; where padding is not counted, the area is the box correlation of ones.

    >>> x = {"x": np.array([[[3.0, 4.0, 4.0, 0.0]]])}
    >>> mean_by_box(x, {"window": 2}).tolist()
    [[[3.5, 2.0]]]
    """
    x = inputs["x"]
    return np.asarray(box_sums(x, *_box(x, config)) / _area(x, config))


def mean_by_box_gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    """``dy/A`` spread and convolved with the box."""
    x = inputs["x"]
    return {"x": box_spread(dy / _area(x, config), x.shape[2:], *_box(x, config))}


def _blocks(inputs: Inputs, config: Config) -> tuple[Place, Place, Place]:
    rank = inputs["x"].ndim - 2
    window = per_axis(config["window"], rank)
    return window, window, (0,) * rank


def _by_channel(values: Array, rank: int) -> Array:
    return np.asarray(values).reshape(-1, *(1,) * rank)


def _before_activation(inputs: Inputs, config: Config) -> tuple[Array, Array]:
    x = inputs["x"]
    down = box_sums(x, *_blocks(inputs, config))
    rank = x.ndim - 2
    return _by_channel(inputs["beta"], rank) * down + _by_channel(inputs["b"], rank), down


def subsample_by_box(inputs: Inputs, config: Config) -> Array:
    """``f(beta[c] down(x[n,c]) + b[c])``, ``down`` a box correlation, every n-th (Bouvrie, seed 004)."""
    return each(FUNCTIONS[config.get("activation", "identity")][0], _before_activation(inputs, config)[0])


def subsample_by_box_gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    """``delta = dy f'(u)``; ``dx`` its convolution with the box, times beta."""
    u, down = _before_activation(inputs, config)
    return _subsample_terms(inputs, config, dy * each(FUNCTIONS[config.get("activation", "identity")][1], u), down)


def _without_activation(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    return _subsample_terms(inputs, config, dy, _before_activation(inputs, config)[1])


def _subsample_terms(inputs: Inputs, config: Config, delta: Any, down: Array) -> Gradients:
    x = inputs["x"]
    beta = _by_channel(inputs["beta"], x.ndim - 2)
    rest = (0, *range(2, x.ndim))
    return {
        "x": beta * box_spread(delta, x.shape[2:], *_blocks(inputs, config)),
        "beta": np.sum(delta * down, axis=rest),
        "b": np.sum(delta, axis=rest),
    }


def _windows_of(x: Array, config: Config) -> Iterator[tuple[Place, list[Place]]]:
    """Every output place of every map with the input places of its window, in row-major order."""
    seen = list(windows(x.shape[2:], *pooling_geometry(x, config)))
    for n, c in np.ndindex(x.shape[:2]):
        for out, inside in seen:
            yield (n, c, *out), [(n, c, *place) for _, place in inside]


def _first_largest(x: Array, places: list[Place]) -> Place:
    best = places[0]
    for place in places[1:]:
        if x[place] > x[best]:
            best = place
    return best


def _shaped(found: dict[Place, float]) -> Array:
    shape = tuple(side + 1 for side in max(found))
    return np.array(list(found.values())).reshape(shape)


def max_by_loops(inputs: Inputs, config: Config) -> Array:
    """The largest entry of each window; padding never wins.

    >>> x = {"x": np.array([[[3.0, 4.0, 4.0, 0.0]]])}
    >>> max_by_loops(x, {"window": 2}).tolist()
    [[[4.0, 4.0]]]
    """
    x = inputs["x"]
    return _shaped({out: float(x[_first_largest(x, places)]) for out, places in _windows_of(x, config)})


def max_by_loops_gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    """All of ``dy`` to the first of the largest in row-major order; overlapping windows add up.

    >>> x = {"x": np.array([[[3.0, 4.0, 4.0, 0.0]]])}
    >>> max_by_loops_gradients(x, {"window": 4}, np.array([[[5.0]]]))["x"].tolist()
    [[[0.0, 5.0, 0.0, 0.0]]]
    """
    x = inputs["x"]
    dx = np.zeros(x.shape)
    for out, places in _windows_of(x, config):
        dx[_first_largest(x, places)] += dy[out]
    return {"x": dx}


def _norm(sizes: list[float], p: float) -> float:
    m = max(sizes, default=0.0)
    return m * math.fsum((size / m) ** p for size in sizes) ** (1 / p) if m > 0 else 0.0


def p_norm_by_loops(inputs: Inputs, config: Config) -> Array:
    """``m (sum (|x|/m)^p)^(1/p)`` with m the largest of the window (seed 002); padded zeros add nothing.

    >>> x = {"x": np.array([[[3.0, 4.0, 4.0, 0.0]]])}
    >>> p_norm_by_loops(x, {"window": 2, "p": 2}).tolist()
    [[[5.0, 4.0]]]
    """
    x, p = inputs["x"], float(config.get("p", 2))
    return _shaped({out: _norm([abs(float(x[i])) for i in places], p) for out, places in _windows_of(x, config)})


def p_norm_by_loops_gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
    """``dy sign(x) (|x|/y)^(p-1)``; 0 where y is 0, and where x is 0, the middle of what is allowed there."""
    x, p = inputs["x"], float(config.get("p", 2))
    dx = np.zeros(x.shape)
    for out, places in _windows_of(x, config):
        y = _norm([abs(float(x[i])) for i in places], p)
        for i in places:
            if x[i] != 0:
                dx[i] += dy[out] * math.copysign((abs(float(x[i])) / y) ** (p - 1), x[i])
    return {"x": dx}


ORACLES = (
    Oracle(
        "scipy.signal and a box kernel", ("mean_pool",), mean_by_box, mean_by_box_gradients, exact=whole_powers
    ),
    Oracle(
        "scipy.signal and a box kernel", ("subsample",), subsample_by_box, subsample_by_box_gradients,
        exact=subsample_is_linear, scale=terms(_without_activation),
    ),
    Oracle("plain loops", ("max_pool",), max_by_loops, max_by_loops_gradients, exact=always),
    Oracle("plain loops", ("p_norm_pool",), p_norm_by_loops, p_norm_by_loops_gradients),
)  # fmt: skip  # a table: what belongs together stays on one line
