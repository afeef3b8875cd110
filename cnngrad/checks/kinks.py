"""Where the forward is not differentiable: the claim is held against what is allowed there, one output at a time.

An entry must lie between the two one-sided derivatives, and the sum over a tie between those along the tie's all-ones
direction (a tie that pays both maxima passes every entry and fails the sum). Where several kinks meet in one output no
such rule is right, so there a disagreement is never a failure: the point is inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim
from cnngrad.core.arrays import Array, Vector, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import aside
from cnngrad.core.result import Result, Status
from cnngrad.differentiation import one_sided
from cnngrad.differentiation.line import EPS

MOST = 400  # outputs and inputs up to which every pair is looked at
NEARBY = 2.0**-10
TINY = 2.0**-24
BLUR = 2.0**-8
SAMPLES = 16  # with fewer, all of them may lie in the same few of the regions that meet at the point
SEVERAL = "several kinks met at this point"


Smooth = Callable[[Claim], tuple[dict[str, Result], list[str]]]


def judge_at_kinks(claim: Claim, names: Sequence[str], judge_smooth: Smooth) -> dict[str, Result]:
    """Judge some inputs of a claim at a point where the forward seems to have a kink.

    First at a point nearby: what is wrong there is plainly wrong. What is right there is then held against the
    one-sided derivatives here.
    """
    beside = judge_beside(claim, names, judge_smooth)
    if beside is None:
        return {name: finding(Status.INCONCLUSIVE, input=name, reason=SEVERAL) for name in names}
    failed = {name: result for name, result in beside.items() if result.status == Status.FAILED}
    rest = [name for name in names if name not in failed]
    size = sum(claim.at.slices[name].stop - claim.at.slices[name].start for name in rest)
    if size > MOST or claim.y0.size > MOST:
        reason = f"{SEVERAL}; it is too large to look at every pair of output and input"
        return failed | {name: finding(Status.INCONCLUSIVE, input=name, reason=reason) for name in rest}
    if not rest:
        return failed
    rows = claimed_rows(claim)
    return failed | {name: _judge_input(claim, name, rows) for name in rest}


def judge_beside(claim: Claim, names: Sequence[str], judge_smooth: Smooth) -> dict[str, Result] | None:
    """The same comparison at a point a little aside; ``None`` where every such point tried has a kink too."""
    settled: dict[str, Result] | None = None
    for attempt in range(3):
        inputs = aside(claim.at.layer, claim.at.point, NEARBY, f"aside {attempt}")
        point = replace(claim.at.point, inputs=inputs)
        at = Evaluation(claim.at.layer, point, claim.at.calls)
        y, backward = at.vjp(point.inputs)
        y0 = flatten(outputs_of(y))
        returned = at.by_name(at.pull(y, backward, claim.dy))
        judged, unsettled = judge_smooth(Claim(at, y0, claim.dy, returned, tuple(names)))
        settled = None if unsettled else judged
        if settled is not None and all(result.status != Status.INCONCLUSIVE for result in settled.values()):
            break  # else the point aside may lie where the forward is flat, and says nothing
    return settled


def claimed_rows(claim: Claim) -> Array:
    """The claimed Jacobian, one backward an output: shape (outputs, inputs)."""
    rows = np.zeros((claim.y0.size, claim.gradient.size))
    for j, unit in enumerate(np.eye(claim.y0.size)):
        returned = claim.at.by_name(claim.at.gradients(unit))
        for name in claim.sound:
            rows[j, claim.at.slices[name]] = np.asarray(returned[name], dtype=np.float64).ravel()
    return rows


@dataclass(frozen=True)
class Allowed:
    """For every pair of output and entry of one input: the least and greatest allowed claim, and which are kinked."""

    low: Array
    high: Array
    kinked: Array
    convex: Array


def _allowed(claim: Claim, span: slice) -> Allowed:
    sides = [one_sided(claim.line(unit)) for unit in np.eye(claim.gradient.size)[span]]
    stacked = {
        "low": [s.low for s in sides],
        "high": [s.high for s in sides],
        "kinked": [s.kinked for s in sides],
        "convex": [s.right > s.left for s in sides],
    }
    return Allowed(**{key: np.stack(columns, axis=1) for key, columns in stacked.items()})


def _judge_input(claim: Claim, name: str, rows: Array) -> Result:
    span = claim.at.slices[name]
    allowed = _allowed(claim, span)
    own = rows[:, span]
    slack = 64 * EPS * np.abs(own) + _blur(allowed)
    outside = ~((own >= allowed.low - slack) & (own <= allowed.high + slack))
    facts = {"input": name, "entries": span.stop - span.start, "how": "one-sided"}
    shape = np.shape(claim.returned[name])
    for j, i in np.argwhere(outside):
        if _several_kinks(claim, span, int(j), allowed):
            return finding(Status.INCONCLUSIVE, input=name, reason=SEVERAL)
        return finding(
            Status.FAILED,
            index=tuple(int(k) for k in np.unravel_index(i, shape)),
            analytic=float(own[j, i]),
            numeric=float((allowed.low[j, i] + allowed.high[j, i]) / 2),
            bound=float((allowed.high[j, i] - allowed.low[j, i]) / 2),
            reason=f"for dy = 1 at output entry {int(j)} alone, outside the one-sided derivatives",
            **facts,
        )
    return _judge_ties(claim, name, own, allowed, facts)


def _blur(allowed: Allowed) -> Array:
    """How sharply the slopes of each output are known where it is kinked.

    The kink may lie a little beside the point, nearer than the smallest step: then part of each step is beyond it.
    """
    width = np.where(allowed.kinked, allowed.high - allowed.low, 0.0)
    return np.asarray(BLUR * np.max(width, axis=1, keepdims=True, initial=0.0))


def _judge_ties(claim: Claim, name: str, own: Array, allowed: Allowed, facts: dict[str, object]) -> Result:
    """The sum of the claim over each tie, against the slopes along the tie's all-ones direction."""
    span = claim.at.slices[name]
    shape = np.shape(claim.returned[name])
    for j, kinked in enumerate(allowed.kinked):
        tied = np.flatnonzero(kinked)
        if tied.size < 2 or len(set(allowed.convex[j, tied])) > 1:
            continue
        direction = np.zeros(claim.gradient.size)
        direction[span.start + tied] = 1.0
        sides = one_sided(claim.line(direction))
        total = float(own[j, tied].sum())
        slack = 64 * EPS * float(np.abs(own[j, tied]).sum()) + tied.size * float(_blur(allowed)[j, 0])
        if not (sides.low[j] - slack <= total <= sides.high[j] + slack):
            if _several_kinks(claim, span, j, allowed):
                return finding(Status.INCONCLUSIVE, input=name, reason=SEVERAL)
            return finding(
                Status.FAILED,
                index=tuple(int(k) for k in np.unravel_index(tied[0], shape)),
                analytic=total,
                numeric=float((sides.low[j] + sides.high[j]) / 2),
                bound=float((sides.high[j] - sides.low[j]) / 2),
                reason=f"the sum over the {tied.size} tied entries of output entry {j}, of which this is the first",
                **facts,
            )
    width = float(np.max(np.where(allowed.kinked, 0.0, allowed.high - allowed.low), initial=0.0))
    largest = float(np.max(np.abs(own), initial=0.0))
    if largest <= width and not allowed.kinked.any():
        reason = f"its largest entry, {largest:.3g}, is below the smallest visible error, {width:.3g}"
        return finding(Status.INCONCLUSIVE, input=name, reason=reason)
    return finding(Status.PASSED, reason=_convention(own, allowed), detectable=width, scale=largest, **facts)


