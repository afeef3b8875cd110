"""outputs_are_separate: of several outputs each has its own share of the gradient, all others' dy being zero."""

from __future__ import annotations

import numpy as np

from cnngrad.checks.calling import call, pulled
from cnngrad.checks.check import Check, finding
from cnngrad.checks.comparing import NotRepeatableError, common, gaps, not_repeatable, unfit, verdicts
from cnngrad.core.arrays import Vector, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.result import Result, Status


def judge(at: Evaluation) -> list[Result]:
    """One result for each gradient."""
    y, backward = at.vjp(at.point.inputs)
    sizes = [flatten([part]).size for part in outputs_of(y)]
    if sum(size > 0 for size in sizes) < 2:
        return [finding(Status.NOT_APPLICABLE, reason="the layer has one output")]
    whole = pulled(at, at.point.inputs, y, backward)
    if results := unfit(whole, whole.gradients):
        return results
    shares = [call(at, at.point.inputs, dy) for dy in _one_at_a_time(whole.dy, sizes)]
    expected = {name: np.sum([share.gradients[name] for share in shares], axis=0) for name in common([whole, *shares])}
    try:
        found = gaps(at, whole.gradients, expected, [(1.0, made) for made in (whole, *shares)])
    except NotRepeatableError:
        return not_repeatable(whole.gradients)
    failures = {name: gap.failed(name, _reason(name)) for name, gap in found.items()}
    missing = {name: _missing(name) for name in whole.gradients if name not in expected}
    return verdicts(whole.gradients, missing | failures)


def _one_at_a_time(dy: Vector, sizes: list[int]) -> list[Vector]:
    """The cotangent once for each output, zero in the place of all others."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return [np.where(owner == k, dy, 0.0) for k, size in enumerate(sizes) if size]


def _reason(name: str) -> str:
    return (
        f"the gradient of {name} is not the sum of those for one output at a time, the others' dy being zero: "
        "do the cotangents of two outputs meet in a product, a comparison or an early return?"
    )


def _missing(name: str) -> Result:
    reason = f"with all cotangents but one zero, the gradient of {name} is missing or has another shape"
    return finding(Status.FAILED, input=name, reason=reason)


CHECK = Check(
    name="outputs_are_separate",
    statement="of several outputs, each adds its own share to the gradients",
    judge=judge,
)
