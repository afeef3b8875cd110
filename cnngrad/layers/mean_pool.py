"""Mean pooling (seeds 000, 004).

Forward ``y = mean of each window`` of area A; backward: each entry of the window gets ``dy/A``. Without overlap that is
``upsample_mean(dy) = upsample(dy)/A``; where windows overlap the shares add up. Padded zeros count in A, or with
``count_padding=False`` only the valid entries do. Linear, so differentiable everywhere.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.layer import Backward, Layer
from cnngrad.layers._declare import pool
from cnngrad.layers._inputs import cotangent, floats, gradient
from cnngrad.layers._windows import Windows, pooling, refuse_wide_padding, unpooling


def mean_pool_vjp(
    x: Any, *, window: Any, stride: Any = None, pad: Any = 0, count_padding: bool = True
) -> tuple[Array, Backward]:
    """The mean of each window of ``x (N, C, *S)`` (seeds 000, 004).

    Args:
        window: its side, or one side an axis; stride: the same as the window if left out.
        count_padding: whether the zeros of the padding count in the area.

    Raises:
        UsageError: a window larger than the padded input; padding of more than half a window that does not count.

    >>> y, backward = mean_pool_vjp([[[1.0, 3.0, 5.0, 5.0, 9.0]]], window=2)
    >>> y.tolist(), backward([[[4.0, 8.0]]])[0].tolist()
    ([[[2.0, 5.0]]], [[[2.0, 2.0, 4.0, 4.0, 0.0]]])
    """
    (x,) = floats(x)
    g = pooling("mean_pool", x, window, stride, pad)
    area = _area("mean_pool", g, count_padding, x)
    padded = g.pad_with(x)
    # Dividing before adding keeps the mean of huge numbers finite.
    y = reduce(np.add, (padded[tap] / area for tap in g.taps()))

    def backward(dy: Any) -> tuple[Array]:
        dy = cotangent("mean_pool", dy, y.shape)
        return (gradient(_spread(dy / area, g), x),)

    return y, backward


def upsample_mean(
    dy: Any, window: Any, *, stride: Any = None, pad: Any = 0, size: Any = None, count_padding: bool = True
) -> Array:
    """Hand every entry of a window its share ``dy/A`` (seed 004's upsample, divided by the area).

    Args:
        dy: ``(N, C, *T)``; or maps of any kind if ``window`` is a tuple, whose length says how many last axes pool.
        size: the spatial sides of the pooled input; left out, what the windows just cover.

    Raises:
        UsageError: ``dy`` is not what windows over ``size`` give.

    >>> upsample_mean([[4.0, 12.0]], (1, 2)).tolist()
    [[2.0, 2.0, 6.0, 6.0]]
    """
    (dy,) = floats(dy)
    g = unpooling("upsample_mean", dy, window, stride, pad, size)
    return _spread(dy / _area("upsample_mean", g, count_padding, dy), g)


def _spread(share: Array, g: Windows) -> Array:
    padded = g.zeros(share, share.dtype)
    for tap in g.taps():
        padded[tap] += share
    return g.crop(padded)


def _area(layer: str, g: Windows, count_padding: bool, like: Array) -> Array:
    """How many entries each window averages, in the precision of ``like``."""
    if count_padding:
        return np.asarray(math.prod(g.kernel), like.real.dtype)
    refuse_wide_padding(layer, g)
    valid = g.pad_with(np.ones(g.size, like.real.dtype))
    return np.asarray(reduce(np.add, (valid[tap] for tap in g.taps())))


_declared = pool()
_counted_where = _declared["where"]


def _where(d: Any) -> bool:
    window = (d.kd, d.kh, d.kw)[-d.rank :]
    return bool(_counted_where(d)) and (d.count_padding == 1 or 2 * d.pad <= min(window))


mean_pool = Layer(
    mean_pool_vjp,
    inputs=("x",),
    name="mean_pool",
    batch_axis={"x": 0, "y": 0},
    **_declared
    | {
        "dims": _declared["dims"] | {"count_padding": (0, 1)},
        "config": lambda d: _declared["config"](d) | {"count_padding": bool(d.count_padding)},
        "where": _where,
        "features": _declared["features"]
        | {"padding not counted": lambda p: max(np.ravel(p.config["pad"])) > 0 and not p.config["count_padding"]},
    },
)
