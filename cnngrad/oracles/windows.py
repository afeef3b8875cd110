"""Which inputs a window covers, by counting: shared by the oracles that loop over the definition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnngrad.core.errors import UsageError

Place = tuple[int, ...]


def per_axis(value: Any, rank: int) -> Place:
    """One whole number an axis, from one for all or one for each.

    Raises:
        UsageError: another number of them than there are axes.

    >>> per_axis(2, 3), per_axis((1, 2), 2)
    ((2, 2, 2), (1, 2))
    """
    sides = (int(value),) * rank if np.ndim(value) == 0 else tuple(int(side) for side in value)
    if len(sides) != rank:
        raise UsageError(f"{value!r} gives {len(sides)} numbers for {rank} spatial axes; give one, or {rank}")
    return sides


def windows(
    sides: Sequence[int], window: Sequence[int], stride: Any = 1, pad: Any = 0, dilation: Any = 1
) -> Iterator[tuple[Place, list[tuple[Place, Place]]]]:
    """Every output place with the (tap, input place) pairs of its window that lie inside, taps in row-major order.

    Output sides are ``floor((S + 2p - d(K-1) - 1)/s) + 1``.

    >>> list(windows((3,), (2,), stride=2, pad=1))
    [((0,), [((1,), (0,))]), ((1,), [((0,), (1,)), ((1,), (2,))])]
    """
    rank = len(sides)
    s, p, d = (per_axis(value, rank) for value in (stride, pad, dilation))
    outputs = [(sides[a] + 2 * p[a] - d[a] * (window[a] - 1) - 1) // s[a] + 1 for a in range(rank)]
    for out in np.ndindex(*outputs):
        inside = []
        for tap in np.ndindex(*window):
            place = tuple(out[a] * s[a] + tap[a] * d[a] - p[a] for a in range(rank))
            if all(0 <= place[a] < sides[a] for a in range(rank)):
                inside.append((tap, place))
        yield out, inside
