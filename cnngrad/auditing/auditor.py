"""Can the gate go red? Known mistakes are planted in a right backward, and each has to be caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.auditing.mistakes import MISTAKES
from cnngrad.auditing.outcome import Audit, Fate, Outcome
from cnngrad.auditing.planting import Mistake, Site
from cnngrad.checks import Check
from cnngrad.checks.calling import elsewhere, output_of
from cnngrad.checks.claim import full_mantissas
from cnngrad.checks.rounded import inputs_as
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import LayerRaised, MistakeSurvived, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.examining import examine
from cnngrad.points import points
from cnngrad.report import GRADIENTS
from cnngrad.runner import choose_checks
from cnngrad.units import in_single, takes_single_only, units
from cnngrad.work import Subject

Gate = list[tuple[Point, list[Check]]]
Watch = Callable[[Case], None]


def audit(
    layer: Layer,
    *arrays: Any,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    effort: str = "normal",
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    inputs: Sequence[str] = (),
    raise_on_survival: bool = True,
    watch: Watch | None = None,
) -> Audit:
    """Plant known mistakes in a layer's right backward and see whether :func:`cnngrad.check` would catch each.

    Each mistake is planted alone, in one gradient at a time where it concerns gradients, and the checks are run at the
    points where ``check`` looks first, until one refuses it. A mistake that changes nothing at any of these points, by
    more than rounding (a turned gradient that is symmetric), is *not applicable*.

    Args:
        layer, arrays, shapes, config, seed, effort, select, exclude: as for :func:`cnngrad.check`, which makes them
            the gate that is audited.
        inputs: plant in these inputs only; in all of them if left out, which takes long for a network with many.
        watch: called with each case at which a planted mistake is judged; a progress bar, say.
        raise_on_survival: raise instead of returning an audit that is not ``ok``.

    Returns:
        The audit: ``ok``, ``outcomes``; it prints as a table.

    Raises:
        MistakeSurvived: a mistake passed all checks, or none could be planted.
        UsageError: the layer is not right to begin with, or cannot be checked at all.

    >>> from cnngrad.layers import relu
    >>> result = audit(relu, shapes={"x": (2, 3)}, effort="quick")
    >>> result.ok, [str(each.fate) for each in result.outcomes if each.mistake == "times 2"]
    (True, ['caught'])
    """
    if not isinstance(layer, Layer):
        raise UsageError(f"audit takes a Layer, as cg.check does, not {type(layer).__name__}")
    foreign = [name for name in inputs if name not in layer.inputs]
    if foreign:
        raise UsageError(
            f"inputs names {', '.join(map(repr, foreign))}; the inputs of {layer.name} are {', '.join(layer.inputs)}"
        )
    chosen = choose_checks(select, exclude)
    subject = Subject(layer, chosen, shapes, config or {})
    layer = subject.layer
    where = list(points(layer, arrays, shapes, config or {}, None, seed, effort))
    _refuse_wrong(subject, where, seed, not select or GRADIENTS in select)
    gate = _gate(layer, chosen, where)
    sites = ((mistake, site) for mistake in MISTAKES for site in mistake.sites(layer, inputs))
    outcomes = tuple(_outcome(mistake, site, gate, watch) for mistake, site in sites)
    found = Audit(layer, len(gate), outcomes)
    __tracebackhide__ = True
    if raise_on_survival and not found.ok:
        raise MistakeSurvived(found)
    return found


def _refuse_wrong(subject: Subject, where: Sequence[Point], seed: int, gradients_due: bool) -> None:
    report = replace(examine(subject, where, seed=seed, diagnose=False), gradients_due=gradients_due)
    if not report.ok:
        raise UsageError(
            f"an audit plants mistakes in a right layer, and {subject.layer.name} is not passed to begin with: put "
            f"that right first\n{report}"
        )


def _gate(layer: Layer, chosen: Sequence[Check], where: Sequence[Point]) -> Gate:
    """Every point with the checks that look at it, as in :func:`cnngrad.check`."""
    single = takes_single_only(layer, chosen, where[0], False)
    taken = [in_single(p) if single else p for p in where if not p.tentative or _takes(layer, p)]
    return [(p, [each for each in chosen if each.name in names]) for p, names in units(taken, chosen)]


def _takes(layer: Layer, point: Point) -> bool:
    """Whether the forward takes it; of a tentative point nobody said that it should."""
    try:
        Evaluation(layer, point).vjp(point.inputs)
    except LayerRaised:
        return False
    return True


def _outcome(mistake: Mistake, site: Site, gate: Gate, watch: Watch | None) -> Outcome:
    """What becomes of one mistake at one place."""
    if reason := mistake.impossible(site):
        return Outcome(mistake.name, site.name, Fate.NOT_APPLICABLE, reason=reason)
    differs = 0
    for point, checks in gate:
        if not _makes_a_difference(mistake, site, point):
            continue
        differs += 1
        if watch is not None:
            watch(point.case)
        refused = _refused(mistake.planted(site), point, checks, site.name)
        if refused is not None:
            return _caught(mistake, site, refused)
    if differs:
        passed = f"it makes a difference at {differs} of {len(gate)} points and no check refuses it there"
        return Outcome(mistake.name, site.name, Fate.SURVIVED, reason=passed)
    return Outcome(
        mistake.name, site.name, Fate.NOT_APPLICABLE, reason=f"the right layer's numbers at all {len(gate)} points"
    )


def _caught(mistake: Mistake, site: Site, refused: Result) -> Outcome:
    return Outcome(
        mistake.name,
        site.name,
        Fate.CAUGHT,
        refused.check,
        refused.case,
        calls=refused.forward_calls + refused.backward_calls,
        raised=refused.status == Status.ERROR,
    )


def _refused(wrong: Layer, point: Point, checks: Sequence[Check], name: str) -> Result | None:
    """What the first check that does not let the wrong layer pass has to say, first of the input it was planted in."""
    for check in checks:
        found = [r for r in check.run(wrong, point) if r.status in (Status.FAILED, Status.ERROR)]
        if found:
            return next((r for r in found if r.input == name), found[0])
    return None


def _makes_a_difference(mistake: Mistake, site: Site, point: Point) -> bool:
    """Whether the mistake changes anything in calls such as the checks make of the layer.

    At the point, elsewhere, at the point again, beside it with numbers of many bits, and in float32.
    """
    site.note.made_a_difference = False
    at = Evaluation(mistake.planted(site), point)
    try:
        y, backward = _called(at, point.inputs)
        _called(at, elsewhere(at))
        at.pull(y, backward, point.cotangent(output_of(y).size))
        _called(at, full_mantissas(at), 1 / 3)
    except LayerRaised:
        return True  # the checks say what to make of that
    with suppress(LayerRaised, UsageError):  # not every layer takes float32
        _called(at, inputs_as(np.float32, point.inputs))
    return site.note.made_a_difference


def _called(at: Evaluation, inputs: Sequence[Any], factor: float = 1.0) -> tuple[Any, Any]:
    """A forward and its backward, of the point's cotangent times a factor."""
    y, backward = at.vjp(inputs)
    at.pull(y, backward, factor * at.point.cotangent(output_of(y).size))
    return y, backward
