"""A step that is taken too early: of a weight before it is used, or in the place of the gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, enough, magnitude, proportion, same
from cnngrad.diagnosis.scene import Scene

FIRST = "compute every gradient first, with the weights of the forward, and update {} only then"


def updated_value(failure: Failure) -> Iterator[Suspect]:
    """The parameter after its step in the place of its gradient: ``G = w + c N``."""
    told = [(s, s.rerun(0 * s.dy)) for s in failure.wrong]
    if not told or any(at_rest is None or same(s.value, at_rest) is None for s, at_rest in told):
        return
    steps = [proportion(s.n, s.g - s.value) for s, _ in told if s.g.shape == s.shape]
    known = [c for c in steps if c is not None and np.isfinite(c)]
    if len(known) == len(told) and enough(len(known), sum(s.g.size for s, _ in told), len(told)):
        name = failure.name
        yield Suspect(
            f"what is returned for {name} is {name} after a step along its gradient, not the gradient",
            f"it is {name} {known[0]:+.4g} times the gradient, in {len(known)} failing cases",
            f"return the gradient of {name}; the step belongs to the update",
            "wrong input",
        )


def after_the_update(failure: Failure) -> Iterator[Suspect]:
    """``G(dy) = N(dy) + Q(dy, dy)``: a weight that moves along its own gradient before it is used gives just that."""
    scenes = [s for s in failure.wrong if s.g.shape == s.shape and np.all(np.isfinite(s.n))]
    if len(scenes) < max(2, len(failure.wrong)) or not all(map(_error_is_quadratic, scenes)):
        return
    for other in failure.layer.differentiable:
        rates = [_rate(s, other) for s in scenes[:4]] if other != failure.name else []
        told = [r for r in rates if r is not None and np.isfinite(r)]
        if len(told) >= 2 and len(told) == len(rates) and np.ptp(told) <= 1e-5 * abs(told[0]) != 0:
            yield Suspect(
                f"the gradient of {failure.name} uses {other} as it is after the update",
                f"with {other} - {told[0]:.4g} d{other} in its place all entries match, in {len(told)} failing cases",
                FIRST.format(other),
                "wrong input",
            )
            return
    yield Suspect(
        f"the gradient of {failure.name} is computed with a weight that has taken its step already",
        f"for 2 dy its error is 4 times as large, for -dy the same, in {len(scenes)} failing cases: a weight that "
        "moves with dy does that",
        FIRST.format("the weights"),
        "wrong input",
    )


def _error_is_quadratic(s: Scene) -> bool:
    off, size = s.g - s.n, 10 * magnitude(s)  # the error of the differences comes in several times
    if np.max(np.abs(off)) < 1e-6 * size:
        return False
    for k in (2.0, -1.0):
        there = s.rerun(k * s.dy)
        if there is None or same(k * s.n + k**2 * off, there, size) is None:
            return False
    return True


def _rate(s: Scene, other: str) -> float | None:
    """The step ``r`` at which the gradient, linear in the other input, is the claimed one; ``None`` if none."""
    if s.g.shape != s.shape or not np.all(np.isfinite(s.n)):
        return None
    change = s.n - s.gradient_at(**{other: s.inputs[other] - s.true(s.cotangent, other)})
    off = s.n - s.g
    if not np.any(np.abs(change) > 1e-9):
        return None
    rate = float(np.sum(off * change) / np.sum(change * change))
    return rate if np.allclose(off, rate * change, atol=1e-6 * float(np.max(np.abs(off))) + 1e-12) else None
