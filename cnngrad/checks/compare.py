"""One number of a claim beside one number of the forward, and the result of an input for which they agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.vacuous import why_zero
from cnngrad.core.arrays import Vector, round_to_bits
from cnngrad.core.result import Result, Status
from cnngrad.core.values import rng_for
from cnngrad.differentiation import smooth


def compare(claim: Claim, names: Sequence[str], shift: float = 1.0, lead: bool = False) -> Comparison | None:
    """Hold the claim for some inputs, moved together, against the best smooth estimate; ``None`` at a kink.

    Args:
        lead: whether a disagreement is no more than that: then the ladder is not climbed for it.
    """
    direction = direction_over(claim, names)
    estimate = smooth(claim.line(direction), shift, lambda found: lead or claim.holds(direction, found).agrees)
    return None if estimate is None else claim.holds(direction, estimate)


def direction_over(claim: Claim, names: Sequence[str]) -> Vector:
    """A random direction over some inputs, each in proportion to its own size.

    No entry is near zero, so no entry's error can hide behind a small weight.
    """
    rng = rng_for(claim.at.point.case.seed, f"direction {' '.join(names)}")
    direction = np.zeros(claim.gradient.size)
    for name in names:
        span = claim.at.slices[name]
        size = span.stop - span.start
        scale = 2.0 ** np.ceil(np.log2(np.max(np.abs(claim.at.origin[span]), initial=1.0)))
        direction[span] = scale * round_to_bits(rng.uniform(0.5, 1.0, size)) * rng.choice([-1.0, 1.0], size)
    return claim.narrowed(direction)


def passed(claim: Claim, name: str, comparison: Comparison) -> Result:
    """The result of an input whose claim agrees: passed, unless nothing can be said of a gradient that small."""
    span = claim.at.slices[name]
    entries = span.stop - span.start
    if entries == 0:
        return finding(Status.INCONCLUSIVE, input=name, reason=f"{name} has no entries")
    detectable = comparison.detectable(span)
    largest = float(np.max(np.abs(claim.gradient[span])))
    facts = {"input": name, "how": comparison.found.how, "detectable": detectable, "scale": largest}
    if name not in claim.at.layer.zero_gradient:
        if largest == 0:
            return finding(Status.INCONCLUSIVE, reason=why_zero(claim, name), **facts)
        if largest <= detectable:
            return finding(
                Status.INCONCLUSIVE,
                reason=f"its largest entry, {largest:.3g}, is below the smallest visible error, {detectable:.3g}",
                **facts,
            )
    return finding(Status.PASSED, entries=entries, bound=comparison.bound, **facts)
