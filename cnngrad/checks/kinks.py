"""Where the forward is not differentiable: the claim is held against what is allowed there, one output at a time.

First at a point beside, where what is wrong is plainly wrong. Then, at the point itself, all outputs at once along a
few directions. Only an output that stands out there, or in which several kinks meet, is looked at entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cnngrad.checks.at_once import look
from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim
from cnngrad.checks.compare import direction_over
from cnngrad.checks.pairs import SEVERAL, judge_pairs
from cnngrad.core.arrays import Vector, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import aside
from cnngrad.core.result import Result, Status
from cnngrad.differentiation import Estimate

MOST = 2**20  # outputs and inputs, a cap on memory
NEARBY = 2.0**-10
SHORT = 2.0**-20  # the shorter step of two plain differences

Smooth = Callable[[Claim], tuple[dict[str, Result], list[str]]]


def judge_at_kinks(claim: Claim, names: Sequence[str], judge_smooth: Smooth) -> dict[str, Result]:
    """Judge some inputs of a claim at a point where the forward seems to have a kink.

    What is wrong at a point nearby is plainly wrong; what is right there is then judged here.
    """
    beside = judge_beside(claim, names, judge_smooth, located=True)
    if beside is None:
        return {name: finding(Status.INCONCLUSIVE, input=name, reason=SEVERAL) for name in names}
    failed = {name: result for name, result in beside.items() if result.status == Status.FAILED}
    rest = [name for name in names if name not in failed]
    return failed | {name: _judge_input(claim, name, beside[name]) for name in rest}


def judge_beside(
    claim: Claim, names: Sequence[str], judge_smooth: Smooth, located: bool = False
) -> dict[str, Result] | None:
    """The same comparison at a point a little aside; ``None`` where every such point tried has a kink too.

    Args:
        located: whether a failure is to name the worst entry, which costs forwards.
    """
    settled: dict[str, Result] | None = None
    for attempt in range(3):
        judged, unsettled = judge_smooth(_claim_beside(claim, names, attempt, located))
        settled = None if unsettled else judged
        if settled is not None and all(result.status != Status.INCONCLUSIVE for result in settled.values()):
            break  # else the point aside may lie where the forward is flat, and says nothing
    return settled


def plainly_wrong_beside(claim: Claim, names: Sequence[str]) -> list[str]:
    """The inputs whose claim is so wrong at a point a little aside that two plain differences show it."""
    beside = _claim_beside(claim, names, 0, located=False)
    return [name for name in names if _plainly_wrong(beside, direction_over(beside, [name]))]


def _plainly_wrong(claim: Claim, direction: Vector) -> bool:
    line = claim.line(direction)
    steps = line.near * SHORT, 2 * line.near * SHORT
    with np.errstate(all="ignore"):
        near, far = (line.contract(line(step) - line(-step)) / (2 * step) for step in steps)
    found = Estimate(near, 16 * abs(far - near) + 64 * line.rounding / steps[0], "ladder")
    return bool(np.isfinite(found.bound)) and not claim.holds(direction, found).agrees


def _claim_beside(claim: Claim, names: Sequence[str], attempt: int, located: bool) -> Claim:
    inputs = aside(claim.at.layer, claim.at.point, NEARBY, f"aside {attempt}")
    at = Evaluation(claim.at.layer, replace(claim.at.point, inputs=inputs), claim.at.calls)
    y, backward = at.vjp(inputs)
    returned = at.by_name(at.pull(y, backward, claim.dy))
    return Claim(at, flatten(outputs_of(y)), claim.dy, returned, tuple(names), located)


def _judge_input(claim: Claim, name: str, beside: Result) -> Result:
    """One input whose gradient is not wrong beside the point."""
    if beside.status != Status.PASSED:
        return beside
    size = claim.gradient.size + claim.y0.size
    if size > MOST:
        reason = f"kinks met at this point, and it has {size:,} inputs and outputs: they are looked at up to {MOST:,}"
        return finding(Status.INCONCLUSIVE, input=name, reason=reason)
    seen = look(claim, name)
    reason = seen.convention
    if seen.doubtful.size:
        pairs = judge_pairs(claim, name, seen.doubtful)
        if pairs.status != Status.PASSED:
            return pairs
        reason = reason or pairs.reason
    return replace(beside, reason=reason, how="one-sided", bound=None)
