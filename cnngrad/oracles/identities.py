"""The eight identities that the source texts rely on, each as comparisons that hold exactly.

One side is a reference layer, the other ``scipy.signal`` or an explicit sum. All numbers are small integers, so nothing
rounds. The entries of a kernel are all different, so that no rotation leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.layers import (
    channels_last_conv,
    conv2d,
    dense,
    max_pool,
    mean_pool,
    relu,
    relu_conv,
    true_conv,
    upsample_max,
    upsample_mean,
)
from cnngrad.oracles.comparison import Comparison
from cnngrad.oracles.connections import matrices
from cnngrad.oracles.matrices import CORRELATION
from cnngrad.oracles.scipy_signal import full, valid
from cnngrad.oracles.wirings import mean_pool_wiring

Rng = np.random.Generator
Claims = Callable[[Rng], list[Comparison]]


@dataclass(frozen=True)
class Identity:
    """One identity: where it is stated, its claims for numbers drawn from ``rng``, the layers it holds."""

    name: str
    source: str
    claims: Claims
    layers: tuple[str, ...]


def distinct(rng: Rng, *shape: int) -> Array:
    """Non-zero integers of both signs, all different.

    >>> sorted(np.abs(distinct(np.random.default_rng(0), 2, 2)).ravel().tolist())
    [1.0, 2.0, 3.0, 4.0]
    """
    size = int(np.prod(shape))
    signs = rng.permutation(np.where(np.arange(size) % 2, 1.0, -1.0))
    return np.asarray(signs * rng.permutation(np.arange(1.0, size + 1))).reshape(shape)


def single(values: Array) -> Array:
    """One image or kernel as a batch of one with one channel."""
    return values[None, None]


def relu_convolution_backward(rng: Rng) -> list[Comparison]:
    """``B = corr_valid(A, X)``, ``C = f(B)``, ``delta = f'(B) dC``: the gradients of X and A."""
    from scipy.signal import convolve, correlate

    a, x, dc = distinct(rng, 6, 7), distinct(rng, 3, 2), distinct(rng, 4, 6)
    before = valid(correlate, a, x)
    bias = -np.median(before).round()  # so that relu lets about half of the entries through
    delta = (before + bias > 0) * dc
    y, backward = relu_conv.vjp(single(a), single(x), np.array([bias]))
    da, dx, _ = backward(single(dc))
    return [
        Comparison("C = relu(corr_valid(A, X) + b)", y[0, 0], np.maximum(before + bias, 0)),
        Comparison("dX = corr_valid(A, delta)", dx[0, 0], valid(correlate, a, delta)),
        Comparison("dA = conv_full(delta, X)", da[0, 0], full(convolve, delta, x)),
        Comparison("dA = corr_full(delta, rot180 X)", da[0, 0], full(correlate, delta, np.rot90(x, 2))),
        Comparison("without the rotation it is not dA", da[0, 0], full(correlate, delta, x), equal=False),
        Comparison("delta on the left is not dX", dx[0, 0], correlate(delta, a, "valid", "direct"), equal=False),
    ]


def kernel_gradient_sides(rng: Rng) -> list[Comparison]:
    """The gradient of C3's kernels has side 12 - 8 + 1 = 5, of C1's 28 - 24 + 1 = 5."""
    from scipy.signal import correlate

    comparisons = []
    for name, side, out in (("C3", 12, 8), ("C1", 28, 24)):
        a, delta = distinct(rng, side, side), distinct(rng, out, out)
        _, backward = conv2d.vjp(single(a), single(distinct(rng, 5, 5)), np.zeros(1))
        dw = backward(single(delta))[1][0, 0]
        expected = np.array([side - out + 1] * 2)
        comparisons += [
            Comparison(f"dw of {name} has side {side} - {out} + 1 = 5", np.array(dw.shape), expected),
            Comparison(f"dw of {name} = corr_valid(a, delta)", dw, valid(correlate, a, delta)),
        ]
    return comparisons


