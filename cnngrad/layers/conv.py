"""Convolution as deep learning calls it, the cross-correlation, in any rank (seeds 000, 002, 003).

Forward, for every sample n and output channel f::

    y[n, f] = b[f] + sum_c corr_valid(pad(x[n, c]), w[f, c])        every s-th window, its taps d apart

Backward::

    dx[n, c] = sum_f conv_full(dy[n, f], w[f, c])       dw[f, c] = sum_n corr_valid(x[n, c], dy[n, f])
    db[f]    = sum_n sum_space dy[n, f]

The code writes every window as a column of a matrix X, which makes each of the three one matrix product: with W the
kernels as rows, ``y = W X + b``, ``dW = dy Xᵀ``, ``dX = Wᵀ dy``; adding the columns of dX back to where their entries
came from is the full convolution, for every stride, padding and dilation. Entries that no window reaches get 0.
Linear in x, w and b apart, so differentiable everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward
from cnngrad.layers._declare import convolution
from cnngrad.layers._inputs import cotangent, floats, gradient, refuse, refuse_shape
from cnngrad.layers._windows import Windows, windows

# Columns of more entries than this fall out of the processor's cache and double the time.
BLOCK_ENTRIES = 1_000_000


def conv_vjp(x: Any, w: Any, b: Any, *, stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> tuple[Array, Backward]:
    """Cross-correlate ``x (N, C, *S)`` with kernels ``w (F, C, *K)`` and add the bias ``b (F,)``.

    Args:
        stride, pad, dilation: one whole number, or a tuple with one for each spatial axis.

    Returns:
        ``y (N, F, *T)`` with ``T = floor((S + 2p - d(K-1) - 1)/s) + 1``, and its backward (seeds 000, 003).

    Raises:
        UsageError: shapes that do not belong together, a kernel larger than the padded input.

    >>> y, backward = conv_vjp([[[1.0, 2.0, 3.0]]], [[[1.0, 10.0]]], [0.0])
    >>> y.tolist(), [g.tolist() for g in backward([[[1.0, 2.0]]])]
    ([[[21.0, 32.0]]], [[[[1.0, 12.0, 20.0]]], [[[5.0, 8.0]]], [3.0]])
    """
    x, w, b = floats(x, w, b)
    _refuse_wrong_shapes(x, w, b)
    g = windows("conv", x.shape[2:], w.shape[2:], stride=stride, pad=pad, dilation=dilation, kernel_name="kernel")
    rows = w.reshape(len(w), -1)
    padded = g.pad_with(x)
    blocks = _blocks(g, x)
    # Columns that fit are kept for the backward pass; others would take many times the memory of x.
    kept = [g.columns(padded)] if len(blocks) == 1 else []

    def columns() -> Iterable[Array]:
        return kept or (g.columns(padded[some]) for some in blocks)

    y = _joined([_samples_first(rows @ X + b[:, None], g) for X in columns()])

    def backward(dy: Any) -> tuple[Array, Array, Array]:
        dy = cotangent("conv", dy, (len(x), len(w), *g.out))
        dw, dx = np.zeros(rows.shape, np.result_type(dy, x)), []
        for some, X in zip(blocks, columns(), strict=True):
            delta = _kernels_first(dy[some])
            dw += delta @ X.T
            dx.append(g.add_columns(rows.T @ delta, x.shape[1]))
        db = dy.sum(axis=(0, *range(2, dy.ndim)))
        return gradient(g.crop(_joined(dx)), x), gradient(dw, w), gradient(db, b)

    return y, backward


def _joined(blocks: list[Array]) -> Array:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _kernels_first(y: Array) -> Array:
    """``(N, F, *T)`` to ``(F, windows * N)``, in the order of the columns."""
    return np.moveaxis(y, 0, -1).reshape(y.shape[1], -1)


def _samples_first(y: Array, g: Windows) -> Array:
    """``(F, windows * N)`` to ``(N, F, *T)``."""
    return np.moveaxis(y.reshape(len(y), *g.out, -1), -1, 0)


def _blocks(g: Windows, x: Array) -> list[slice]:
    """Runs of samples whose columns stay small."""
    entries = x.shape[1] * math.prod(g.kernel) * math.prod(g.out)
    step = max(1, BLOCK_ENTRIES // max(entries, 1))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def _refuse_wrong_shapes(x: Array, w: Array, b: Array) -> None:
    refuse("conv", x.ndim < 3, f"x has shape {x.shape}", "it takes (samples, channels, *spatial) with a spatial axis")
    refuse(
        "conv",
        w.ndim != x.ndim,
        f"w has shape {w.shape} and x {x.shape}",
        f"w takes (kernels, channels, *sides) with as many axes as x, {x.ndim}",
    )
    refuse(
        "conv",
        w.shape[1] != x.shape[1],
        f"w has {w.shape[1]} input channels (axis 1 of {w.shape}) and x has {x.shape[1]} (axis 1 of {x.shape})",
        "the two must be equal",
    )
    refuse_shape("conv", "b", b, (len(w),), f"with {len(w)} kernels")


conv = convolution("conv", conv_vjp)
conv1d = convolution("conv1d", conv_vjp, rank=1)
conv2d = convolution("conv2d", conv_vjp, rank=2)
conv3d = convolution("conv3d", conv_vjp, rank=3)
