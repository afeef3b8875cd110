"""agrees_with_<oracle>: forward and gradients are those of an independent computation.

Only the reference layers have oracles. They find what no difference can: a forward and a backward wrong together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnngrad.checks.check import Check, finding
from cnngrad.core.arrays import cotangent_like, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.oracles import ALL, Comparison, Oracle, compare, oracles_for

FORWARD_OFF = "the forward is off"
FUSED = ("relu", "sigmoid", "tanh", "softmax", "pool", "norm", "act")  # in a name beside a reference layer's


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


def wrong_side(layer: Layer, point: Point) -> str:
    """Whether the forward or the backward of a layer is off at a point; empty where no oracle can tell.

    Only a layer that bears the name of a reference layer, or contains it, is held against that one's oracles: where
    the forwards agree it is the same function. Where the gradients do, the forward must be the wrong one; but not in a
    layer of several names, since ``conv_relu`` without its mask has the gradients of a convolution.
    """
    for oracle in ALL:
        for name in oracle.layers:
            called = layer.name.lower().replace("_", "")
            if name.replace("_", "") not in called:
                continue
            try:
                y, _ = layer.vjp(*map(np.array, point.inputs), **point.config)
                dy = cotangent_like(y, point.cotangent(np.size(y)))
                compared = compare(oracle, replace(layer, name=name), point, dy)
            except Exception:  # another layer of a similar name: nothing can be said
                continue
            forward = [c.holds for c in compared if c.claim.startswith("y of")]
            backward = [c.holds for c in compared if not c.claim.startswith("y of")]
            if forward == [True]:
                return f"the forward is that of {oracle.name}: the backward is off"
            if (
                backward
                and all(backward)
                and forward == [False]
                and not any(word in called.replace(name.replace("_", ""), "") for word in FUSED)
            ):
                return f"the gradients are those of {oracle.name}: {FORWARD_OFF}"
    return ""


def _result(compared: Comparison) -> Result:
    if compared.holds:
        return finding(Status.PASSED, reason=compared.claim)
    left, right = compared.left, compared.right
    if left.shape != right.shape:
        return finding(Status.FAILED, reason=f"not so: {compared.claim}: shapes {left.shape} and {right.shape}")
    off = np.nan_to_num(np.abs(left - right), nan=np.inf)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    return finding(
        Status.FAILED,
        reason=f"not so: {compared.claim}: {left[index]:.7g} here, {right[index]:.7g} there, at {list(index)}",
    )
