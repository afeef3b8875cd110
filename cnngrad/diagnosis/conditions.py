"""What may be true of a configuration: strides, padding, remainders, sizes; read from keywords and shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.case import Point

Condition = Callable[[Any], Any]


def _numbers(point: Point, *names: str) -> list[int]:
    """A keyword's numbers, whichever of its usual names it has, or a size's of that name."""
    found: list[int] = []
    for name, value in (*point.config.items(), *point.case.sizes.items()):
        if any(word in name for word in names) and np.ndim(value) <= 1 and _whole(value):
            found += [int(v) for v in np.ravel(value)]
    return found


def _whole(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "i"


def window_of(point: Point) -> tuple[int, ...]:
    """The sides of the window or kernel, as far as keywords or shapes tell."""
    for name, value in point.config.items():
        if any(word in name for word in ("window", "kernel", "size")) and _whole(value):
            rank = np.ndim(point.inputs[0]) - 2
            return tuple(int(v) for v in np.ravel(value)) if np.ndim(value) else (int(value),) * rank
    kernels = [np.shape(v) for v in point.inputs[1:] if np.ndim(v) == np.ndim(point.inputs[0]) >= 3]
    return kernels[0][2:] if kernels else ()


def steps_of(point: Point) -> tuple[int, ...]:
    """The strides, as far as keywords tell."""
    rank = np.ndim(point.inputs[0]) - 2
    kernels = any(np.ndim(value) == rank + 2 for value in point.inputs[1:])
    stride = point.config.get("stride", 1 if kernels else window_of(point) or 1)  # windows of a pooling touch
    return tuple(int(v) for v in np.ravel(stride)) if np.ndim(stride) else (int(stride),) * max(rank, 0)


def _padding(point: Point) -> int:
    """The widest padding; a keyword that says whether padding counts is none."""
    given = [v for n, v in point.config.items() if n.startswith("pad") and _whole(v)]
    return max((int(v) for value in given for v in np.ravel(value)), default=0)


def _overlaps(point: Point) -> bool:
    return any(s < k for s, k in zip(steps_of(point), window_of(point), strict=False))


def _has_remainder(point: Point) -> bool:
    sides = np.shape(point.inputs[0])[2:]
    pad = _padding(point)
    d = max(_numbers(point, "dilation"), default=1)
    every = zip(sides, window_of(point), steps_of(point), strict=False)
    return any((side + 2 * pad - d * (k - 1) - 1) % s for side, k, s in every)


def _sides_differ(point: Point) -> bool:
    return len(set(np.shape(point.inputs[0])[2:])) > 1


def _several(axis: int) -> Condition:
    return lambda p: np.ndim(p.inputs[0]) > max(axis, 1) and np.shape(p.inputs[0])[axis] > 1


CONDITIONS: tuple[tuple[str, Condition], ...] = (
    ("stride > 1", lambda p: any(s > 1 for s in steps_of(p))),
    ("padding", lambda p: _padding(p) > 0),
    ("dilation > 1", lambda p: max(_numbers(p, "dil"), default=1) > 1),
    ("a remainder", _has_remainder),
    ("no remainder", lambda p: bool(window_of(p)) and not _has_remainder(p)),
    ("windows that overlap", _overlaps),
    ("strides that differ by axis", lambda p: len(set(steps_of(p))) > 1),
    ("a window whose sides differ", lambda p: len(set(window_of(p))) > 1),
    ("H != W", _sides_differ),
    ("a window of several entries", lambda p: math.prod(window_of(p)) > 1),
    ("several samples", _several(0)),
    ("several channels or features", _several(1)),
    ("several spatial axes", lambda p: np.ndim(p.inputs[0]) > 3),
)
