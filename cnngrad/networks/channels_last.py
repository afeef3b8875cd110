"""Seed 003: convolution with many channels, channels last, and δ handed back along the connections.

An image is rows x columns x channels, the kernels are number x rows x columns x channels. If input node i reaches
output node j with weight w, then forwards y_j gets w x_i and backwards dx_i gets w dy_j, the same weight:

    y_j = b + Σ over connections (i, j, k) of w_k x_i
    dx_i = Σ over its connections of w_k dy_j,   dw_k = Σ over its connections of x_i dy_j
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Vector
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers import channels_last_conv, dense, flatten, relu, softmax_cross_entropy
from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.update import one_hot_rows

Nodes = npt.NDArray[np.intp]


def connections(image: tuple[int, int, int], kernels: tuple[int, int, int, int]) -> tuple[Nodes, Nodes, Nodes]:
    """Every connection of a convolution: from which input node, to which output node, with which weight.

    Args:
        image: rows, columns, channels.
        kernels: number, rows, columns, channels.

    Returns:
        Places in the flattened image, output and kernels.

    Raises:
        UsageError: another number of sides, channels that differ, or a kernel larger than the image.

    >>> i, j, k = connections((1, 3, 1), (1, 1, 2, 1))
    >>> i.tolist(), j.tolist(), k.tolist()
    ([0, 1, 1, 2], [0, 0, 1, 1], [0, 1, 0, 1])
    """
    if len(image) != 3 or len(kernels) != 4:
        raise UsageError(
            f"an image of shape {image} and kernels of shape {kernels}; they take (rows, columns, channels) and "
            "(number, rows, columns, channels)"
        )
    (height, width, channels), (number, rows, columns, depth) = image, kernels
    if channels != depth or rows > height or columns > width:
        raise UsageError(
            f"kernels of {rows}x{columns}x{depth} do not fit an image of {height}x{width}x{channels}: "
            "rows x columns x channels, the channels equal and the kernel no larger"
        )
    output = (height - rows + 1, width - columns + 1, number)
    y, x, f, u, v, c = np.indices((*output, rows, columns, channels)).reshape(6, -1)
    into = np.ravel_multi_index((y + u, x + v, c), image)
    return into, np.ravel_multi_index((y, x, f), output), np.ravel_multi_index((f, u, v, c), kernels)


def connected_conv_vjp(x: Vector, w: Vector, b: Vector) -> tuple[Vector, Backward]:
    """Channels-last convolution one connection at a time: ``x (N, H, W, C)``, ``w (F, K, K, C)``, ``b (F,)``.

    >>> y, backward = connected_conv_vjp(np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 1)), np.zeros(1))
    >>> y.tolist(), backward(np.ones((1, 1, 1, 1)))[0].ravel().tolist()
    ([[[[4.0]]]], [1.0, 1.0, 1.0, 1.0])
    """
    i, j, k = connections(x.shape[1:], w.shape)
    nodes, weights = x.reshape(len(x), -1), w.ravel()
    height, width = x.shape[1] - w.shape[1] + 1, x.shape[2] - w.shape[2] + 1
    y = np.zeros((len(x), height * width * len(w)), np.result_type(x, w))
    np.add.at(y.T, j, (weights[k] * nodes[:, i]).T)

    def backward(dy: Vector) -> tuple[Vector, Vector, Vector]:
        delta = dy.reshape(len(x), -1)
        dx, dw = np.zeros_like(nodes), np.zeros_like(weights)
        np.add.at(dx.T, i, (weights[k] * delta[:, j]).T)
        np.add.at(dw, k, (nodes[:, i] * delta[:, j]).sum(axis=0))
        return dx.reshape(x.shape), dw.reshape(w.shape), dy.sum(axis=(0, 1, 2))

    return y.reshape(len(x), height, width, len(w)) + b, backward


connected_conv = Layer(
    connected_conv_vjp,
    inputs=("x", "w", "b"),
    dims={"n": (1, 2), "height": (1, 5), "width": (1, 5), "c": (1, 3), "f": (1, 3), "rows": (1, 3), "columns": (1, 3)},
    shapes=lambda d: {
        "x": (d.n, d.height, d.width, d.c),
        "w": (d.f, d.rows, d.columns, d.c),
        "b": (d.f,),
    },
    where=lambda d: d.height >= d.rows and d.width >= d.columns,
    batch_axis=0,
)


def channels_last_net(convolution: Layer = channels_last_conv, image: tuple[int, int, int] = (28, 28, 1)) -> Chain:
    """Two relu convolutions, 4@5x5 and 8@5x5, channels last, a dense layer and softmax cross-entropy, at batch 2.

    Args:
        convolution: ``connected_conv`` computes the same along the connections.

    >>> channels_last_net().inputs[:3]
    ('x', 'C1.w', 'C1.b')
    """
    height, width, channels = image
    net = chain(
        C1=convolution,
        R1=relu,
        C2=convolution,
        R2=relu,
        F2=flatten.configured(row_fastest=False),
        O3=dense,
        E=softmax_cross_entropy,
    )
    shapes: dict[str, tuple[int, ...]] = {"x": (2, *image), "C1.w": (4, 5, 5, channels), "C1.b": (4,)}
    shapes |= {"C2.w": (8, 5, 5, 4), "C2.b": (8,), "O3.w": (10, (height - 8) * (width - 8) * 8), "O3.b": (10,)}
    shapes["E.t"] = (2, 10)
    return replace(net, name="channels_last_net", shapes=shapes, draw={"E.t": one_hot_rows})
