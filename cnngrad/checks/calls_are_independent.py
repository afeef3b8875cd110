"""calls_are_independent: what a call returns does not depend on the calls before it.

Everything is held against calls of their own: forward A, forward B, then their backwards; and, where a layer keeps its
state on one object, forward and backward of A and B in turn on one object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cnngrad.checks import gradients
from cnngrad.checks.calling import Call, call, elsewhere, identical, on_one_object, pulled
from cnngrad.checks.check import Check, finding
from cnngrad.checks.comparing import Gap, agree, estimated, inconclusive, verdicts
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised
from cnngrad.core.result import Result, Status

TURNS = 5  # on one object: enough to meet a count of calls up to five


def judge(at: Evaluation) -> list[Result]:
    """One result for each gradient."""
    here, there = at.point.inputs, elsewhere(at)
    a, b = call(at, here), call(at, there)
    if not a.gradients:
        return [finding(Status.NOT_APPLICABLE, reason="backward returned no gradient that is an array of numbers")]
    failures: dict[str, Result] = {}
    for expected, got, reason in (*_interleaved(at, a, b), *_in_turn(at, a, b)):
        failures = _differing(at, expected, got, reason) | failures
    if failures:
        return verdicts(a.gradients, failures)
    if not (a.finite and b.finite):
        return inconclusive(a.gradients, "the output or a gradient is not finite at one of two points")
    if all(np.array_equal(x, y) for x, y in zip(here, there, strict=True)):
        return inconclusive(a.gradients, "there is no second point: the inputs cannot be varied here")
    return verdicts(a.gradients, _stale(at, a, b))


def _interleaved(at: Evaluation, a: Call, b: Call) -> Iterator[tuple[Call, Call, str]]:
    """Two forwards before the first backward; and a second backward, which may raise."""
    y_a, backward_a = at.vjp(a.inputs)
    y_b, backward_b = at.vjp(b.inputs)
    cache = "the backward works with what a later forward left: each forward must return a cache of its own"
    yield a, pulled(at, a.inputs, y_a, backward_a), f"after forward A and forward B, backward of A: {cache}"
    yield b, pulled(at, b.inputs, y_b, backward_b), "after forward A, forward B and backward of A, backward of B"
    try:
        again = pulled(at, a.inputs, y_a, backward_a)
    except LayerRaised:
        return
    yield a, again, "a second backward after one forward"


def _in_turn(at: Evaluation, a: Call, b: Call) -> Iterator[tuple[Call, Call, str]]:
    """Forward A, backward A, forward B, backward B and so on, on one object."""
    if at.layer.shared is None:
        return
    session = on_one_object(at)
    for turn in range(TURNS):
        expected = b if turn % 2 else a
        got = call(session, expected.inputs)
        yield expected, got, f"on one object, forward and backward number {turn + 1}"


def _differing(at: Evaluation, expected: Call, got: Call, when: str) -> dict[str, Result]:
    failures = {}
    for name, array in expected.gradients.items():
        found = got.gradients.get(name, np.empty(0))
        bound = estimated(at, name, array, [(1.0, expected)])
        if found.shape != array.shape or not np.all(agree(found, array, bound)):
            gap = Gap(found, array, bound)
            failures[name] = gap.failed(
                name, f"{when}: the gradient of {name} is not that of calls by themselves{_how(gap)}"
            )
    return failures


def _how(gap: Gap) -> str:
    """What state would explain it."""
    if gap.got.shape != gap.expected.shape:
        return ""
    with np.errstate(all="ignore"):
        ratios = gap.got[gap.expected != 0] / gap.expected[gap.expected != 0]
        times = np.round(np.max(ratios, initial=1.0))
        added_up = times > 1 and np.all(np.abs(ratios - times) < 1e-6)
    if added_up:
        return (
            f" but {times:.0f} times as large: if gradients are added up, set them to zero in backward, "
            "or declare accumulates=True (from_class)"
        )
    return ": is a cache filled by the first forward only, or are gradients added up?"


def _stale(at: Evaluation, a: Call, b: Call) -> dict[str, Result]:
    """The same gradients at two points: right for a linear layer, and the mark of a cache from the first forward.

    Only the forward can tell which, so the gradients are held against it: right at A and wrong at B is a cache.
    """
    unchanged = np.array_equal(a.dy, b.dy) and identical(a.gradients, b.gradients)
    if not unchanged or not any(np.any(array) for array in a.gradients.values()):
        return {}
    there = replace(at, point=replace(at.point, inputs=tuple(b.inputs)))
    wrong = [r for r in gradients.judge(there) if r.status == Status.FAILED]
    if not wrong or any(r.status == Status.FAILED for r in gradients.judge(at)):
        return {}
    reason = "the backward gives the same at a second point, where it is wrong: the cache is that of the first forward"
    return {r.input: replace(r, reason=reason) for r in wrong}


CHECK = Check(
    name="calls_are_independent",
    statement="the gradients of a call do not depend on the calls before it",
    judge=judge,
)
