"""samples_are_independent: one sample of a batch changes neither the output nor the gradients of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnngrad.checks.calling import OUTPUT, Call, call, elsewhere
from cnngrad.checks.check import Check, finding
from cnngrad.checks.comparing import NotRepeatableError, gaps, inconclusive, not_repeatable, unfit, verdicts
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.core.values import rng_for


def why_not(layer: Layer) -> str:
    """Samples may mix (batch normalisation) unless the layer says that they do not."""
    return "" if layer.batch_axis is not None else "no batch_axis is declared: samples may influence each other"


def judge(at: Evaluation) -> list[Result]:
    """One result for the output, one for each gradient that has a sample axis."""
    before = call(at, at.point.inputs)
    axes = _axes(at, before)
    if unjudged := unfit(before, axes):
        return unjudged
    carrying = [name for name in axes if name in at.layer.inputs]
    batch = min(at.point[name].shape[axes[name]] for name in carrying)
    if batch < 2:
        return [finding(Status.NOT_APPLICABLE, reason="there is one sample in the batch")]
    others = elsewhere(at)
    for sample in rng_for(at.point.case.seed, "sample").permutation(batch).tolist():
        inputs = _with_another(at, axes, sample, others)
        if not all(np.array_equal(x, y) for x, y in zip(inputs, at.point.inputs, strict=True)):
            break
    else:
        return inconclusive(axes, "no sample can be varied here")
    after = call(at, inputs)
    results = {name: (before.results[name], after.results[name]) for name in axes if _alike(name, before, after)}
    expected = {name: _others(kept, axes[name], sample) for name, (kept, _) in results.items()}
    got = {name: _others(found, axes[name], sample) for name, (_, found) in results.items()}
    try:
        found = gaps(at, got, expected, [(1.0, before), (1.0, after)], move_inputs=True)
    except NotRepeatableError:
        return not_repeatable(results)
    return verdicts(results, {name: gap.failed(name, _reason(name, sample)) for name, gap in found.items()})


def _axes(at: Evaluation, before: Call) -> dict[str, int]:
    """The sample axis of each thing that has one: inputs by name, and the output if it is one array.

    Raises:
        UsageError: a declared axis that is not there, or none of an input.
    """
    declared = at.layer.batch_axis
    first, rank = at.layer.inputs[0], before.output.ndim
    by_name = {first: declared} if isinstance(declared, int) else dict(declared or {})
    found = {name: axis for name, axis in by_name.items() if name in at.layer.inputs}
    if not found:
        raise UsageError(
            f"{at.layer.name}: batch_axis={declared!r} names none of the inputs {', '.join(at.layer.inputs)}; "
            f"write batch_axis={{{first!r}: 0, 'y': 0}}"
        )
    for name, axis in found.items():
        if not -at.point[name].ndim <= axis < at.point[name].ndim:
            raise UsageError(
                f"{at.layer.name}: batch_axis names axis {axis} of {name}, which has shape {at.point[name].shape}"
            )
    # An input may be called y as well; then only a number says where the samples of the output are.
    of_output = declared if isinstance(declared, int) else None if "y" in found else by_name.get("y")
    if of_output is not None and -rank <= of_output < rank:
        found[OUTPUT] = of_output
    return found


def _with_another(at: Evaluation, axes: Mapping[str, int], sample: int, others: Sequence[Any]) -> list[Any]:
    inputs = [np.array(value) for value in at.point.inputs]
    for name, other, value in zip(at.layer.inputs, others, inputs, strict=True):
        if name in axes:
            np.moveaxis(value, axes[name], 0)[sample] = np.moveaxis(other, axes[name], 0)[sample]
    return inputs


def _alike(name: str, before: Call, after: Call) -> bool:
    """Constants have no gradient; a gradient of another shape is another check's business."""
    old, new = before.results.get(name), after.results.get(name)
    return old is not None and new is not None and old.shape == new.shape


def _others(array: Array, axis: int, sample: int) -> Array:
    return np.delete(array, sample, axis)


def _reason(name: str, sample: int) -> str:
    what = "the output" if name == OUTPUT else f"the gradient of {name}"
    return (
        f"when sample {sample} alone is changed, {what} changes for another sample (index without sample {sample}): "
        "is a sum, mean or maximum taken over the batch? If it is meant, leave out batch_axis"
    )


CHECK = Check(
    name="samples_are_independent",
    statement="one sample changes neither the output nor the gradients of another",
    judge=judge,
    why_not=why_not,
)
