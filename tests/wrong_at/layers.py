"""A convolution and two poolings written plainly, with no thought for speed: the right twins of the wrong layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Layer

Spots = list[tuple[int, int, slice, slice]]


def spots(shape: tuple[int, ...], kh: int, kw: int, stride: int) -> Spots:
    """Every output place ``(i, j)`` with the rows and columns its window reads; what is left over is not read."""
    rows, columns = shape[-2:]
    return [
        (i, j, slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw))
        for i in range((rows - kh) // stride + 1)
        for j in range((columns - kw) // stride + 1)
    ]


def padded(x: Array, pad: int) -> Array:
    samples, channels, rows, columns = x.shape
    wide = np.zeros((samples, channels, rows + 2 * pad, columns + 2 * pad), x.dtype)
    wide[:, :, pad : pad + rows, pad : pad + columns] = x
    return wide


def unpadded(x: Array, pad: int) -> Array:
    return x[:, :, pad : x.shape[2] - pad, pad : x.shape[3] - pad].copy()


def conv_vjp(x: Any, w: Any, b: Any, stride: int, pad: int) -> Any:
    wide = padded(x, pad)
    where = spots(wide.shape, w.shape[2], w.shape[3], stride)
    kernels = w.reshape(len(w), -1)
    y = np.empty((len(x), len(w), where[-1][0] + 1, where[-1][1] + 1), np.result_type(x, w, b))
    for i, j, rows, columns in where:
        y[:, :, i, j] = wide[:, :, rows, columns].reshape(len(x), -1) @ kernels.T + b

    def backward(dy: Any) -> Any:
        dx, dw = np.zeros_like(wide), np.zeros_like(kernels)
        for i, j, rows, columns in where:
            window = wide[:, :, rows, columns]
            dx[:, :, rows, columns] += (dy[:, :, i, j] @ kernels).reshape(window.shape)
            dw += dy[:, :, i, j].T @ window.reshape(len(x), -1)
        return unpadded(dx, pad), dw.reshape(w.shape), dy.sum(axis=(0, 2, 3))

    return y, backward


def mean_pool_vjp(x: Any, kh: int, kw: int, stride: int, pad: int) -> Any:
    wide = padded(x, pad)
    where = spots(wide.shape, kh, kw, stride)
    y = np.empty((*x.shape[:2], where[-1][0] + 1, where[-1][1] + 1), x.dtype)
    for i, j, rows, columns in where:
        y[:, :, i, j] = wide[:, :, rows, columns].sum(axis=(2, 3)) / (kh * kw)

    def backward(dy: Any) -> Any:
        dx = np.zeros_like(wide)
        for i, j, rows, columns in where:
            dx[:, :, rows, columns] += dy[:, :, i, j, None, None] / (kh * kw)
        return (unpadded(dx, pad),)

    return y, backward


def max_pool_vjp(x: Any, kh: int, kw: int, stride: int, pad: int) -> Any:
    wide = padded(x, pad)
    where = spots(wide.shape, kh, kw, stride)
    y = np.empty((*x.shape[:2], where[-1][0] + 1, where[-1][1] + 1), x.dtype)
    place = np.empty(y.shape, int)
    for i, j, rows, columns in where:
        window = wide[:, :, rows, columns].reshape(*x.shape[:2], -1)
        y[:, :, i, j], place[:, :, i, j] = window.max(axis=2), window.argmax(axis=2)  # the first of equal ones

    def backward(dy: Any) -> Any:
        dx = np.zeros_like(wide)
        samples, channels = np.indices(x.shape[:2])
        for i, j, rows, columns in where:
            row, column = np.divmod(place[:, :, i, j], kw)
            dx[samples, channels, rows.start + row, columns.start + column] += dy[:, :, i, j]
        return (unpadded(dx, pad),)

    return y, backward


def fits(d: Any) -> bool:
    return bool(d.height + 2 * d.pad >= d.kh and d.width + 2 * d.pad >= d.kw)


def pools(d: Any) -> bool:
    return fits(d) and bool(2 * d.pad <= min(d.kh, d.kw))


PLACES: dict[str, tuple[int, int]] = {
    "n": (1, 3),
    "c": (1, 2),
    "height": (1, 6),
    "width": (1, 6),
    "kh": (1, 4),
    "kw": (1, 4),
    "stride": (1, 3),
    "pad": (0, 2),
}


def _pool(vjp: Callable[..., Any], name: str) -> Layer:
    return Layer(
        vjp,
        ("x",),
        name,
        dims=PLACES,
        shapes=lambda d: {"x": (d.n, d.c, d.height, d.width)},
        config=lambda d: {"kh": d.kh, "kw": d.kw, "stride": d.stride, "pad": d.pad},
        where=pools,
    )


conv = Layer(
    conv_vjp,
    ("x", "w", "b"),
    "conv",
    dims={**PLACES, "f": (1, 2)},
    shapes=lambda d: {"x": (d.n, d.c, d.height, d.width), "w": (d.f, d.c, d.kh, d.kw), "b": (d.f,)},
    config=lambda d: {"stride": d.stride, "pad": d.pad},
    where=fits,
)
mean_pool = _pool(mean_pool_vjp, "mean_pool")
max_pool = _pool(max_pool_vjp, "max_pool")
TWINS: tuple[Layer, ...] = (conv, mean_pool, max_pool)


def sizes_of(layer: Layer, inputs: tuple[Any, ...], config: dict[str, int]) -> Iterator[tuple[str, int]]:
    """The dims that a call stands for."""
    x = np.shape(inputs[0])
    yield from zip(("n", "c", "height", "width"), x, strict=True)
    if layer is conv:
        w = np.shape(inputs[1])
        yield from zip(("f", "kh", "kw"), (w[0], w[2], w[3]), strict=True)
    yield from config.items()
