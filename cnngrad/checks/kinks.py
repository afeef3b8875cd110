"""Where the forward is not differentiable: the claim is held against what is allowed there, one output at a time.

First at a point beside, where what is wrong is plainly wrong. Then, at the point itself, all outputs at once along a
few directions. Only an output that stands out there, or in which several kinks meet, is looked at entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cnngrad.checks.at_once import look
from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim
from cnngrad.checks.pairs import SEVERAL, judge_pairs
from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import aside
from cnngrad.core.result import Result, Status

MOST = 2**20  # outputs and inputs, a cap on memory
NEARBY = 2.0**-10

Smooth = Callable[[Claim, bool], tuple[dict[str, Result], list[str]]]


def judge_at_kinks(claim: Claim, names: Sequence[str], judge_smooth: Smooth) -> dict[str, Result]:
    """Judge some inputs of a claim at a point where the forward seems to have a kink.

    What is wrong at a point nearby is plainly wrong; what is right there is then judged here.
    """
    beside = judge_beside(claim, names, judge_smooth, locate=True)
    if beside is None:
        return {name: finding(Status.INCONCLUSIVE, input=name, reason=SEVERAL) for name in names}
    failed = {name: result for name, result in beside.items() if result.status == Status.FAILED}
    rest = [name for name in names if name not in failed]
    return failed | {name: _judge_input(claim, name, beside[name]) for name in rest}


def judge_beside(
    claim: Claim, names: Sequence[str], judge_smooth: Smooth, locate: bool = False
) -> dict[str, Result] | None:
    """The same comparison at a point a little aside; ``None`` where every such point tried has a kink too.

    Args:
        locate: whether a failure is to name the worst entry, which costs forwards.
    """
    settled: dict[str, Result] | None = None
    for attempt in range(3):
        inputs = aside(claim.at.layer, claim.at.point, NEARBY, f"aside {attempt}")
        point = replace(claim.at.point, inputs=inputs)
        at = Evaluation(claim.at.layer, point, claim.at.calls)
        y, backward = at.vjp(point.inputs)
        y0 = flatten(outputs_of(y))
        returned = at.by_name(at.pull(y, backward, claim.dy))
        judged, unsettled = judge_smooth(Claim(at, y0, claim.dy, returned, tuple(names)), locate)
        settled = None if unsettled else judged
        if settled is not None and all(result.status != Status.INCONCLUSIVE for result in settled.values()):
            break  # else the point aside may lie where the forward is flat, and says nothing
    return settled


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
    return replace(beside, reason=reason, how="one-sided", index=None, bound=None)
