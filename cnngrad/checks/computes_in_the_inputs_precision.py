"""computes_in_the_inputs_precision: float64 inputs are not silently rounded to fewer bits inside.

Seen from what comes back: float64 numbers with full mantissas go in, and every output, or every entry of a gradient,
has at most 24 (or 11, or 8) significant bits. That is no wrong gradient, but less precision than there seems to be.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnngrad.checks.calling import output_of
from cnngrad.checks.check import Check, finding
from cnngrad.checks.claim import full_mantissas, precision_inside
from cnngrad.core.arrays import Vector, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import of_size_one
from cnngrad.core.errors import LayerRaised
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.few_bits import lowest_bit
from cnngrad.differentiation.line import EPS
from cnngrad.differentiation.precision import working_eps

TINY = 1e-290  # what is smaller may be denormal, and has fewer bits for that reason
NAMES = {2.0**-23: "float32", 2.0**-10: "float16", 2.0**-7: "bfloat16"}


def judge(at: Evaluation) -> list[Result]:
    """One result for the layer, or one for each gradient of few bits, at inputs of full mantissas and of size 1.

    There nothing is saturated, and of ``exp(x) - 1`` with tiny x few bits are left in double too.
    """
    if any(np.asarray(at.point[name]).dtype != np.float64 for name in at.layer.differentiable):
        return [finding(Status.NOT_APPLICABLE, reason="the inputs are not float64")]
    at = replace(at, point=replace(at.point, inputs=of_size_one(at.layer, at.point.inputs)))
    eps = precision_inside(at)
    if eps > EPS and _of_differences(at):
        eps = 0.0
    if eps > EPS:
        return [_failed("outputs", NAMES[eps])]
    if short := _short_gradients(at):
        return [_failed(f"a gradient of {name}", NAMES[eps], input=name) for name, eps in short.items()]
    if not eps:
        return [finding(Status.INCONCLUSIVE, reason="no output here shows how many bits were computed with")]
    return [finding(Status.PASSED)]


def _of_differences(at: Evaluation) -> bool:
    """Whether the outputs are so small beside the inputs, or beside 1, that few bits are left of them in double."""
    size = max(float(np.max(np.abs(at.point[name]), initial=1.0)) for name in at.layer.differentiable)
    return _is_left_over(flatten(outputs_of(at.output(full_mantissas(at)))), size)


def _is_left_over(values: Vector, size: float) -> bool:
    """Whether the largest of them are multiples of no more than the rounding of that size, as in x - tanh x."""
    known = values[np.isfinite(values)]
    largest = known[np.abs(known) >= 2.0**-6 * np.max(np.abs(known), initial=0.0)]
    return bool(lowest_bit(largest) <= 4 * EPS * size)


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
            eps = working_eps(telling)
            if eps > EPS and not _is_left_over(gradient.ravel(), float(np.max(np.abs(dy)))):
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