def backward_along_connections(rng: Rng) -> list[Comparison]:
    """If input i reaches output j with weight w, ``dx_i`` gets ``w dy_j``: the backward is the transposed matrix."""
    comparisons = []
    x, w, b = distinct(rng, 2, 3, 5, 4), distinct(rng, 2, 3, 2, 3), distinct(rng, 2)
    options = {"stride": 2, "pad": 1}
    for name, layer, inputs, config, wire in (
        ("convolution", conv2d, {"x": x, "w": w, "b": b}, options, CORRELATION),
        ("mean pooling", mean_pool, {"x": x}, {"window": 2, "stride": 1}, mean_pool_wiring),
    ):
        y, backward = layer.vjp(*inputs.values(), **config)
        dy = distinct(rng, *y.shape)
        matrix = matrices(wire(inputs, config), inputs)["x"]
        offset = (b if "b" in inputs else np.zeros(y.shape[1]))[:, None, None]
        comparisons += [
            Comparison(f"{name}: y = M x + b", y, (matrix @ x.ravel()).reshape(y.shape) + offset),
            Comparison(f"{name}: dx = M^T dy", backward(dy)[0], (matrix.T @ dy.ravel()).reshape(x.shape)),
        ]
    return comparisons


def separate_correlations(rng: Rng) -> list[Comparison]:
    """A convolution of C channels to F maps is F C separate 2-D correlations, channels last."""
    from scipy.signal import convolve, correlate

    (m, c), (k, f) = (6, 3), (3, 2)
    x, w, b, dy = distinct(rng, 1, m, m, c), distinct(rng, f, k, k, c), distinct(rng, f), distinct(rng, 1, 4, 4, f)
    y, backward = channels_last_conv.vjp(x, w, b)
    dx, dw, _ = backward(dy)
    pairs = [(i, j) for i in range(f) for j in range(c)]
    expected, expected_dx, expected_dw = np.zeros(y.shape) + b, np.zeros(x.shape), np.zeros(w.shape)
    for i, j in pairs:
        expected[0, :, :, i] += valid(correlate, x[0, :, :, j], w[i, :, :, j])
        expected_dx[0, :, :, j] += full(convolve, dy[0, :, :, i], w[i, :, :, j])
        expected_dw[i, :, :, j] = valid(correlate, x[0, :, :, j], dy[0, :, :, i])
    return [
        Comparison("y has sides m - k + 1", np.array(y.shape), np.array([1, m - k + 1, m - k + 1, f])),
        Comparison("y adds up C correlations for each of F maps", y, expected),
        Comparison("dx adds up F full convolutions for each of C channels", dx, expected_dx),
        Comparison("dw is F C correlations", dw, expected_dw),
    ]


def kernel_gradient_by_patches(rng: Rng) -> list[Comparison]:
    """``dw`` is the sum of the patches, each times its delta; for a true convolution a patch is read rotated."""
    from scipy.signal import convolve, correlate

    a, delta, w = distinct(rng, 3, 6, 5), distinct(rng, 3, 4, 4), distinct(rng, 3, 2)
    patches = np.zeros((3, 2))
    for n, u, v in np.ndindex(delta.shape):
        patches += delta[n, u, v] * a[n, u : u + 3, v : v + 2]
    in_one = np.sum([valid(correlate, a[n], delta[n]) for n in range(3)], axis=0)
    # The toolbox keeps the batch in the last axis; turning that axis too makes the convolution sum over it.
    turned = valid(convolve, np.flip(np.moveaxis(a, 0, -1)), np.moveaxis(delta, 0, -1))[:, :, 0]
    crossed, true = (
        layer.vjp(a[:, None], single(w), np.zeros(1))[1](delta[:, None])[1][0, 0] for layer in (conv2d, true_conv)
    )
    return [
        Comparison("cross-correlation: dw = sum of delta[u,v] patch[u,v]", crossed, patches),
        Comparison("cross-correlation: dw = corr_valid(a, delta)", crossed, in_one),
        Comparison("true convolution: dw = rot180(corr_valid(a, delta))", true, np.rot90(in_one, 2)),
        Comparison("true convolution: dw = convn(flipall(a), d, 'valid')", true, turned),
        Comparison("the two kernels' gradients differ", crossed, true, equal=False),
    ]


