"""Where nothing else fits: in which configurations the claim is wrong, and in which it is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnngrad.core.case import Point
from cnngrad.diagnosis.failure import Failure, Lead

ENOUGH = 3  # points on either side
SHARE = 0.6  # of the points with the condition that must be wrong; without it none may be

Condition = Callable[[Point], bool]


def only_where(failure: Failure) -> Iterator[Lead]:
    """A condition without which the claim is always right, and with which it mostly is wrong: the sharpest one."""
    best: tuple[float, str, str, str, str] | None = None
    for name, family, words, holds in CONDITIONS:
        divided = [(bool(holds(point)), wrong) for point, wrong in failure.seen]
        with_it = sum(held for held, _ in divided)
        wrong = sum(w for _, w in divided)
        without = len(divided) - with_it
        if wrong < ENOUGH or without < ENOUGH or any(w and not held for held, w in divided):
            continue
        share = wrong / with_it
        if share >= SHARE and (best is None or share > best[0]):
            evidence = f"wrong in {wrong} of {with_it} cases tried with {name}, right in all {without} without"
            best = share, words, evidence, f"follow it through the backward: it fails only with {name}", family
    if best is not None:
        yield Lead(*best[1:])


def _numbers(point: Point, *names: str) -> list[int]:
    """A keyword's numbers, whichever of its usual names it has, or a size's of that name."""
    found: list[int] = []
    for name, value in (*point.config.items(), *point.case.sizes.items()):
        if any(word in name for word in names) and np.ndim(value) <= 1 and _whole(value):
            found += [int(v) for v in np.ravel(value)]
    return found


def _whole(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "i"


def _window(point: Point) -> tuple[int, ...]:
    """The sides of the window or kernel, as far as keywords or shapes tell."""
    for name, value in point.config.items():
        if any(word in name for word in ("window", "kernel", "size")) and _whole(value):
            rank = np.ndim(point.inputs[0]) - 2
            return tuple(int(v) for v in np.ravel(value)) if np.ndim(value) else (int(value),) * rank
    kernels = [np.shape(v) for v in point.inputs[1:] if np.ndim(v) == np.ndim(point.inputs[0]) >= 3]
    return kernels[0][2:] if kernels else ()


def _steps(point: Point) -> tuple[int, ...]:
    stride = point.config.get("stride", 1)
    rank = np.ndim(point.inputs[0]) - 2
    return tuple(int(v) for v in np.ravel(stride)) if np.ndim(stride) else (int(stride),) * max(rank, 0)


def _overlaps(point: Point) -> bool:
    return any(s < k for s, k in zip(_steps(point), _window(point), strict=False))


def _has_remainder(point: Point) -> bool:
    sides = np.shape(point.inputs[0])[2:]
    pad = max(_numbers(point, "pad"), default=0) if "pad" in point.config else 0
    d = max(_numbers(point, "dilation"), default=1)
    every = zip(sides, _window(point), _steps(point), strict=False)
    return any((side + 2 * pad - d * (k - 1) - 1) % s for side, k, s in every)


def _sides_differ(point: Point) -> bool:
    return len(set(np.shape(point.inputs[0])[2:])) > 1


CONDITIONS: tuple[tuple[str, str, str, Condition], ...] = (
    ("stride > 1", "geometry", "the stride is ignored", lambda p: any(s > 1 for s in _steps(p))),
    ("padding", "geometry", "the padding is not taken off as it was put on", lambda p: any(_numbers(p, "pad"))),
    ("dilation > 1", "geometry", "the dilation is ignored", lambda p: max(_numbers(p, "dil"), default=1) > 1),
    ("a remainder", "geometry", "the remainder, which no window reaches, is not taken into account", _has_remainder),
    ("windows that overlap", "assignment", "windows that overlap are assigned, not added", _overlaps),
    ("strides that differ by axis", "geometry", "the stride of one axis is used for another",
     lambda p: len(set(_steps(p))) > 1),
    ("a window whose sides differ", "geometry", "the window's sides are exchanged", lambda p: len(set(_window(p))) > 1),
    ("H != W", "geometry", "height and width are exchanged", _sides_differ),
)  # fmt: skip
