"""gradients_agree_in_float32: the same code on float32 inputs gives the float64 results, up to float32's rounding.

The mathematics is judged in float64; here only rounding is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnngrad.checks.calling import call
from cnngrad.checks.check import Check, finding
from cnngrad.checks.rounded import held_against, inputs_as
from cnngrad.core.call import Evaluation
from cnngrad.core.case import of_size_one
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.result import Result, Status

EPS32 = float(np.finfo(np.float32).eps)
ELSEWHERE_RIGHT = (
    "float32 gives another result here and not at the same inputs scaled to size 1: numbers that differ in float64 may "
    "be equal in float32, and a maximum or a step then takes another one"
)
REASON = "float32 inputs give another result than the same numbers in float64, by more than rounding explains"


def judge(at: Evaluation) -> list[Result]:
    """One result for the output and for each differentiable input."""
    if any(np.asarray(at.point[name]).dtype != np.float64 for name in at.layer.differentiable):
        return [
            finding(Status.NOT_APPLICABLE, reason="the inputs are not float64, so there is nothing to compare with")
        ]
    results = _compared(at)
    failed = {result.input for result in results if result.status == Status.FAILED}
    if failed:
        confirmed = {result.input for result in _at_ordinary_size(at) if result.status == Status.FAILED}
        return [_not_failed(r) if r.input in failed - confirmed else r for r in results]
    return results


def _compared(at: Evaluation) -> list[Result]:
    single = inputs_as(np.float32, at.point.inputs)
    room = at.room_at(at.vector_of(single))
    if room is not None and not np.all(room > 0):
        return [finding(Status.INCONCLUSIVE, reason="rounded to float32, an input leaves its declared domain")]
    exact = call(at, inputs_as(np.float64, single))  # the same numbers in both
    try:
        rounded = call(at, single)
    except (LayerRaised, UsageError):
        return [finding(Status.NOT_APPLICABLE, reason="the layer does not take float32 inputs")]
    if not exact.finite or not rounded.finite:
        return [finding(Status.INCONCLUSIVE, reason="the layer is not finite at this point in float32")]
    return held_against(at, exact, rounded.results, EPS32, REASON, lambda inputs, dy: call(at, inputs, dy).results)


def _at_ordinary_size(at: Evaluation) -> list[Result]:
    """The same at inputs of size 1, where numbers inside are neither saturated nor all but equal.

    Two sigmoids of large or of tiny numbers may be one number in float32, and a maximum then takes the other of them.
    """
    inputs = of_size_one(at.layer, at.point.inputs)
    return _compared(replace(at, point=replace(at.point, inputs=inputs)))


def _not_failed(result: Result) -> Result:
    return finding(Status.INCONCLUSIVE, input=result.input, reason=ELSEWHERE_RIGHT)


CHECK = Check(
    name="gradients_agree_in_float32",
    statement="with float32 inputs the results are those of float64, up to float32's rounding",
    judge=judge,
)
