"""computes_in_the_inputs_precision: float64 inputs are not silently rounded to fewer bits inside.

Seen from what comes back: float64 numbers with full mantissas go in, and every output, or every entry of a gradient,
has at most 24 (or 11, or 8) significant bits. That is no wrong gradient, but less precision than there seems to be.
"""

from __future__ import annotations

import numpy as np

from cnngrad.checks.calling import output_of
from cnngrad.checks.check import Check, finding
from cnngrad.checks.claim import full_mantissas, precision_inside
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.line import EPS
from cnngrad.differentiation.precision import working_eps

TINY = 1e-290  # what is smaller may be denormal, and has fewer bits for that reason
NAMES = {2.0**-23: "float32", 2.0**-10: "float16", 2.0**-7: "bfloat16"}


def judge(at: Evaluation) -> list[Result]:
    """One result for the layer, or one for each gradient of few bits, at unsaturated inputs of full mantissas."""
    if any(np.asarray(at.point[name]).dtype != np.float64 for name in at.layer.differentiable):
        return [finding(Status.NOT_APPLICABLE, reason="the inputs are not float64")]
    eps = precision_inside(at)
    if eps > EPS:
        return [_failed("outputs", NAMES[eps])]
    if short := _short_gradients(at):
        return [_failed(f"a gradient of {name}", NAMES[eps], input=name) for name, eps in short.items()]
    if not eps:
        return [finding(Status.INCONCLUSIVE, reason="no output here shows how many bits were computed with")]
    return [finding(Status.PASSED)]


def _failed(what: str, name: str, **facts: str) -> Result:
    return finding(
        Status.FAILED,
        reason=f"float64 inputs give {what} of {name} precision: something inside is {name}. Compute in the "
        f"inputs' type, or declare precision={name!r}",
        **facts,
    )


def _short_gradients(at: Evaluation) -> dict[str, float]:
    """The gradients that use fewer bits than a double has, for a ``dy`` that uses them all; and the unit they use."""
    try:
        y, backward = at.vjp(full_mantissas(at))
    except LayerRaised:
        return {}  # that far aside nobody said that it could be called
    size = output_of(y).size
    dy = np.random.default_rng(0).uniform(0.5, 1, size) * np.sign(at.point.cotangent(size))
    found: dict[str, float] = {}
    for name, gradient in zip(at.layer.inputs, at.pull(y, backward, dy), strict=True):
        # A gradient of another type is told of by gradients_have_the_inputs_shape_and_dtype.
        if name in at.layer.differentiable and getattr(gradient, "dtype", None) == np.float64:
            telling = gradient[np.isfinite(gradient) & (np.abs(gradient) > TINY)]
            eps = working_eps(telling) if telling.size else EPS
            if eps > EPS:
                found[name] = eps
    return found


def _why_not(layer: Layer) -> str:
    return f"declared: precision={layer.precision!r}" if layer.precision else ""


CHECK = Check(
    name="computes_in_the_inputs_precision",
    statement="float64 inputs are computed with in float64",
    judge=judge,
    why_not=_why_not,
)
