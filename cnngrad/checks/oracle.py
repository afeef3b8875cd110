"""agrees_with_<oracle>: forward and gradients are those of an independent computation.

Only the reference layers have oracles. They find what no difference can: a forward and a backward wrong together.
"""

from __future__ import annotations

import numpy as np

from cnngrad.checks.check import Check, finding
from cnngrad.core.arrays import cotangent_like, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.oracles import Comparison, Oracle, compare, oracles_for


def agrees_with(oracle: Oracle) -> Check:
    """The check that a layer gives what an oracle gives."""

    def judge(at: Evaluation) -> list[Result]:
        y, backward = at.vjp(at.point.inputs)
        cotangent = at.point.cotangent(flatten(outputs_of(y)).size)
        at.pull(y, backward, cotangent)  # what the layer's own code raises is told from what an oracle raises
        dy = cotangent_like(y, cotangent)
        at.calls.forward += 1
        at.calls.backward += 1
        compared = compare(oracle, at.layer, at.point, dy)
        return [_result(each) for each in compared] or [
            finding(Status.NOT_APPLICABLE, reason=f"{oracle.name} does not cover this point")
        ]

    return Check(
        name=f"agrees_with_{oracle.name.replace(' ', '_')}",
        statement=f"forward and backward are those of {oracle.name}",
        judge=judge,
    )


def oracle_checks(layer: Layer) -> tuple[Check, ...]:
    """One check for each oracle of a reference layer."""
    return tuple(agrees_with(oracle) for oracle in oracles_for(layer.name))


def _result(compared: Comparison) -> Result:
    left = np.asarray(compared.left, dtype=np.float64)
    if compared.holds:
        return finding(Status.PASSED, reason=compared.claim)
    right = np.asarray(compared.right, dtype=np.float64)
    if left.shape != right.shape:
        return finding(Status.FAILED, reason=f"not so: {compared.claim}: shapes {left.shape} and {right.shape}")
    off = np.nan_to_num(np.abs(left - right), nan=np.inf)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    return finding(
        Status.FAILED,
        reason=f"not so: {compared.claim}: {left[index]:.7g} here, {right[index]:.7g} there, at {list(index)}",
    )
