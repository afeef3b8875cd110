"""inputs_are_unchanged: neither forward nor backward changes in place what it was handed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnngrad.checks.calling import backward_on, cotangent_name, forward_on, output_of
from cnngrad.checks.check import Check, finding
from cnngrad.checks.comparing import verdicts
from cnngrad.core.arrays import cotangent_like, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.result import Result, Status


def judge(at: Evaluation) -> list[Result]:
    """One result for each input, one for dy; the layer gets arrays that are watched."""
    given = cotangent_name(at.layer)
    inputs = {name: np.array(value)[()] for name, value in zip(at.layer.inputs, at.point.inputs, strict=True)}
    original = _copies(inputs)
    y, backward = forward_on(at, list(inputs.values()))
    failures = _changed(at, "forward", inputs, original)
    after_forward = _copies(inputs)
    flat = at.point.cotangent(output_of(y).size)
    dy = cotangent_like(y, flat)
    backward_on(at, backward, dy)
    failures = _changed(at, "backward", inputs, after_forward) | failures
    for part, kept in zip(outputs_of(dy), outputs_of(cotangent_like(y, flat)), strict=True):
        failures |= _changed(at, "backward", {given: part}, {given: kept})
    return verdicts((*inputs, given), failures)


def _copies(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.array(array) for name, array in arrays.items()}


def _changed(at: Evaluation, culprit: str, arrays: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Result]:
    return {
        name: _failed(name, np.asarray(array), np.asarray(before[name]), culprit)
        for name, array in arrays.items()
        if name not in at.layer.in_place and not _same(array, before[name])
    }


def _same(after: Any, before: Any) -> bool:
    if np.shape(after) != np.shape(before):
        return False
    return not np.any(_moved(np.asarray(after), np.asarray(before)))


def _moved(after: Any, before: Any) -> Any:
    """Which entries are another number; a NaN is not equal to itself, and yet no other."""
    return (after != before) & ~((after != after) & (before != before))


def _failed(name: str, after: Any, before: Any, culprit: str) -> Result:
    advice = f"let it work on a copy ({name} = {name}.copy()), or declare in_place=({name!r},) if it is meant"
    if after.shape != before.shape:
        return finding(
            Status.FAILED,
            input=name,
            reason=f"{culprit} gives {name} another shape in place, {before.shape} became {after.shape}: {advice}",
        )
    wrong = _moved(after, before)
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return finding(
        Status.FAILED,
        input=name,
        index=index,
        analytic=float(after[index]),
        numeric=float(before[index]),
        bound=0.0,
        entries=after.size,
        differing=int(np.count_nonzero(wrong)),
        reason=f"{culprit} changes {name} in place: {advice}",
    )


CHECK = Check(
    name="inputs_are_unchanged",
    statement="forward and backward leave the inputs, the weights and dy as they were",
    judge=judge,
)