def upsampling_keeps_the_total(rng: Rng) -> list[Comparison]:
    """Without overlap each window's ``dx`` sums to its ``dy``; with overlap the grand totals agree."""
    comparisons = []
    x = distinct(rng, 2, 3, 6, 4)
    for name, layer in (("mean", mean_pool), ("max", max_pool)):
        y, backward = layer.vjp(x, window=2, stride=2)
        dy = distinct(rng, *y.shape)
        by_window = backward(dy)[0].reshape(2, 3, 3, 2, 2, 2).sum(axis=(3, 5))
        comparisons.append(Comparison(f"{name}: each window's dx sums to its dy", by_window, dy))
        y, backward = layer.vjp(x, window=2, stride=1)
        dy = distinct(rng, *y.shape)
        comparisons.append(Comparison(f"{name}, with overlap: the totals agree", backward(dy)[0].sum(), dy.sum()))
    return comparisons


def worked_example(rng: Rng) -> list[Comparison]:
    """Pooled deltas [[1, 3], [2, 4]] over a 4 x 4 map with 2 x 2 windows, maxima in the places said."""
    deltas = np.array([[1.0, 3.0], [2.0, 4.0]])
    repeated = np.array([[1, 1, 3, 3], [1, 1, 3, 3], [2, 2, 4, 4], [2, 2, 4, 4]])
    placed = np.array([[0, 0, 0, 3], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 4, 0]], dtype=np.float64)
    x = distinct(rng, 4, 4) + 100 * (placed > 0)
    return [
        Comparison("upsample_mean(dy) = upsample(dy)/4", upsample_mean(deltas, (2, 2)), repeated / 4),
        Comparison("upsample_max(dy, place)", upsample_max(deltas, np.array([[3, 1], [0, 2]]), (2, 2)), placed),
        Comparison("mean: each value repeated, divided by 4", _pool_backward(mean_pool, x, deltas), repeated / 4),
        Comparison("max: each value in the recorded place", _pool_backward(max_pool, x, deltas), placed),
    ]


def _pool_backward(layer: Any, x: Array, deltas: Array) -> Array:
    _, backward = layer.vjp(single(x), window=2, stride=2)
    return np.asarray(backward(single(deltas))[0][0, 0])


def recursion_before_the_activation(rng: Rng) -> list[Comparison]:
    """``delta_h = f'(a_h) sum_k W_hk delta_k`` is the VJP of ``z -> W f(z) + b``, not of the layer's own forward."""
    z, w, b, delta = distinct(rng, 5), distinct(rng, 4, 5), distinct(rng, 4), distinct(rng, 4)
    handed_down = np.array([(z[h] > 0) * sum(w[k, h] * delta[k] for k in range(4)) for h in range(5)])

    def forward(at: Array) -> tuple[Array, Callable[[Array], Array]]:
        after, of_relu = relu.vjp(at[None])
        y, of_dense = dense.vjp(after, w, b)
        return y[0], lambda dy: of_relu(of_dense(dy[None])[0])[0][0]

    # relu is straight for half a step around a whole number that is not 0, so the difference is the derivative.
    steps = 0.5 * np.eye(5)
    slopes = np.array([delta @ (forward(z + step)[0] - forward(z - step)[0]) for step in steps])
    own, of_dense = dense.vjp(z[None], w, b)
    own_backward = of_dense(relu.vjp(own)[1](delta[None])[0])[0][0]
    return [
        Comparison("the recursion is the backward of dense after relu", forward(z)[1](delta), handed_down),
        Comparison("it is the derivative of <delta, W f(z) + b>", slopes, handed_down),
        Comparison("it is not the backward of f(W z + b)", own_backward, handed_down, equal=False),
    ]


IDENTITIES = (
    Identity("relu_convolution_backward", "seed 000", relu_convolution_backward, ("relu_conv", "conv")),
    Identity("kernel_gradient_sides", "seed 000", kernel_gradient_sides, ("conv",)),
    Identity("backward_along_connections", "seed 003", backward_along_connections, ("conv", "mean_pool")),
    Identity("separate_correlations", "seed 003", separate_correlations, ("channels_last_conv",)),
    Identity("kernel_gradient_by_patches", "seed 004", kernel_gradient_by_patches, ("conv", "true_conv")),
    Identity("upsampling_keeps_the_total", "seed 004", upsampling_keeps_the_total, ("mean_pool", "max_pool")),
    Identity("worked_example", "seed 004", worked_example, ("mean_pool", "max_pool")),
    Identity(
        "recursion_before_the_activation", "seeds 001, 002 and 004", recursion_before_the_activation, ("dense", "relu")
    ),
)
