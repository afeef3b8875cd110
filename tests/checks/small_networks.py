"""Small right networks, of which some inputs leave a cost of almost nothing, or a gradient of almost nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from cnngrad import layers
from cnngrad.core.layer import Layer
from cnngrad.networks import chain, one_hot_rows

SHAPES = {"x": (1, 1, 6, 6), "C1.w": (2, 1, 3, 3), "C1.b": (2,), "O3.w": (3, 8), "O3.b": (3,), "E.t": (1, 3)}


def small_network(pool: Layer, f: Layer, cost: Layer) -> Layer:
    """Convolution, activation, pooling, dense, cost."""
    down, read = pool.configured(window=2), layers.flatten.configured(row_fastest=False)
    net = chain(C1=layers.conv2d, A1=f, S2=down, F2=read, O3=layers.dense, E=cost)
    draw = {"E.t": one_hot_rows} if cost is layers.softmax_cross_entropy else {}
    return replace(net, name=f"{f.name}, {pool.name}, {cost.name}", shapes=SHAPES, draw=draw)


SMALL_NETWORKS = {
    net.name: net
    for net in (
        small_network(*parts)
        for parts in product(
            (layers.max_pool, layers.mean_pool),
            (layers.relu, layers.tanh, layers.sigmoid),
            (layers.softmax_cross_entropy, layers.half_squared_error),
        )
    )
}
