"""check(): points, checks, and what becomes of a failure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from cnngrad import checks
from cnngrad.checks import Check
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.arrays import shape_text
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import GradientMismatch, Interrupted, LayerRaised, NotVerified, UsageError
from cnngrad.core.features import exercised
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.core.source import Source, backward_source
from cnngrad.findings import explained, replayable, with_config
from cnngrad.memory import learn, recall
from cnngrad.points import SAVED, one_sided, points, prepared
from cnngrad.pytest_plugin import OPTIONS, record
from cnngrad.report import GRADIENTS, Report
from cnngrad.search import (
    cases,
    effort_named,
    find_failing,
    inside_hypothesis_test,
)

__all__ = ["SAVED", "cases", "check", "examine"]

SINGLE = "  float64 inputs are refused, so all was judged in float32: the smallest visible error is larger"


def check(
    layer: Layer,
    *arrays: Any,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    config: Mapping[str, Any] | None = None,
    case: str | Case | None = None,
    seed: int | None = None,
    effort: str | None = None,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    diagnose: bool | None = None,
    raise_on_failure: bool = True,
    watch: Callable[[Case], None] | None = None,
) -> Report:
    """Hold a layer's backward against its forward.

    Args:
        layer: what to check; someone else's code becomes one through ``cg.from_functions`` or ``cg.from_class``.
        arrays: one array an input: the point to check at and around. From effort ``normal`` on the declared
            configurations are searched as well.
        shapes: instead of arrays, the shape of each input.
        config: keywords for the ``vjp``.
        case: one printed case to replay, and nothing else.
        seed: of all that is drawn; 0 if left out.
        effort: ``quick``, ``normal``, ``thorough`` or ``exhaustive`` (``normal`` if left out; the environment
            variable ``CNNGRAD_EFFORT`` and pytest's ``--cnngrad-effort`` set another). ``quick`` tries about ten
            configurations, ``normal`` about sixty (corners, pairs of features, pairs of values, some drawn evenly) and
            25 cases of Hypothesis' engine, ``thorough`` some hundreds with every rule for values, ``exhaustive`` every
            configuration that the dims allow, once at ordinary numbers and once at kinks, and says how many.
        select, exclude: names of checks to run, or not to run.
        diagnose: look for the mistake behind a wrong gradient and name it; ``False`` says only what is wrong (for
            graded homework). On unless pytest's ``--cnngrad-no-diagnosis`` says otherwise.
        raise_on_failure: raise instead of returning a report that is not ``ok``.
        watch: called with each case before it is judged; a progress bar, say.

    Returns:
        The report: ``ok``, ``status``, ``results``, ``failures``, ``totals``, ``gradients``.

    Raises:
        GradientMismatch: a check failed.
        NotVerified: the layer raised, or an input could not be judged.
        UsageError: there is nothing that could be checked; says what is missing.
        Interrupted: Ctrl-C was pressed; a ``KeyboardInterrupt`` that holds the report as far as it got.

    >>> from cnngrad.layers import relu
    >>> check(relu, np.array([[1.0, -2.0]])).ok
    True
    """
    if not isinstance(layer, Layer):
        raise UsageError(
            f"check takes a Layer, not {shape_text(layer)}: wrap a function pair with cg.from_functions, a class with "
            "cg.from_class, or write cg.Layer(vjp, inputs=(...))"
        )
    seed = int(OPTIONS.get("seed", 0)) if seed is None else seed
    effort = effort or str(OPTIONS.get("effort") or os.environ.get("CNNGRAD_EFFORT") or "normal")
    effort_named(effort)
    chosen = choose_checks(select, exclude)
    diagnose = bool(OPTIONS.get("diagnose", True)) if diagnose is None else diagnose
    replayed = Case.parse(case) if isinstance(case, str) else case
    layer = prepared(layer, shapes, config or {}, replayed)
    wanted = points(layer, arrays, shapes, config or {}, replayed, seed, effort)
    searched = replayed is None and shapes is None

    def examined(those: Iterable[Point], search: bool) -> Report:
        again = replayed is not None  # what raised before is to raise again, and to be reported as it was
        return examine(
            layer,
            those,
            chosen,
            seed=seed,
            effort=effort,
            search=search,
            diagnose=diagnose,
            replaying=again,
            watch=watch,
        )

    known, unread = ([], ()) if inside_hypothesis_test() else recall(layer, [each.name for each in chosen])
    aimed_elsewhere = replayed is not None or (arrays and (layer.dims is None or effort == "quick"))
    before = None if aimed_elsewhere else _at_known(layer, dict.fromkeys(entry.case for entry in known), examined)
    if before is not None and before.failures:
        report = replace(before, notes=(*before.notes, *unread, "  this failed before, so it was tried first"))
    else:
        report = examined(wanted, searched)
        report = replace(
            report, results=(*(before.results if before else ()), *report.results), notes=(*report.notes, *unread)
        )
        report = replace(report, notes=(*report.notes, *one_sided(layer, arrays)))
    if not inside_hypothesis_test():
        learn(layer, known, report.results)
    if config:
        report = replace(report, results=tuple(with_config(layer, each, config) for each in report.results))
    report = replace(report, gradients_due=not select or GRADIENTS in select)
    record(str(report.status))
    __tracebackhide__ = True  # pytest shows the user's line and the message, not this function
    if raise_on_failure and not report.ok:
        raise (GradientMismatch if report.status == Status.FAILED else NotVerified)(report)
    return report


def _at_known(
    layer: Layer, known: Iterable[Case], examined: Callable[[Iterable[Point], bool], Report]
) -> Report | None:
    """What is found at cases that failed before; ``None`` without any, or where the layer is called wrongly there."""
    try:
        where = [case.point(layer) for case in known]
        return examined(where, False) if where else None
    except UsageError:
        return None  # the points of this run say what is wrong


def choose_checks(select: Sequence[str], exclude: Sequence[str]) -> tuple[Check, ...]:
    """The checks to run.

    Raises:
        UsageError: an unknown name, or nothing left to run.
    """
    known = {each.name: each for each in checks.ALL}
    unknown = [name for name in (*select, *exclude) if name not in known]
    if unknown:
        raise UsageError(f"there is no check {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
    chosen = tuple(each for name, each in known.items() if (not select or name in select) and name not in exclude)
    if not chosen:
        raise UsageError("select and exclude together leave no check to run")
    return chosen


def examine(
    layer: Layer,
    points: Iterable[Point],
    chosen: Sequence[Check],
    *,
    seed: int = 0,
    effort: str = "normal",
    search: bool = False,
    diagnose: bool = True,
    replaying: bool = False,
    watch: Callable[[Case], None] | None = None,
) -> Report:
    """Run checks at points; shrink what failed. :func:`check` without its conveniences.

    Raises:
        Interrupted: Ctrl-C was pressed; holds the report as far as it got.
        UsageError: the forward raises at the very first point (unless that replays a finding), or there is no point.
    """
    results: list[Result] = []
    features = dict.fromkeys(layer.features, 0)
    met: Counter[str] = Counter()
    first: Point | None = None
    last: Point | None = None
    behaved: set[object] = set()
    notes = tuple(f"  declared: {sentence}" for sentence in layer.conventions)
    single = stopped = False
    source: Source | None = None
    try:
        for point in points:
            if first is None:
                single = _takes_single_only(layer, point)
                notes += (SINGLE,) if single else ()
                first = _in_single(point) if single else point
                if not replaying:
                    _refuse_broken_forward(layer, first)
            point = _in_single(point) if single else point
            last = point
            if watch is not None:
                watch(point.case)
            # Behaviour hangs on the configuration more than on the numbers: once for each is enough.
            new = point.case.dims not in behaved or not point.case.dims
            behaved.add(point.case.dims)
            found = _judge(layer, point, [each for each in chosen if new or each.name == GRADIENTS])
            results += found
            if any(r.status == Status.PASSED for r in found):
                _count_features(layer, point, features)
                met.update(() if layer.features else exercised(layer, point))
            if any(map(_is_wrong, found)):
                break
        if first is None or last is None:
            raise UsageError(f"{layer.name}: where= excludes every configuration that was tried; widen dims or where")
        whole = not any(map(_is_wrong, results))
        if whole and search and effort == "exhaustive" and layer.dims:
            notes += (f"  exhaustive: all {len(behaved):,} configurations of dims were judged",)
        if search and not single and whole:
            notes += _search(layer, chosen, seed, effort, results, watch)
        results = explained(layer, results, chosen, last, diagnose)
        source = backward_source(layer, last) if any(map(_is_wrong, results)) else None
    except KeyboardInterrupt:
        stopped = True
        notes += (f"  incomplete: stopped after {len({r.case for r in results}):,} points",)
        results = [replayable(layer, result) for result in results]
    report = Report(
        layer.name,
        tuple(results),
        layer.differentiable,
        features,
        seed,
        effort,
        notes,
        exercised=met,
        complete=not stopped,
        source=source,
        tables=dict if first is None else partial(gradient_tables, layer, first),
    )
    if stopped:
        raise Interrupted(report)
    return report


def _is_wrong(result: Result) -> bool:
    return result.status in (Status.FAILED, Status.ERROR)


def _judge(layer: Layer, point: Point, chosen: Sequence[Check]) -> list[Result]:
    """All checks at one point; what raises in the first would raise in all, so there it ends."""
    found: list[Result] = []
    for each in chosen:
        found += each.run(layer, point)
        if found and found[-1].status == Status.ERROR:
            break
    return found


def _takes_single_only(layer: Layer, point: Point) -> bool:
    """Whether a forward refuses float64 and takes float32: a kernel that knows one type."""
    return _raises(layer, point) and not _raises(layer, _in_single(point))


def _raises(layer: Layer, point: Point) -> bool:
    try:
        Evaluation(layer, point).vjp(point.inputs)
    except LayerRaised as raised:
        return not isinstance(raised.error, NotImplementedError)
    except UsageError:
        return False  # says itself what is to be done
    return False


def _in_single(point: Point) -> Point:
    inputs = tuple(a.astype(np.float32) if a.dtype == np.float64 else a for a in map(np.asarray, point.inputs))
    return replace(point, inputs=inputs)


def _refuse_broken_forward(layer: Layer, point: Point) -> None:
    """A forward that fails at the very first point is not a wrong gradient: the layer is being called wrongly."""
    try:
        Evaluation(layer, point).vjp(point.inputs)
    except LayerRaised as raised:
        if isinstance(raised.error, NotImplementedError):
            return  # a stub is reported as one
        given = ", ".join(f"{name} {shape_text(value)}" for name, value in zip(layer.inputs, point.inputs, strict=True))
        raise UsageError(
            f"{layer.name}: the {raised} at the first point, so nothing could be checked. It was given {given}"
            + (f" and {dict(point.config)}" if point.config else "")
            + ". Do the shapes fit the layer, and the inputs stand in its order?"
        ) from raised.error


def _count_features(layer: Layer, point: Point, features: dict[str, int]) -> None:
    if not point.case.dims:
        return  # features speak of declared configurations; a point of the user's own has none
    for name, predicate in layer.features.items():
        features[name] += bool(predicate(point))


def _search(
    layer: Layer,
    chosen: Sequence[Check],
    seed: int,
    effort: str,
    results: list[Result],
    watch: Callable[[Case], None] | None,
) -> tuple[str, ...]:
    """Add what Hypothesis' engine finds beyond the explicit cases; returns what is to be noted."""
    examples = effort_named(effort).examples
    if not examples or not layer.dims:
        return ()
    if inside_hypothesis_test():
        return ("  inside a Hypothesis test only the explicit cases were run",)

    def fails(case: Case) -> bool:
        if watch is not None:
            watch(case)
        found = _judge(layer, case.point(layer), chosen)
        results.extend(found)
        return any(map(_is_wrong, found))

    find_failing(layer, fails, examples, seed)
    return ()
