"""results_agree_with_the_reference: a kernel of low precision against a float64 implementation of the same layer.

The reference named by ``reference=`` is held against its own forward first; then the kernel's output and gradients are
held against the reference's, up to the rounding of the precision the kernel's output shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.checks import gradients
from cnngrad.checks.calling import call
from cnngrad.checks.check import Check, finding
from cnngrad.checks.rounded import held_against, inputs_as
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.precision import working_eps

REASON = "not what the reference gives, by more than the kernel's rounding explains"


def judge(at: Evaluation) -> list[Result]:
    """One result for the output and for each differentiable input."""
    reference = at.layer.reference
    assert reference is not None
    inputs = inputs_as(np.float64, at.point.inputs)
    there = Evaluation(reference, replace(at.point, inputs=tuple(inputs)), at.calls)
    wrong = [result for result in gradients.judge(there) if result.status == Status.FAILED]
    if wrong:
        why = ("the reference itself is wrong here", wrong[0].reason)
        return [replace(wrong[0], reason="; ".join(filter(None, why)))]
    exact, kernel = call(there, inputs), call(at, at.point.inputs)
    if not exact.finite:
        return [finding(Status.INCONCLUSIVE, reason="the reference is not finite at this point")]
    eps = max(kernel.eps, working_eps(kernel.output.ravel()))
    kinds = [np.asarray(value).dtype for value in at.point.inputs]

    def lower(near: Sequence[Any], dy: Array) -> dict[str, Array]:
        return call(at, [np.asarray(v).astype(kind)[()] for v, kind in zip(near, kinds, strict=True)], dy).results

    return held_against(there, exact, kernel.results, eps, REASON, lower)


def _why_not(layer: Layer) -> str:
    return "" if layer.reference is not None else "no reference= is declared"


CHECK = Check(
    name="results_agree_with_the_reference",
    statement="output and gradients are those of the declared reference, up to the kernel's rounding",
    judge=judge,
    why_not=_why_not,
)
