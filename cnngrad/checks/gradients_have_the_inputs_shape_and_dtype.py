"""gradients_have_the_inputs_shape_and_dtype: each gradient can be subtracted from its input, as descent does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.checks.calling import output_of
from cnngrad.checks.check import Check, finding
from cnngrad.core.arrays import is_differentiable, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.result import Result, Status


def judge(at: Evaluation) -> list[Result]:
    """One result for each differentiable input: as given, then with float64 inputs made float32."""
    y, backward = at.vjp(at.point.inputs)
    results = _compared(at, at.point.inputs, at.pull(y, backward, at.point.cotangent(output_of(y).size)))
    if any(result.status == Status.FAILED for result in results) or not _all_double(at):
        return results
    single = [_as_single(value) for value in at.point.inputs]
    try:
        y, backward = at.vjp(single)
        if any(getattr(part, "dtype", None) != np.float32 for part in outputs_of(y) if is_differentiable(part)):
            return _judged_in_double(
                results, "float32 inputs do not give a float32 output, so float64 alone was judged"
            )
        returned = at.pull(y, backward, at.point.cotangent(output_of(y).size))
    except (LayerRaised, UsageError):
        return _judged_in_double(results, "float32 inputs are refused, so float64 alone was judged")
    return _compared(at, single, returned)


def _all_double(at: Evaluation) -> bool:
    return all(np.asarray(at.point[name]).dtype == np.float64 for name in at.layer.differentiable)


def _as_single(value: Any) -> Any:
    return value.astype(np.float32) if value.dtype == np.float64 else value


def _judged_in_double(results: list[Result], reason: str) -> list[Result]:
    return [replace(r, reason=r.reason or reason) for r in results]


def _compared(at: Evaluation, inputs: Any, returned: Any) -> list[Result]:
    pairs = zip(at.layer.inputs, inputs, returned, strict=True)
    return [_one(name, given, gradient) for name, given, gradient in pairs if name in at.layer.differentiable]


def _one(name: str, given: Any, gradient: Any) -> Result:
    given = np.asarray(given)
    if gradient is None:
        return finding(Status.NOT_APPLICABLE, input=name, reason=f"None is returned for {name}")
    try:
        found = np.asarray(gradient)
    except ValueError:
        return finding(Status.FAILED, input=name, reason=f"the gradient of {name} is not an array: {gradient!r:.60}")
    if found.shape != given.shape:
        reason = (
            f"the gradient of {name} has shape {found.shape}, {name} has {given.shape}: {_advice(name, found, given)}"
        )
        return finding(Status.FAILED, input=name, reason=reason)
    if found.dtype != given.dtype and type(gradient) is not float:  # Python's own number joins any type
        return finding(
            Status.FAILED,
            input=name,
            reason=f"the gradient of {name} is {found.dtype}, {name} is {given.dtype}: an array or a number of another "
            f"type joined in (np.zeros makes float64); return it with .astype({name}.dtype)",
        )
    return finding(Status.PASSED, input=name, entries=given.size)


def _advice(name: str, found: Any, given: Any) -> str:
    if found.size == given.size:
        return f"return it with .reshape({name}.shape), or sum without keepdims=True"
    return "sum it over the axes along which it was broadcast" if found.size > given.size else "it was summed too far"


CHECK = Check(
    name="gradients_have_the_inputs_shape_and_dtype",
    statement="each gradient has the shape and the dtype of its input",
    judge=judge,
)