def _convention(own: Array, allowed: Allowed) -> str:
    """What was taken at the kinks, in numbers."""
    places = np.argwhere(allowed.kinked)
    if not len(places):
        return ""
    taken = sorted({round(float(own[j, i]), 6) for j, i in places})
    shown = ", ".join(f"{value:g}" for value in taken[:3]) + (", ..." if len(taken) > 3 else "")
    j, i = places[0]
    return (
        f"kinks met: {len(places)}; {shown} taken where the slopes go from "
        f"{allowed.low[j, i]:.3g} to {allowed.high[j, i]:.3g}"
    )


def _several_kinks(claim: Claim, span: slice, j: int, allowed: Allowed) -> bool:
    """Whether more than one kink meets in output j: then its nearby gradients take more than two values.

    A tie of a maximum is one kink whose gradients are many, but they all have the same sum over the tied entries.
    """
    if not allowed.kinked[j].any():
        return True  # no kink shows, yet the claim is off here and right beside: kinks that cancel each other
    seen: list[Vector] = []
    for sample in range(SAMPLES):
        inputs = aside(claim.at.layer, claim.at.point, TINY, f"sample {sample}")
        unit = np.zeros(claim.y0.size)
        unit[j] = 1.0
        returned = claim.at.by_name(claim.at.gradients(unit, inputs))
        row = np.concatenate([np.ravel(returned[name]).astype(np.float64) for name in claim.sound])
        if not any(np.allclose(row, other, rtol=1e-4, atol=1e-6 * float(np.max(np.abs(row)))) for other in seen):
            seen.append(row)
    if len(seen) <= 2:
        return False
    start = sum(s.stop - s.start for n, s in claim.at.slices.items() if s.start < span.start and n in claim.sound)
    tied: npt.NDArray[np.int64] = start + np.flatnonzero(allowed.kinked[j])
    sums = [float(row[tied].sum()) for row in seen]
    return bool(np.ptp(sums) > 1e-6 * max(np.max(np.abs(sums)), 1e-300))
