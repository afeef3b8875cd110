"""Seed 000's LeNet: two relu convolutions with pooling, a dense layer, softmax cross-entropy.

    x 28x28 -> C1 6@5x5 -> relu -> S2 2x2 -> C3 12@5x5 (every map to every map) -> relu -> S4 2x2 -> O5 192 -> 10

156 + 1812 + 1930 = 3898 parameters.
"""

from __future__ import annotations

from dataclasses import replace

from cnngrad.core.errors import UsageError
from cnngrad.layers import conv2d, dense, flatten, max_pool, mean_pool, relu, softmax_cross_entropy
from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.update import one_hot_rows

POOLINGS = {"mean": mean_pool, "max": max_pool}


def lenet(pooling: str = "mean", batch: int = 2) -> Chain:
    """The network with its loss: inputs ``x (batch, 1, 28, 28)``, the parameters and the one-hot target ``E.t``.

    Raises:
        UsageError: a pooling that is neither mean nor max.

    >>> lenet().inputs
    ('x', 'C1.w', 'C1.b', 'C3.w', 'C3.b', 'O5.w', 'O5.b', 'E.t')
    """
    if pooling not in POOLINGS:
        raise UsageError(f"pooling={pooling!r}; LeNet takes {' or '.join(map(repr, POOLINGS))}")
    pool = POOLINGS[pooling].configured(window=2)
    net = chain(
        C1=conv2d,
        R1=relu,
        S2=pool,
        C3=conv2d,
        R3=relu,
        S4=pool,
        F4=flatten.configured(row_fastest=False),
        O5=dense,
        E=softmax_cross_entropy,
    )
    shapes = {
        "x": (batch, 1, 28, 28),
        "C1.w": (6, 1, 5, 5),
        "C1.b": (6,),
        "C3.w": (12, 6, 5, 5),
        "C3.b": (12,),
        "O5.w": (10, 192),
        "O5.b": (10,),
        "E.t": (batch, 10),
    }
    return replace(net, name=f"lenet_{pooling}", shapes=shapes, draw={"E.t": one_hot_rows})
