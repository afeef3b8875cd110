"""The small scope of every reference layer: ranges that are gone through completely by ``make sweep``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cnngrad import layers
from cnngrad.core.layer import Layer

Ranges = dict[str, tuple[int, int]]

IMAGES: Ranges = {"n": (1, 2), "c": (1, 2), "height": (1, 5), "width": (1, 5)}
KERNELS: Ranges = {"f": (1, 2), "kh": (1, 3), "kw": (1, 3), "pad": (0, 2), "dilation": (1, 2)}
# A layer of any rank has these; in two dimensions the first side is not there.
PLANE: Ranges = {"rank": (2, 2), "depth": (1, 1), "kd": (1, 1), "stride_w": (1, 3), "stride_rest": (1, 3)}
POOLED: Ranges = {**PLANE, "n": (1, 2), "c": (1, 2), "height": (1, 4), "width": (1, 5), "kh": (1, 3), "kw": (1, 3)}


def one_stride(d: Any) -> bool:
    return bool(d.stride_w == d.stride_rest)


def scope(layer: Layer, ranges: Ranges, also: Callable[[Any], bool] = lambda d: True) -> Layer:
    """The layer, declared for these ranges only; what is not named keeps the range it has."""
    dims = {name: ranges.get(name, limits) for name, limits in (layer.dims or {}).items()}
    unknown = set(ranges) - set(dims)
    if unknown:
        raise ValueError(f"{layer.name} has no dims {unknown}")
    return replace(layer, dims=dims, where=lambda d: layer.allows(vars(d)) and also(d))


# 25,656 configurations of a convolution in two dimensions: all sides on their own, one stride.
SCOPES: dict[str, Layer] = {
    "conv2d": scope(layers.conv2d, {**IMAGES, **KERNELS, "stride": (1, 3)}),
    "true_conv2d": scope(layers.true_conv2d, {**IMAGES, **KERNELS, "stride": (1, 3)}),
    "channels_last_conv": scope(layers.channels_last_conv, {**PLANE, **IMAGES, **KERNELS}, one_stride),
    "relu_conv": scope(layers.relu_conv, {**PLANE, **IMAGES, **KERNELS}, one_stride),
    "sigmoid_conv": scope(layers.sigmoid_conv, {**PLANE, **IMAGES, **KERNELS}, one_stride),
    "mean_pool": scope(layers.mean_pool, POOLED, one_stride),
    "max_pool": scope(layers.max_pool, POOLED, one_stride),
    "p_norm_pool": scope(layers.p_norm_pool, {**POOLED, "c": (1, 1), "p2": (2, 6)}, one_stride),
    "flatten": layers.flatten,
    "subsample": layers.subsample,
    "batch_norm": layers.batch_norm,
    "dense": layers.dense,
    "relu": layers.relu,
    "sigmoid": layers.sigmoid,
    "tanh": layers.tanh,
    "identity": layers.identity,
    "neuron": layers.neuron,
    "softmax": layers.softmax,
    "softmax_cross_entropy": layers.softmax_cross_entropy,
    "half_squared_error": layers.half_squared_error,
    "weight_decay": layers.weight_decay,
}

# A part of one of them, for measurements, and a smaller part.
ONE: Ranges = {name: (1, 1) for name in ("n", "c", "f", "height", "width", "kh", "kw", "dilation")}
SOME = scope(
    layers.relu_conv, {**PLANE, **ONE, "n": (1, 2), "height": (1, 3), "width": (1, 3), "kh": (1, 2)}, one_stride
)
FEW = scope(layers.relu_conv, {**PLANE, **ONE, "pad": (0, 0)}, one_stride)
