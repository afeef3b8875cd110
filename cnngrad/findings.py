"""What becomes of a finding: saved, shrunk, its mistake and its part of a network named, and a line to see it again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnngrad.checks import Check
from cnngrad.checks.oracle import FORWARD_OFF, wrong_side
from cnngrad.checks.parts import WrongPart, wrong_parts
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status, Where
from cnngrad.diagnosis import Diagnosis, diagnosis_of
from cnngrad.report import GRADIENTS
from cnngrad.search import where_excluding
from cnngrad.shrinking import shrink


def explained(
    layer: Layer, chosen: Sequence[Check], results: Sequence[Result], last: Point, diagnose: bool
) -> list[Result]:
    """The same results, with all that can be said of those that failed or raised.

    Args:
        chosen: the checks that were run; a failing one is run again at smaller cases.
        last: the point judged last, which alone holds arrays of the user's own.
        diagnose: whether to look for the mistake.
    """
    parts = _blamed(layer, results, last)
    told = [_explain(layer, result, chosen, last, diagnose and not parts) for result in results]
    return _blame(parts, told, diagnose)


def _blamed(layer: Layer, results: Sequence[Result], last: Point) -> list[WrongPart]:
    """Of a layer made of others, such as a network: those that its wrong gradient comes from."""
    case = next((r.case for r in results if r.check == GRADIENTS and r.status == Status.FAILED), None)
    return [] if case is None else wrong_parts(layer, last if last.case == case else case.point(layer))


def _blame(parts: list[WrongPart], results: list[Result], diagnose: bool) -> list[Result]:
    """Name the wrong parts, and look for the mistake in the first of them and not in the whole."""
    if not parts:
        return results
    first, said = parts[0], "; ".join(map(str, parts))
    found = diagnosis_of(first.layer, first.point, first.inputs[0]) if diagnose else Diagnosis()
    return [
        replace(r, reason="; ".join(filter(None, (r.reason, said))), suspects=found.suspects)
        if r.check == GRADIENTS and r.status == Status.FAILED
        else r
        for r in results
    ]


def _explain(layer: Layer, result: Result, chosen: Sequence[Check], last: Point, diagnose: bool) -> Result:
    """Shrink a finding, name the mistake, and say how to see it again."""
    if not is_finding(result) or result.case is None:
        return result
    found_at = result.case
    each = next(c for c in chosen if c.name == result.check)
    if not result.case.values.startswith("file:"):
        result = _shrunk(layer, result, each)
    if result.status == Status.ERROR and layer.dims and result.case is not None and "forward raised" in result.reason:
        result = replace(
            result,
            reason=f"{result.reason}; if that is not meant to work, {where_excluding(layer, result.case)}",
        )
    if diagnose and result.check == GRADIENTS and result.status == Status.FAILED:
        found = _diagnosis(layer, result, found_at, last)
        result = replace(result, suspects=found.suspects)
        result = replace(result, where=_with_side(found.where, layer, result, last))
    return replace(result, reproduce=_reproduce(layer, result))


def is_finding(result: Result) -> bool:
    """Whether a result says that something is wrong."""
    return result.status in (Status.FAILED, Status.ERROR)


def save_arrays(results: Sequence[Result], last: Point) -> None:
    """Write the user's own arrays where a finding was made with them, so that its case can be replayed.

    Raises:
        UsageError: the file cannot be written.
    """
    if last.case.values.startswith("file:") and any(r.case == last.case for r in results if is_finding(r)):
        last.save(Path(last.case.values.removeprefix("file:")))


def _diagnosis(layer: Layer, result: Result, found_at: Case, last: Point) -> Diagnosis:
    """Mistakes that explain the claim at the smallest failing case, at the one found first, and at others."""

    def at(case: Case) -> Point:
        return last if last.case == case else case.point(layer)

    assert result.case is not None
    also = [] if result.case == found_at else [at(found_at)]
    return diagnosis_of(layer, at(result.case), result.input, also=also)


def _with_side(where: Where | None, layer: Layer, result: Result, last: Point) -> Where | None:
    """Say which side is off, where an independent computation of the same layer tells.

    A backward whose mistake is named takes the forward for right: ``conv`` with a relu, and its mask forgotten, has the
    gradients of a plain convolution.
    """
    if where is None or result.case is None:
        return where
    side = wrong_side(layer, last if last.case == result.case else result.case.point(layer))
    return replace(where, side="" if result.suspects and side.endswith(FORWARD_OFF) else side)


def _shrunk(layer: Layer, result: Result, each: Check) -> Result:
    def same(case: Case) -> Result | None:
        found = each.run(layer, case.point(layer))
        return next((r for r in found if (r.status, r.input) == (result.status, result.input)), None)

    assert result.case is not None
    smallest = shrink(layer, result.case, _quietly(lambda case: same(case) is not None))
    return same(smallest) or result


def _quietly(fails: Callable[[Case], bool]) -> Callable[[Case], bool]:
    """A candidate whose shapes or values do not fit the layer is no smaller failure."""

    def safe(case: Case) -> bool:
        try:
            return fails(case)
        except UsageError:
            return False

    return safe


def with_config(layer: Layer, result: Result, config: Mapping[str, Any]) -> Result:
    """Keywords of the call are no part of a case, so the replay line names them."""
    if not result.reproduce:
        return result
    return replace(result, reproduce=f'cg.check({layer.name}, case="{result.case}", config={dict(config)!r})')


def without_replay(result: Result) -> Result:
    """A result whose arrays could not be saved has no line that replays it."""
    saved = result.case is not None and result.case.values.startswith("file:")
    return replace(result, reproduce="") if saved else result


def replayable(layer: Layer, result: Result) -> Result:
    """A finding that is not explained, with its replay line at least; unsaved arrays have none."""
    if not is_finding(result) or result.case is None or result.reproduce:
        return result
    saved = not result.case.values.startswith("file:")
    return replace(result, reproduce=_reproduce(layer, result) if saved else "")


def _reproduce(layer: Layer, result: Result) -> str:
    if layer.target:
        return f'cnngrad check {shlex.quote(layer.target)} --case "{result.case}"'
    return f'cg.check({layer.name}, case="{result.case}")'
