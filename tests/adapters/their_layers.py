"""Eight layers that thousands rely on, as PyTorch, JAX and autograd have them, through the adapters."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.core.layer import Layer

NAMES = ("conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "cross_entropy", "batch_norm", "layer_norm", "gelu")
SMALL = {"n": (1, 2), "c": (2, 2), "side": (4, 4), "k": (1, 2), "stride": (1, 2)}
IMAGE: dict[str, Any] = dict(dims=SMALL, shapes=lambda d: {"x": (d.n, d.c, d.side, d.side)})
ROWS: dict[str, Any] = dict(dims={"n": (2, 3), "c": (3, 3)}, shapes=lambda d: {"x": (d.n, d.c)})


def labels(rng: np.random.Generator, shape: Any, d: Any) -> Any:
    return rng.integers(0, d.c, shape)


def kernels(out: str, into: str) -> dict[str, Any]:
    shapes = lambda d: {  # noqa: E731 - short as a user writes it
        "x": (d.n, d.c, d.side, d.side),
        "w": (getattr(d, out), getattr(d, into), d.k, d.k),
        "b": (d.f,),
    }
    return dict(inputs=("x", "w", "b"), dims={**SMALL, "f": (1, 1)}, shapes=shapes)


PICKED: dict[str, Any] = dict(
    inputs=("x", "t"),
    constants="t",
    dims=ROWS["dims"],
    shapes=lambda d: {"x": (d.n, d.c), "t": (d.n,)},
    draw={"t": labels},
)
NORMED: dict[str, Any] = dict(
    inputs=("x", "g", "b"), dims=ROWS["dims"], shapes=lambda d: {"x": (d.n, d.c), "g": (d.c,), "b": (d.c,)}
)


def of_torch() -> dict[str, Layer]:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    strided = lambda d: {"stride": d.stride, "padding": d.k - 1}  # noqa: E731 - short as a user writes it
    windows = lambda d: {"kernel_size": d.k, "stride": d.stride}  # noqa: E731 - short as a user writes it
    table = {
        "conv2d": (F.conv2d, {**kernels("f", "c"), "config": strided}),
        "conv_transpose2d": (F.conv_transpose2d, {**kernels("c", "f"), "config": lambda d: {"stride": d.stride}}),
        "max_pool2d": (F.max_pool2d, {**IMAGE, "config": windows}),
        "avg_pool2d": (F.avg_pool2d, {**IMAGE, "config": windows}),
        "cross_entropy": (F.cross_entropy, PICKED),
        "batch_norm": (lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True), NORMED),
        "layer_norm": (lambda x, g, b: F.layer_norm(x, g.shape, g, b), NORMED),
        "gelu": (F.gelu, ROWS),
    }
    return {name: cg.from_torch(function, name=name, **facts) for name, (function, facts) in table.items()}


def normed(module: Any, axis: int) -> Callable[..., Any]:
    """Normalised along an axis, for whoever has NumPy's functions."""

    def norm(x: Any, g: Any, b: Any) -> Any:
        centred = x - module.mean(x, axis=axis, keepdims=True)
        return g * centred / module.sqrt(module.mean(centred**2, axis=axis, keepdims=True) + 1e-5) + b

    return norm


def of_jax() -> dict[str, Layer]:
    """Compiled, as they are used; otherwise JAX would trace every one of thousands of calls anew."""
    jax = pytest.importorskip("jax")
    jnp, lax = jax.numpy, jax.lax

    def conv(x: Any, w: Any, b: Any, stride: int) -> Any:
        return lax.conv(x, w, (stride, stride), "SAME") + b[:, None, None]

    def transposed(x: Any, w: Any, b: Any, stride: int) -> Any:
        axes = ("NCHW", "OIHW", "NCHW")
        return lax.conv_transpose(x, w, (stride, stride), "VALID", dimension_numbers=axes) + b[:, None, None]

    def pool(start: float, join: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, k, stride: lax.reduce_window(x, start, join, (1, 1, k, k), (1, 1, stride, stride), "VALID")

    def compiled(function: Callable[..., Any]) -> Any:
        static = {"k", "stride"} & set(inspect.signature(function).parameters)
        return jax.jit(function, static_argnames=tuple(static))

    strided = lambda d: {"stride": d.stride}  # noqa: E731 - short as a user writes it
    windows = lambda d: {"k": d.k, "stride": d.stride}  # noqa: E731 - short as a user writes it
    table = {
        "conv2d": (conv, {**kernels("f", "c"), "config": strided}),
        "conv_transpose2d": (transposed, {**kernels("f", "c"), "config": strided}),
        "max_pool2d": (pool(-np.inf, lax.max), {**IMAGE, "config": windows}),
        "avg_pool2d": (lambda x, k, stride: pool(0.0, lax.add)(x, k, stride) / k**2, {**IMAGE, "config": windows}),
        "cross_entropy": (lambda x, t: -jax.nn.log_softmax(x)[jnp.arange(len(t)), t].mean(), PICKED),
        "batch_norm": (normed(jnp, 0), NORMED),
        "layer_norm": (normed(jnp, 1), NORMED),
        "gelu": (jax.nn.gelu, ROWS),
    }
    return {name: cg.from_jax(compiled(function), name=name, **facts) for name, (function, facts) in table.items()}


def of_autograd() -> dict[str, Layer]:
    pytest.importorskip("autograd")
    anp = importlib.import_module("autograd.numpy")
    convolve = importlib.import_module("autograd.scipy.signal").convolve
    special = importlib.import_module("autograd.scipy.special")

    def conv(x: Any, w: Any, b: Any, mode: str) -> Any:
        return convolve(x, w, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode=mode) + b[:, None, None]

    def windows(x: Any, k: int) -> Any:
        n, c, height, width = x.shape
        return anp.reshape(x, (n, c, height // k, k, width // k, k))

    def cross_entropy(x: Any, t: Any) -> Any:
        return anp.mean(special.logsumexp(x, axis=1) - x[anp.arange(len(t)), t])

    without_stride = {name: ends for name, ends in SMALL.items() if name != "stride"}
    tiled = {**IMAGE, "dims": without_stride, "config": lambda d: {"k": d.k}}
    kernel = {**kernels("f", "c"), "dims": {**without_stride, "f": (1, 1)}}
    table = {
        "conv2d": (conv, {**kernel, "config": {"mode": "valid"}}),
        "conv_transpose2d": (conv, {**kernel, "config": {"mode": "full"}}),
        "max_pool2d": (lambda x, k: anp.max(windows(x, k), axis=(3, 5)), tiled),
        "avg_pool2d": (lambda x, k: anp.mean(windows(x, k), axis=(3, 5)), tiled),
        "cross_entropy": (cross_entropy, PICKED),
        "batch_norm": (normed(anp, 0), NORMED),
        "layer_norm": (normed(anp, 1), NORMED),
        "gelu": (lambda x: 0.5 * x * (1 + special.erf(x / math.sqrt(2))), ROWS),
    }
    return {name: cg.from_autograd(function, name=name, **facts) for name, (function, facts) in table.items()}


def only_in_single(layer: Layer) -> Layer:
    """The layer as a kernel that knows float32 only, so that every point is judged in it."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        if any(np.asarray(value).dtype in (np.float64, np.complex128) for value in inputs):
            raise TypeError("float32 only")
        return layer.vjp(*inputs, **config)

    return replace(layer, vjp=vjp)
