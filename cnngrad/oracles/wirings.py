"""Who is connected to whom with which weight: one function a layer, each counted out from its definition."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnngrad.oracles.connections import Wire, Wiring
from cnngrad.oracles.oracle import Config, Inputs
from cnngrad.oracles.windows import Place, per_axis, windows

Reader = Callable[[Place, Sequence[int]], Place]


def straight(tap: Place, taps: Sequence[int]) -> Place:
    """Cross-correlation reads the kernel as it stands."""
    return tap


def rotated(tap: Place, taps: Sequence[int]) -> Place:
    """True convolution reads it from its far corner.

    >>> rotated((0, 1), (3, 2))
    (2, 0)
    """
    return tuple(k - 1 - t for t, k in zip(tap, taps, strict=True))


def _number(place: Sequence[int], shape: Sequence[int]) -> int:
    """The position of a place in row-major order."""
    position = 0
    for index, side in zip(place, shape, strict=True):
        position = position * side + index
    return position


def convolution_wiring(read: Reader, last: bool = False) -> Wire:
    """Of a convolution; ``last`` says that the channels are the last axis of x, w and y (seed 003)."""

    def at(first: int, channel: int, place: Place) -> Place:
        return (first, *place, channel) if last else (first, channel, *place)

    def wire(inputs: Inputs, config: Config) -> Wiring:
        x, w = inputs["x"], inputs["w"]
        sides, taps = (x.shape[1:-1], w.shape[1:-1]) if last else (x.shape[2:], w.shape[2:])
        channels = x.shape[-1 if last else 1]
        seen = list(windows(sides, taps, *(config.get(word, low) for word, low in _CONVOLUTION)))
        shape = at(x.shape[0], w.shape[0], tuple(side + 1 for side in seen[-1][0]))
        links, offsets = [], []
        for n, f in np.ndindex(x.shape[0], w.shape[0]):
            for out, inside in seen:
                o = _number(at(n, f, out), shape)
                offsets.append((o, f))
                for tap, place in inside:
                    for c in range(channels):
                        i = _number(at(n, c, place), x.shape)
                        links.append((o, i, _number(at(f, c, read(tap, taps)), w.shape)))
        return Wiring(shape, links, w, "w", offsets, "b")

    return wire


_CONVOLUTION = (("stride", 1), ("pad", 0), ("dilation", 1))


def dense_wiring(inputs: Inputs, config: Config) -> Wiring:
    """``y[n,f] = sum_k x[n,k] W[f,k] + b[f]``.

    >>> dense_wiring({"x": np.ones((1, 2)), "w": np.ones((1, 2)), "b": np.ones(1)}, {}).links
    [(0, 0, 0), (0, 1, 1)]
    """
    (batch, features), units = inputs["x"].shape, inputs["w"].shape[0]
    every = [(n, f) for n in range(batch) for f in range(units)]
    links = [(n * units + f, n * features + k, f * features + k) for n, f in every for k in range(features)]
    return Wiring((batch, units), links, inputs["w"], "w", [(n * units + f, f) for n, f in every], "b")


def identity_wiring(inputs: Inputs, config: Config) -> Wiring:
    """Every entry to itself."""
    x = inputs["x"]
    return Wiring(x.shape, [(i, i, 0) for i in range(x.size)], np.ones(1))


def flatten_wiring(inputs: Inputs, config: Config) -> Wiring:
    """A map's entries end to end; the row index runs fastest (seed 004) unless told otherwise.

    >>> [o for o, i, j in flatten_wiring({"x": np.ones((1, 1, 2, 2))}, {}).links]
    [0, 2, 1, 3]
    """
    x = inputs["x"]
    size = math.prod(x.shape[1:])
    links = []
    for n, c, *place in np.ndindex(x.shape):
        within = (
            _number(place[::-1], x.shape[:1:-1]) if config.get("row_fastest", True) else _number(place, x.shape[2:])
        )
        o = n * size + c * math.prod(x.shape[2:]) + within
        links.append((o, _number((n, c, *place), x.shape), 0))
    return Wiring((x.shape[0], size), links, np.ones(1))


def mean_pool_wiring(inputs: Inputs, config: Config) -> Wiring:
    """Every entry of a window with 1/A; each connection has a weight of its own.

    >>> mean_pool_wiring({"x": np.ones((1, 1, 5))}, {"window": 2}).links
    [(0, 0, 0), (0, 1, 1), (1, 2, 2), (1, 3, 3)]
    """
    x = inputs["x"]
    shape, links = _pooled(x, *pooling_geometry(x, config))
    shares = [1 / area for area in areas(x, config)]
    by_output = [shares[o % len(shares)] for o, _ in links]
    return Wiring(shape, [(o, i, j) for j, (o, i) in enumerate(links)], np.array(by_output))


def subsample_wiring(inputs: Inputs, config: Config) -> Wiring:
    """The sum over a block of channel c with the weight beta[c], and b[c] (Bouvrie's subsampling before f)."""
    x, window = inputs["x"], per_axis(config["window"], inputs["x"].ndim - 2)
    shape, pairs = _pooled(x, window, window, 0)
    block = math.prod(shape[2:])
    links = [(o, i, o // block % shape[1]) for o, i in pairs]
    offsets = [(o, o // block % shape[1]) for o in range(math.prod(shape))]
    return Wiring(shape, links, inputs["beta"], "beta", offsets, "b")


def pooling_geometry(x: Any, config: Config) -> tuple[Place, Any, Any]:
    """Window, stride (the window where none is given) and padding."""
    window = per_axis(config["window"], np.ndim(x) - 2)
    stride = config.get("stride")
    return window, window if stride is None else stride, config.get("pad", 0)


def areas(x: Any, config: Config) -> list[int]:
    """What each window of a map is divided by: its size, or how many of its entries are no padding."""
    window, stride, pad = pooling_geometry(x, config)
    seen = [len(inside) for _, inside in windows(np.shape(x)[2:], window, stride, pad)]
    return [math.prod(window)] * len(seen) if config.get("count_padding", True) else seen


def _pooled(x: Any, window: Place, stride: Any, pad: Any) -> tuple[Place, list[tuple[int, int]]]:
    """The output's shape and every (output, input) that one window connects, map by map."""
    seen = list(windows(x.shape[2:], window, stride, pad))
    shape = (*x.shape[:2], *(side + 1 for side in seen[-1][0]))
    links = [
        (_number((n, c, *out), shape), _number((n, c, *place), x.shape))
        for n, c in np.ndindex(x.shape[:2])
        for out, inside in seen
        for _, place in inside
    ]
    return shape, links
