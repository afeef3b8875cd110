"""check(): a layer, where to look at it, and what is made of the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnngrad import checks
from cnngrad.checks import Check
from cnngrad.core.arrays import shape_text
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import GradientMismatch, NotVerified, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.examining import examine
from cnngrad.findings import with_config
from cnngrad.memory import learn, recall
from cnngrad.points import points, told
from cnngrad.pytest_plugin import OPTIONS, record
from cnngrad.report import GRADIENTS, Report
from cnngrad.search import cases, effort_named, inside_hypothesis_test
from cnngrad.work import Subject, Work

__all__ = ["cases", "check"]

Examined = Callable[[Iterable[Point], bool], Report]


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
    executor: Executor | None = None,
    time_limit: float | None = None,
    resume: Path | str | None = None,
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
        executor, time_limit, resume: who judges the points, how many seconds one may take, and the file that keeps
            what is finished; see :class:`~cnngrad.work.Work`. The report is the same.
        watch: called with each case when its turn comes; a progress bar, say.

    Returns:
        The report: ``ok``, ``status``, ``results``, ``failures``, ``totals``, ``gradients``.

    Raises:
        GradientMismatch: a check failed.
        NotVerified: the layer raised, or an input could not be judged.
        UsageError: there is nothing that could be checked; says what is missing.
        Interrupted: Ctrl-C was pressed; a ``KeyboardInterrupt`` that holds the report as far as it got.

    >>> from cnngrad.layers import relu
    >>> check(relu, [[1.0, -2.0]]).ok
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
    subject = Subject(layer, chosen, shapes, config or {}, replayed)
    with Work(executor, time_limit=time_limit, resume=resume, watch=watch) as work:

        def examined(those: Iterable[Point], searching: bool) -> Report:
            again = replayed is not None  # what raised before is to raise again, and to be reported as it was
            return examine(
                *(subject, those, work),
                seed=seed,
                effort=effort,
                searching=searching,
                diagnose=diagnose,
                replaying=again,
            )

        report = _checked(subject, arrays, seed, effort, examined)
    if config:
        report = replace(report, results=tuple(with_config(layer, each, config) for each in report.results))
    report = replace(report, gradients_due=not select or GRADIENTS in select)
    record(str(report.status if report.applies else Status.NOT_APPLICABLE))
    __tracebackhide__ = True  # pytest shows the user's line and the message, not this function
    if raise_on_failure and not report.ok:
        raise (GradientMismatch if report.status == Status.FAILED else NotVerified)(report)
    return report


def _checked(subject: Subject, arrays: tuple[Any, ...], seed: int, effort: str, examined: Examined) -> Report:
    """Cases that failed before, then the points of this run; what comes of them is remembered."""
    layer, replayed = subject.layer, subject.case
    wanted = points(layer, arrays, subject.shapes, subject.config, replayed, seed, effort)
    known, unread = ([], ()) if inside_hypothesis_test() else recall(layer, [each.name for each in subject.checks])
    aimed_elsewhere = replayed is not None or (arrays and (layer.dims is None or effort == "quick"))
    before = None if aimed_elsewhere else _at_known(layer, dict.fromkeys(entry.case for entry in known), examined)
    if before is not None and before.failures:
        report = replace(before, notes=(*before.notes, *unread, "  this failed before, so it was tried first"))
    else:
        report = examined(wanted, replayed is None and subject.shapes is None)
        report = replace(
            report, results=(*(before.results if before else ()), *report.results), notes=(*report.notes, *unread)
        )
        failed = [result.case for result in report.failures if result.case is not None]
        notes = told(layer, arrays, subject.config, seed, effort, failed)
        report = replace(report, notes=(*report.notes, *notes))
    if not inside_hypothesis_test():
        learn(layer, known, report.results)
    return report


def _at_known(layer: Layer, known: Iterable[Case], examined: Examined) -> Report | None:
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
