"""The network of the paper behind seed 004 (Bouvrie, "Notes on Convolutional Neural Networks").

Between convolutions stands trainable subsampling u = β down(x) + b, f(u), and a map need not be connected to every
map of the layer before:

    z[n,f] = b[f] + Σ over the c connected to f of conv(x[n,c], w[f,c])
    dx[n,c] = Σ over the f connected to c of corr_full(dz[n,f], w[f,c]);   dw[f,c] = 0 where f and c are not connected
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Array, Vector
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers import dense, flatten, half_squared_error, sigmoid, subsample, true_conv_vjp
from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.update import initial, one_hot_rows

# Each of the second convolution's 12 maps sees three neighbouring ones of the first's 6.
TABLE = np.array([[(c - f) % 6 < 3 for c in range(6)] for f in range(12)])


def partial_conv(table: npt.ArrayLike) -> Layer:
    """True convolution in which map f sees map c only where ``table[f, c]`` is true.

    Raises:
        UsageError: a table that is not two-dimensional, or a map that sees nothing.

    >>> layer = partial_conv([[1, 0]])
    >>> y, backward = layer(np.ones((1, 2, 2, 2)), np.ones((1, 2, 2, 2)), np.zeros(1))
    >>> y.tolist(), backward(np.ones((1, 1, 1, 1)))[1].sum(axis=(2, 3)).tolist()
    ([[[[4.0]]]], [[4.0, 0.0]])
    """
    connected = np.asarray(table, dtype=bool)
    if connected.ndim != 2 or not connected.any(axis=1).all():
        raise UsageError(
            f"a connection table has a row for each output map, a column for each input map and a true entry in every "
            f"row; given: {np.asarray(table).tolist()!r:.80}"
        )
    mask = connected[:, :, np.newaxis, np.newaxis]
    maps, channels = connected.shape

    def partial_conv_vjp(x: Vector, w: Vector, b: Vector) -> tuple[Vector, Backward]:
        if np.shape(w)[:2] != connected.shape:
            raise UsageError(
                f"partial_conv: w has shape {np.shape(w)}; with this connection table it takes "
                f"({maps}, {channels}, *sides)"
            )
        z, of_full = true_conv_vjp(x, w * mask, b)

        def backward(dz: Vector) -> tuple[Vector, Vector, Vector]:
            dx, dw, db = of_full(dz)
            return dx, dw * mask, db

        return z, backward

    return Layer(
        partial_conv_vjp,
        inputs=("x", "w", "b"),
        name="partial_conv",
        dims={"n": (1, 2), "height": (1, 5), "width": (1, 5), "k": (1, 3)},
        shapes=lambda d: {"x": (d.n, channels, d.height, d.width), "w": (maps, channels, d.k, d.k), "b": (maps,)},
        where=lambda d: min(d.height, d.width) >= d.k,
        batch_axis=0,
    )


def paper_net(activation: str = "sigmoid", table: npt.ArrayLike = TABLE, batch: int = 2) -> Chain:
    """28x28, 6 maps 5x5, subsampling, 12 maps 5x5 connected by the table, subsampling, 10 sigmoid outputs.

    Args:
        activation: of the subsampling layers, ``"sigmoid"`` or ``"identity"``.

    >>> paper_net().inputs[3:7]
    ('S2.beta', 'S2.b', 'C3.w', 'C3.b')
    """
    down = subsample.configured(window=2, activation=activation)
    net = chain(
        C1=partial_conv(np.ones((6, 1))),
        A1=sigmoid,
        S2=down,
        C3=partial_conv(table),
        A3=sigmoid,
        S4=down,
        F4=flatten,
        O5=dense,
        o=sigmoid,
        L=half_squared_error,
    )
    shapes: dict[str, tuple[int, ...]] = {"x": (batch, 1, 28, 28), "C1.w": (6, 1, 5, 5), "C1.b": (6,)}
    shapes |= {"S2.beta": (6,), "S2.b": (6,), "C3.w": (12, 6, 5, 5), "C3.b": (12,)}
    shapes |= {"S4.beta": (12,), "S4.b": (12,), "O5.w": (10, 192), "O5.b": (10,), "L.t": (batch, 10)}
    return replace(net, name=f"paper_net_{activation}", shapes=shapes, draw={"L.t": one_hot_rows})


def initial_paper(net: Chain, rng: np.random.Generator) -> dict[str, Array]:
    """As :func:`initial`, with β = 1/4, so that subsampling starts as the mean of its 2x2 blocks.

    >>> float(initial_paper(paper_net(), np.random.default_rng(0))["S2.beta"][0])
    0.25
    """
    start: dict[str, Any] = initial(net, rng)
    return {name: np.full_like(value, 0.25) if name.endswith(".beta") else value for name, value in start.items()}
