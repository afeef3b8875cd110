"""Whether a planted mistake is caught at a point where its right twin passes; what two layers give at one point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnngrad.checks import ALL as CHECKS
from cnngrad.checks import Check, gradients
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.search import explicit_cases
from tests.mistakes import Mistake

# A backward that remembers is seen by the checks of state, at any point.
OF_STATE = [check for check in CHECKS if check.name in ("calls_are_independent", "backward_is_linear_in_dy")]


def points_of(layer: Layer) -> tuple[Point, ...]:
    """The declared points of a layer that a search at normal effort starts with."""
    return tuple(case.point(layer) for case in explicit_cases(layer, "normal", 0))


def remembers(mistake: Mistake) -> bool:
    """Whether its gradients are right the first time and wrong afterwards."""
    return mistake.family in ("stale cache", "accumulated")


def judged(layer: Layer, point: Point, checks: Sequence[Check]) -> dict[Status, set[str]]:
    """Every status that was found, and the inputs it was found for."""
    found: dict[Status, set[str]] = {}
    for result in (result for check in checks for result in check.run(layer, point)):
        found.setdefault(result.status, set()).add(result.input)
    return found


def is_caught(mistake: Mistake, point: Point) -> bool:
    """Whether the mistake fails where the right layer passes; a failing right layer is an error of the test."""
    checks = [gradients.CHECK, *(OF_STATE if remembers(mistake) else [])]
    wrong = judged(mistake.wrong, point, checks).get(Status.FAILED)
    if not wrong:
        return False
    right = judged(mistake.layer, point, checks)
    assert right.keys() <= {Status.PASSED, Status.INCONCLUSIVE}, f"{mistake.layer.name} at {point.case}: {right}"
    assert remembers(mistake) or wrong <= set(mistake.expected), f"{mistake.name} at {point.case}: {wrong}"
    return wrong <= right.get(Status.PASSED, set())


def called(layer: Layer, point: Point) -> list[Any]:
    """The gradients a layer gives at a point, for the point's own cotangent."""
    y, backward = layer(*point.inputs, **point.config)
    dy = point.cotangent(np.size(y)).reshape(np.shape(y))
    with np.errstate(all="ignore"):
        return list(backward(dy))


def differing(mistake: Mistake, point: Point) -> set[str]:
    """The inputs whose wrong gradient is another than the right one by more than rounding."""
    pairs = zip(mistake.layer.inputs, called(mistake.wrong, point), called(mistake.layer, point), strict=True)
    found = ((name, wrong, right) for name, wrong, right in pairs if right is not None)
    return {name for name, wrong, right in found if not np.allclose(wrong, right, 1e-9, 1e-9 * np.max(np.abs(right)))}


def same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether two lists of gradients are the same but for rounding."""
    return all(
        a is b is None or (np.shape(a) == np.shape(b) and np.allclose(a, b, 1e-9, 1e-12, equal_nan=True))
        for a, b in zip(some, others, strict=True)
    )
