"""gradients_match_forward: the backward is the vector-Jacobian product of the forward.

One cheap directional comparison decides a pass; only a failure pays for more: a second ladder that shares no step with
the first, a look for kinks, and then the entries themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.checks.check import Check, finding
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.compare import compare, passed
from cnngrad.checks.exactly import judge_exactly
from cnngrad.checks.flat import judge_flat
from cnngrad.checks.kinks import judge_at_kinks, judge_beside, plainly_wrong_beside
from cnngrad.checks.localise import SECOND_LADDER, found_wrong, the_only_one, way_to_ask, worst_entry
from cnngrad.core.arrays import flatten, shape_text
from cnngrad.core.call import Evaluation
from cnngrad.core.case import aside
from cnngrad.core.errors import LayerRaised
from cnngrad.core.result import Result, Status
from cnngrad.differentiation import Line
from cnngrad.differentiation.complex_step import complex_step
from cnngrad.differentiation.ladder import ladder


def judge(at: Evaluation) -> list[Result]:
    """One result an input."""
    y, backward = at.vjp(at.point.inputs)
    y0 = flatten(y if isinstance(y, (tuple, list)) else (y,))
    if not np.all(np.isfinite(y0)):
        wrong = int(np.count_nonzero(~np.isfinite(y0)))
        reason = f"the forward is not finite at this point: {wrong} of {y0.size} output entries"
        return _all(at, Status.INCONCLUSIVE, reason)
    if y0.size == 0:
        return _all(at, Status.INCONCLUSIVE, "the output has no entries that could be differentiated")
    dy = at.point.cotangent(y0.size)
    gradients = at.pull(y, backward, dy)
    if all(g is None for n, g in zip(at.layer.inputs, gradients, strict=True) if n in at.layer.differentiable):
        raise LayerRaised("backward", NotImplementedError())
    returned = at.by_name(gradients)
    malformed = {name: result for name in at.layer.differentiable if (result := _malformed(at, name, returned[name]))}
    sound = tuple(name for name in at.layer.differentiable if name not in malformed)
    claim = Claim(at, y0, dy, returned, sound)
    del y, backward, gradients  # what a backward holds on to may be as large as the inputs
    judged = {**malformed, **judge_claim(claim)}
    return [judged[name] for name in at.layer.differentiable]


def _all(at: Evaluation, status: Status, reason: str) -> list[Result]:
    return [finding(status, input=name, reason=reason) for name in at.layer.differentiable]


def _malformed(at: Evaluation, name: str, gradient: Any) -> Result | None:
    """What can be said of a gradient without differentiating anything."""
    expected = np.shape(at.point.inputs[at.layer.inputs.index(name)])
    if gradient is None:
        return finding(Status.FAILED, input=name, reason=f"None is returned where the gradient of {name} is due")
    try:
        if np.iscomplexobj(gradient):
            raise TypeError("NumPy would drop the imaginary part with no more than a warning")
        array = np.asarray(gradient, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return finding(
            Status.FAILED, input=name, reason=f"the gradient is {shape_text(gradient)}, not an array of floats"
        )
    if array.shape != expected:
        return finding(Status.FAILED, input=name, reason=f"the gradient has shape {array.shape}, {name} has {expected}")
    if not np.all(np.isfinite(array)):
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        wrong = int(np.count_nonzero(~np.isfinite(array)))
        return finding(
            Status.FAILED,
            input=name,
            index=index,
            analytic=float(array[index]),
            entries=array.size,
            differing=wrong,
            reason=f"{wrong} of {array.size} entries are not finite",
        )
    return None


def judge_claim(claim: Claim) -> dict[str, Result]:
    """Judge every sound input of a claim, and at a kink by the rules for kinks.

    What is wrong here and right beside the point is no wrong formula: kinks that cancel each other hide in the forward.
    """
    judged, unsettled = judge_smooth(claim)
    failed = [name for name, result in judged.items() if result.status == Status.FAILED]
    sure = plainly_wrong_beside(claim, failed) if failed else []
    doubtful = [name for name in failed if name not in sure]
    beside = judge_beside(claim, doubtful, judge_smooth) if doubtful else None
    if beside is not None:
        unsettled += [name for name in doubtful if _would_have_failed(beside[name], judged[name])]
    return judged | (judge_at_kinks(claim, unsettled, judge_smooth) if unsettled else {})


def _would_have_failed(beside: Result, here: Result) -> bool:
    """Whether a pass beside the point was sharp enough to see an error of the size found here.

    Sizes are shares of the largest entry, since what was found here may have been found at a larger point; and an
    estimate that is off by its own bound hides an error of twice that.
    """
    if beside.status != Status.PASSED or here.analytic is None or here.numeric is None:
        return False
    return 2 * (beside.detectable or 0.0) / (beside.scale or 1.0) < abs(here.analytic - here.numeric) / (
        here.scale or 1.0
    )


def judge_smooth(claim: Claim) -> tuple[dict[str, Result], list[str]]:
    """Compare each input exactly where that can be done, else all together, else one by one.

    Returns:
        The results, and the inputs along which the forward is not smooth here.
    """
    flat = judge_flat(claim)
    judged = {name: result for name, result in judge_exactly(claim).items() if name not in flat} | flat
    rest = [name for name in claim.sound if name not in judged]
    if not rest:
        return judged, []
    together = compare(claim, rest, lead=True)
    if together is not None and together.agrees:
        return judged | {name: passed(claim, name, together) for name in rest}, []
    only = None if together is None else _only_one_wrong(claim, rest, together)
    if only is not None:
        return judged | only, []
    unsettled = []
    for name in rest:
        alone = compare(claim, [name])
        result = None if alone is None else _settle(claim, name, alone)
        if result is None:
            unsettled.append(name)
        else:
            judged[name] = result
    return judged, unsettled


def _settle(claim: Claim, name: str, first: Comparison) -> Result | None:
    """A lead is a failure only if a ladder that shares no step says so too; ``None`` sends it to the kinks."""
    if first.agrees:
        return passed(claim, name, first)
    noise = float(np.linalg.norm(claim.noise * first.direction))
    patient = claim.holds(first.direction, first.found, noise)
    if patient.agrees:
        return passed(claim, name, patient)
    if _complex_step_agrees(claim, first):
        return None  # two answers in conflict: f changes faster here than any real step can follow
    second = compare(claim, [name], SECOND_LADDER)
    if second is None or abs(second.found.value - first.found.value) > first.bound + second.bound:
        return None
    if second.agrees:
        return passed(claim, name, second)
    return worst_entry(claim, name, patient.found.how, first)


def _only_one_wrong(claim: Claim, names: list[str], together: Comparison) -> dict[str, Result] | None:
    """One entry found wrong by two estimates that share no step, and with it put right all inputs agree together."""
    places = np.concatenate([np.arange(claim.gradient.size)[claim.at.slices[name]] for name in names])
    only = the_only_one(claim, places, way_to_ask(claim, together), together)
    if only is None:
        return None
    wrong = next(name for name in names if only.place[0] in range(*claim.at.slices[name].indices(claim.gradient.size)))
    failed = found_wrong(claim, wrong, only)
    if failed.status != Status.FAILED:
        return None
    return {name: failed if name == wrong else passed(claim, name, only.rest) for name in names}


def _complex_step_agrees(claim: Claim, first: Comparison) -> bool:
    """Whether a complex step that can be trusted, as it agrees with real ones beside the point, confirms the claim."""
    sharp = complex_step(claim.line(first.direction))
    if sharp is None or not claim.holds(first.direction, sharp).agrees:
        return False
    at = claim.at
    beside = at.vector_of(aside(at.layer, at.point, 2.0**-6, "trust"))
    line = Line(at.flat, beside, first.direction, claim.dy, room=at.room_at(beside))
    real, sharp = ladder(line), complex_step(line)
    return real is not None and sharp is not None and abs(real.value - sharp.value) <= real.bound + sharp.bound


CHECK = Check(
    name="gradients_match_forward",
    statement="the backward is the vector-Jacobian product of the forward",
    judge=judge,
)
