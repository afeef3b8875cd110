"""gradients_match_forward: the backward is the vector-Jacobian product of the forward.

One cheap directional comparison decides a pass; only a failure pays for more: a second ladder that shares no step with
the first, a look for kinks, and then the entries themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnngrad.checks.check import Check, finding
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.kinks import judge_at_kinks
from cnngrad.checks.localise import worst_entry
from cnngrad.core.arrays import Vector, flatten, round_to_bits, shape_text
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised
from cnngrad.core.result import Result, Status
from cnngrad.core.values import rng_for
from cnngrad.differentiation import smooth
from cnngrad.differentiation.complex_step import complex_step
from cnngrad.differentiation.exact import direction_for, exact

SECOND_LADDER = 2.0**-0.5  # irrational against the ratio of steps: the two ladders never share one


def judge(at: Evaluation) -> list[Result]:
    """One result an input."""
    y, backward = at.vjp(at.point.inputs)
    y0 = flatten(y if isinstance(y, (tuple, list)) else (y,))
    if not np.all(np.isfinite(y0)):
        return _all(at, Status.INCONCLUSIVE, "the forward is not finite at this point")
    if y0.size == 0:
        return _all(at, Status.INCONCLUSIVE, "the output has no entries that could be differentiated")
    dy = at.point.cotangent(y0.size)
    gradients = at.pull(y, backward, dy)
    returned = dict(zip(at.layer.inputs, gradients, strict=True))
    if all(returned[name] is None for name in at.layer.differentiable):
        raise LayerRaised("backward", NotImplementedError())
    malformed = {name: result for name in at.layer.differentiable if (result := _malformed(at, name, returned[name]))}
    sound = tuple(name for name in at.layer.differentiable if name not in malformed)
    claim = Claim(at, y0, dy, returned, sound)
    judged = {**malformed, **judge_claim(claim)}
    return [judged[name] for name in at.layer.differentiable]


def _all(at: Evaluation, status: Status, reason: str) -> list[Result]:
    return [finding(status, input=name, reason=reason) for name in at.layer.differentiable]


def _malformed(at: Evaluation, name: str, gradient: Any) -> Result | None:
    """What can be said of a gradient without differentiating anything."""
    expected = np.shape(at.point.inputs[at.layer.inputs.index(name)])
    if gradient is None:
        if name in at.layer.zero_gradient:
            return finding(Status.PASSED, input=name, reason="declared to have no gradient", entries=0)
        return finding(Status.FAILED, input=name, reason=f"None is returned where the gradient of {name} is due")
    try:
        if np.iscomplexobj(gradient):
            raise TypeError("NumPy would drop the imaginary part with no more than a warning")
        array = np.asarray(gradient, dtype=np.float64)
    except (TypeError, ValueError):
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
    """Judge every sound input of a claim, and at a kink by the rules for kinks."""
    judged, unsettled = judge_smooth(claim)
    return judged | (judge_at_kinks(claim, unsettled, judge_smooth) if unsettled else {})


def judge_smooth(claim: Claim) -> tuple[dict[str, Result], list[str]]:
    """Compare each input exactly where that can be done, else all together, else one by one.

    Returns:
        The results, and the inputs along which the forward is not smooth here.
    """
    judged = {name: _passed(claim, name, same) for name, same in _exact_comparisons(claim).items() if same.agrees}
    rest = [name for name in claim.sound if name not in judged]
    if not rest:
        return judged, []
    together = compare(claim, rest)
    if together is not None and together.agrees:
        return judged | {name: _passed(claim, name, together) for name in rest}, []
    unsettled = []
    for name in rest:
        alone = together if len(rest) == 1 else compare(claim, [name])
        result = None if alone is None else _settle(claim, name, alone)
        if result is None:
            unsettled.append(name)
        else:
            judged[name] = result
    return judged, unsettled


def _exact_comparisons(claim: Claim) -> dict[str, Comparison]:
    """One exact difference for each input, as long as nothing is rounded."""
    found: dict[str, Comparison] = {}
    for name in claim.sound:
        span = claim.at.slices[name]
        direction = np.zeros(claim.gradient.size)
        direction[span] = direction_for(_rng(claim, f"exact {name}"), span.stop - span.start)
        estimate = exact(claim.line(direction))
        if estimate is not None:
            found[name] = claim.holds(direction, estimate)
    return found


def compare(claim: Claim, names: Sequence[str], shift: float = 1.0) -> Comparison | None:
    """Hold the claim for some inputs, moved together, against the best smooth estimate; ``None`` at a kink."""
    direction = direction_over(claim, names)
    estimate = smooth(claim.line(direction), shift)
    return None if estimate is None else claim.holds(direction, estimate)


def direction_over(claim: Claim, names: Sequence[str]) -> Vector:
    """A random direction over some inputs, each in proportion to its own size.

    No entry is near zero, so no entry's error can hide behind a small weight.
    """
    rng = _rng(claim, f"direction {' '.join(names)}")
    direction = np.zeros(claim.gradient.size)
    for name in names:
        span = claim.at.slices[name]
        size = span.stop - span.start
        largest = float(np.max(np.abs(claim.at.origin[span]), initial=0.0))
        scale = 2.0 ** np.ceil(np.log2(max(1.0, largest)))
        direction[span] = scale * round_to_bits(rng.uniform(0.5, 1.0, size)) * rng.choice([-1.0, 1.0], size)
    return direction


def _settle(claim: Claim, name: str, first: Comparison) -> Result | None:
    """A lead is a failure only if a ladder that shares no step says so too; ``None`` sends it to the kinks."""
    if first.agrees:
        return _passed(claim, name, first)
    noise = float(np.linalg.norm(claim.noise * first.direction))
    patient = claim.holds(first.direction, first.found, noise)
    if patient.agrees:
        return _passed(claim, name, patient)
    if _complex_step_agrees(claim, first):
        return None  # two answers in conflict: f changes faster here than any real step can follow
    second = compare(claim, [name], SECOND_LADDER)
    if second is None or abs(second.found.value - first.found.value) > first.bound + second.bound:
        return None
    if second.agrees:
        return _passed(claim, name, second)
    return worst_entry(claim, name)


def _complex_step_agrees(claim: Claim, first: Comparison) -> bool:
    sharp = complex_step(claim.line(first.direction))
    return sharp is not None and claim.holds(first.direction, sharp).agrees


def _passed(claim: Claim, name: str, comparison: Comparison) -> Result:
    span = claim.at.slices[name]
    entries = span.stop - span.start
    detectable = comparison.detectable(span) if entries else 0.0
    largest = float(np.max(np.abs(claim.gradient[span]), initial=0.0))
    facts = {"input": name, "how": comparison.found.how, "detectable": detectable, "scale": largest}
    if entries == 0:
        return finding(Status.INCONCLUSIVE, input=name, reason=f"{name} has no entries")
    if name not in claim.at.layer.zero_gradient:
        if largest == 0:
            return finding(Status.INCONCLUSIVE, reason="the gradient is zero everywhere at this point", **facts)
        if largest <= detectable:
            return finding(
                Status.INCONCLUSIVE,
                reason=f"its largest entry, {largest:.3g}, is below the smallest visible error, {detectable:.3g}",
                **facts,
            )
    return finding(Status.PASSED, entries=entries, bound=comparison.bound, **facts)


def _rng(claim: Claim, purpose: str) -> np.random.Generator:
    return rng_for(claim.at.point.case.seed, purpose)


CHECK = Check(
    name="gradients_match_forward",
    statement="the backward is the vector-Jacobian product of the forward",
    judge=judge,
)
