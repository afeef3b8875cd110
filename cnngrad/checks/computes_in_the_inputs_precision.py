"""computes_in_the_inputs_precision: float64 inputs are not silently rounded to fewer bits inside.

Seen from the outputs: float64 numbers with full mantissas go in, and every output that comes back has at most 24 (or
11, or 8) significant bits. That is no wrong gradient, but less precision than there seems to be.
"""

from __future__ import annotations

import numpy as np

from cnngrad.checks.check import Check, finding
from cnngrad.checks.claim import precision_inside
from cnngrad.core.call import Evaluation
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.line import EPS

NAMES = {2.0**-23: "float32", 2.0**-10: "float16", 2.0**-7: "bfloat16"}


def judge(at: Evaluation) -> list[Result]:
    """One result for the whole layer, at unsaturated inputs whose mantissas are full."""
    if any(np.asarray(at.point[name]).dtype != np.float64 for name in at.layer.differentiable):
        return [finding(Status.NOT_APPLICABLE, reason="the inputs are not float64")]
    eps = precision_inside(at)
    if not eps:
        return [finding(Status.INCONCLUSIVE, reason="no output here shows how many bits were computed with")]
    if eps == EPS:
        return [finding(Status.PASSED)]
    name = NAMES[eps]
    return [
        finding(
            Status.FAILED,
            reason=f"float64 inputs give outputs of {name} precision: something inside is {name}. Compute in the "
            f"inputs' type, or declare precision={name!r}",
        )
    ]


def _why_not(layer: Layer) -> str:
    return f"declared: precision={layer.precision!r}" if layer.precision else ""


CHECK = Check(
    name="computes_in_the_inputs_precision",
    statement="float64 inputs are computed with in float64",
    judge=judge,
    why_not=_why_not,
)
