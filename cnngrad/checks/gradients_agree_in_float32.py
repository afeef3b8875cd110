"""gradients_agree_in_float32: the same code on float32 inputs gives the float64 results, up to float32's rounding.

The mathematics is judged in float64; here only rounding is.
"""

from __future__ import annotations

import numpy as np

from cnngrad.checks.calling import call
from cnngrad.checks.check import Check, finding
from cnngrad.checks.rounded import held_against, inputs_as
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.result import Result, Status

EPS32 = float(np.finfo(np.float32).eps)
REASON = "float32 inputs give another result than the same numbers in float64, by more than rounding explains"


def judge(at: Evaluation) -> list[Result]:
    """One result for the output and for each differentiable input."""
    if any(np.asarray(at.point[name]).dtype != np.float64 for name in at.layer.differentiable):
        return [
            finding(Status.NOT_APPLICABLE, reason="the inputs are not float64, so there is nothing to compare with")
        ]
    single = inputs_as(np.float32, at.point.inputs)
    exact = call(at, inputs_as(np.float64, single))  # the same numbers in both
    try:
        rounded = call(at, single)
    except (LayerRaised, UsageError):
        return [finding(Status.NOT_APPLICABLE, reason="the layer does not take float32 inputs")]
    if not exact.finite or not rounded.finite:
        return [finding(Status.INCONCLUSIVE, reason="the layer is not finite at this point in float32")]
    return held_against(at, exact, rounded.results, EPS32, REASON)


CHECK = Check(
    name="gradients_agree_in_float32",
    statement="with float32 inputs the results are those of float64, up to float32's rounding",
    judge=judge,
)
