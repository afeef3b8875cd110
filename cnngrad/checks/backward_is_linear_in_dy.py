"""backward_is_linear_in_dy: ``backward(a dy₁ + b dy₂) = a backward(dy₁) + b backward(dy₂)``, for small and large dy.

The factors are powers of two, so that scaling rounds nothing. A forward of its own goes before each backward.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnngrad.checks.calling import Call, call
from cnngrad.checks.check import Check
from cnngrad.checks.comparing import NotRepeatableError, common, gaps, not_repeatable, unfit, verdicts
from cnngrad.core.call import Evaluation
from cnngrad.core.result import Result

LARGE = 2.0**20
LARGE_IN_HALF_PRECISION = 2.0**4
HALF_EPS = 1e-4  # between the rounding of float32 and of float16


def judge(at: Evaluation) -> list[Result]:
    """One result for each gradient."""
    first = call(at, at.point.inputs)
    if results := unfit(first, first.gradients):
        return results
    second = call(at, at.point.inputs, at.point.cotangent(first.dy.size, 1))
    large = LARGE if first.eps < HALF_EPS else LARGE_IN_HALF_PRECISION
    failures: dict[str, Result] = {}
    try:
        for parts in ([(-large, first)], [(1 / large, first)], [(1.0, first), (-2.0, second)]):
            failures = _differing(at, parts) | failures
            if len(failures) == len(first.gradients):
                break
    except NotRepeatableError:
        return not_repeatable(first.gradients)
    return verdicts(first.gradients, failures)


def _differing(at: Evaluation, parts: Sequence[tuple[float, Call]]) -> dict[str, Result]:
    whole = call(at, at.point.inputs, np.sum([factor * part.dy for factor, part in parts], axis=0))
    expected = {
        name: np.sum([factor * part.gradients[name] for factor, part in parts], axis=0)
        for name in common([part for _, part in parts])
    }
    finite = {name: array for name, array in expected.items() if np.all(np.isfinite(array))}
    # Multiples of dy may cancel inside, as in dy - dy (1 - y²): what is left holds their rounding.
    rounding = 8 * whole.eps * float(np.max(np.abs(whole.dy)))
    found = gaps(at, whole.gradients, finite, [(1.0, whole), *parts], least=rounding)
    return {name: gap.failed(name, _reason(name, whole, parts)) for name, gap in found.items()}


def _reason(name: str, whole: Call, parts: Sequence[tuple[float, Call]]) -> str:
    part = parts[0][1].gradients[name]
    if len(parts) > 1:
        found = "backward(dy1 - 2 dy2) is not backward(dy1) - 2 backward(dy2)"
    else:
        found = f"backward({parts[0][0]:g} dy) is not {parts[0][0]:g} backward(dy)"
    if name in whole.gradients and np.array_equal(whole.gradients[name], part):
        return f"{found} but the same as for dy: the gradient of {name} does not depend on dy; multiply by dy"
    return f"{found}: in the gradient of {name} is dy clipped, compared, rounded, its sign dropped, or added to?"


CHECK = Check(
    name="backward_is_linear_in_dy",
    statement="the backward is linear in dy, for dy of any size",
    judge=judge,
)
