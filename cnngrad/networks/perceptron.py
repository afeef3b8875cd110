"""Seed 001's multilayer perceptron, in the letters of its text: a before, b after the activation.

    forward     a = W b_prev + bias,  b = f(a)
    backward    δ_out = Y − T (over N examples: (Y − T)/N)
                δ_h = f'(a_h) Σ_k W_hk δ_k
                dW = δ ⊗ b_prev,  dbias = δ summed over the examples

δ = Y − T holds at a linear output with half squared error and at softmax with cross-entropy. The text's δ is taken
before the activation: it is the exact vjp of z ↦ W f(z) + b, which stands here as a layer, and not of f(W z + b).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnngrad.core.arrays import Vector
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers import (
    conv2d,
    dense,
    dense_vjp,
    flatten,
    half_squared_error,
    mean_pool,
    softmax_cross_entropy,
    softmax_vjp,
    tanh,
)
from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.update import one_hot_rows

LOSSES = {"linear": half_squared_error, "softmax": softmax_cross_entropy}


def pre_activation(f: Layer) -> Layer:
    """The layer z ↦ W f(z) + b, whose vjp is the text's recursion δ_z = f'(z) ⊙ (δ W).

    >>> import numpy as np
    >>> layer = pre_activation(tanh)
    >>> y, backward = layer(np.zeros((1, 2)), np.ones((3, 2)), np.ones(3))
    >>> y.tolist(), backward(np.ones((1, 3)))[0].tolist()
    ([[1.0, 1.0, 1.0]], [[3.0, 3.0]])
    """

    def pre_activation_vjp(z: Vector, w: Vector, b: Vector) -> tuple[Vector, Backward]:
        fz, times_slope = f.vjp(z)
        y, through_weights = dense_vjp(fz, w, b)

        def backward(delta: Vector) -> tuple[Vector, Vector, Vector]:
            delta_w, dw, db = through_weights(delta)
            (dz,) = times_slope(delta_w)
            return dz, dw, db

        return y, backward

    return Layer(
        pre_activation_vjp,
        inputs=("z", "w", "b"),
        name=f"dense_after_{f.name}",
        dims={"n": (1, 3), "d": (1, 4), "o": (1, 4)},
        shapes=lambda d: {"z": (d.n, d.d), "w": (d.o, d.d), "b": (d.o,)},
        batch_axis=0,
    )


def perceptron(widths: Sequence[int], f: Layer = tanh, output: str = "softmax", batch: int = 2) -> Chain:
    """A perceptron of any depth and widths as a chain of a = W f(a_prev) + bias, so that its cotangents are the δ.

    Args:
        widths: of the input, every hidden layer, and the output.
        output: ``"softmax"`` with cross-entropy, or ``"linear"`` with half squared error.

    Raises:
        UsageError: fewer than two widths, or another output.

    >>> perceptron((4, 3, 2)).inputs
    ('x', 'H1.w', 'H1.b', 'O2.w', 'O2.b', 'E.t')
    """
    if len(widths) < 2 or min(widths) < 1:
        raise UsageError(f"widths={tuple(widths)!r}; a perceptron takes at least an input's and an output's: (784, 10)")
    last = len(widths) - 1
    names = [f"H{i}" for i in range(1, last)] + [f"O{last}"]
    stages = {name: dense if i == 0 else pre_activation(f) for i, name in enumerate(names)}
    net = chain(**stages, E=_loss(output))
    shapes: dict[str, tuple[int, ...]] = {"x": (batch, widths[0])}
    for name, into, out in zip(names, widths, widths[1:], strict=False):
        shapes |= {f"{name}.w": (out, into), f"{name}.b": (out,)}
    shapes["E.t"] = (batch, widths[-1])
    return replace(net, name="perceptron", shapes=shapes, draw={"E.t": one_hot_rows})


def delta_recursion(
    x: Vector,
    target: Vector,
    weights: Sequence[Vector],
    biases: Sequence[Vector],
    f: Layer = tanh,
    output: str = "softmax",
) -> tuple[list[Vector], list[Vector], list[Vector]]:
    """The text's recursion written out: no chain, no layer, only its three formulas.

    Returns:
        δ, dW and dbias of every layer, first to last; the loss is averaged over the rows of ``x``.

    Raises:
        UsageError: an output other than ``"linear"`` and ``"softmax"``.

    >>> import numpy as np
    >>> x, target, w, bias = np.ones((1, 2)), np.zeros((1, 1)), np.ones((1, 2)), np.zeros(1)
    >>> deltas, dw, db = delta_recursion(x, target, [w], [bias], tanh, "linear")
    >>> deltas[0].tolist(), dw[0].tolist(), db[0].tolist()
    ([[2.0]], [[2.0, 2.0]], [2.0])
    """
    _loss(output)
    b, slopes = [x], []
    a = x @ weights[0].T + biases[0]
    for w, bias in zip(weights[1:], biases[1:], strict=True):
        activated, times_slope = f.vjp(a)
        b.append(activated)
        slopes.append(times_slope)
        a = activated @ w.T + bias
    y = softmax_vjp(a)[0] if output == "softmax" else a
    deltas = [(y - target) / len(x)]
    for w, times_slope in zip(weights[:0:-1], reversed(slopes), strict=True):
        deltas.insert(0, times_slope(deltas[0] @ w)[0])
    return deltas, [d.T @ before for d, before in zip(deltas, b, strict=True)], [d.sum(axis=0) for d in deltas]


def convolutional_perceptron(image: tuple[int, int] = (28, 28), f: Layer = tanh, batch: int = 2) -> Chain:
    """The text's chain: input, convolution 6@5x5, mean pooling 2x2, dense 30, output 10 with softmax cross-entropy.

    >>> list(convolutional_perceptron().stages)
    ['C1', 'B1', 'S2', 'F2', 'H3', 'O4', 'E']
    """
    height, width = ((side - 4) // 2 for side in image)
    net = chain(
        C1=conv2d,
        B1=f,
        S2=mean_pool.configured(window=2),
        F2=flatten.configured(row_fastest=False),
        H3=dense,
        O4=pre_activation(f),
        E=softmax_cross_entropy,
    )
    shapes: dict[str, Any] = {"x": (batch, 1, *image), "C1.w": (6, 1, 5, 5), "C1.b": (6,)}
    shapes |= {"H3.w": (30, 6 * height * width), "H3.b": (30,), "O4.w": (10, 30), "O4.b": (10,), "E.t": (batch, 10)}
    return replace(net, name="convolutional_perceptron", shapes=shapes, draw={"E.t": one_hot_rows})


def _loss(output: str) -> Layer:
    if output not in LOSSES:
        raise UsageError(f"output={output!r}; a perceptron's is {' or '.join(map(repr, LOSSES))}")
    return LOSSES[output]
