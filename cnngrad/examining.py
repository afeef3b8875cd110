"""examine(): the units of a layer's points, run wherever the work is done, and their answers folded into a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from cnngrad.checks.pictures import pictures_after
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.asking import has
from cnngrad.core.case import Point
from cnngrad.core.errors import Interrupted, UsageError
from cnngrad.core.features import exercised
from cnngrad.core.layer import Layer
from cnngrad.core.picture import Picture
from cnngrad.core.result import Result, Status
from cnngrad.core.source import Source
from cnngrad.findings import explained, is_finding, replayable, save_arrays, without_replay
from cnngrad.report import GRADIENTS, Report
from cnngrad.search import effort_named, inside_hypothesis_test
from cnngrad.units import in_single, judge, search, takes_single_only, units, written_at
from cnngrad.work import Lost, Subject, Work

SINGLE = "  float64 inputs are refused, so all was judged in float32: the smallest visible error is larger"
MOST_LOST = 3  # units that may hang or die before the rest of a layer is left


def examine(
    subject: Subject,
    points: Iterable[Point],
    work: Work | None = None,
    *,
    seed: int = 0,
    effort: str = "normal",
    searching: bool = False,
    diagnose: bool = True,
    replaying: bool = False,
) -> Report:
    """Run checks at points; shrink what failed. :func:`cnngrad.check` without its conveniences.

    The report is the same whoever does the work: answers are folded in the order of the points, up to the first
    finding. Where that is not about the gradients these are judged on, so that it hides no wrong one.

    Raises:
        Interrupted: Ctrl-C was pressed; holds the report as far as it got.
        UsageError: the forward raises at the very first point (unless that replays a finding), or there is no point.
    """
    work = work or Work()
    layer = subject.layer
    asked = any(check.name == GRADIENTS for check in subject.checks) and not replaying
    fold = Fold(layer, [f"  declared: {sentence}" for sentence in layer.conventions], asked)
    stopped, source = False, None
    try:
        _judge_all(subject, points, work, fold, replaying)
        if fold.sound and searching:
            _search(subject, work, fold, seed, effort)
        if not fold.sound:
            results, source = _explained(subject, work, fold, diagnose)
        else:
            results = fold.results
    except KeyboardInterrupt:
        stopped = True
        fold.notes.append(f"  incomplete: stopped after {fold.points:,} points")
        results = [replayable(layer, result) for result in fold.results]
    report = Report(
        layer.name,
        (*results, *fold.lost),
        layer.differentiable,
        fold.features,
        seed,
        effort,
        tuple(fold.notes),
        exercised=fold.exercised,
        complete=not stopped,
        source=source,
        tables=dict if fold.first is None else partial(gradient_tables, layer, fold.first),
        drawn=tuple if stopped else _drawn(layer, results, fold),
    )
    if stopped:
        raise Interrupted(report)
    return report


def _drawn(layer: Layer, results: list[Result], fold: Fold) -> Callable[[], tuple[Picture, ...]]:
    """What pictures are made of, on demand; none of a layer that hangs or dies."""
    if fold.first is None or fold.lost:
        return tuple
    return partial(pictures_after, layer, results, fold.first, in_single if fold.single else None)


def _judge_all(subject: Subject, points: Iterable[Point], work: Work, fold: Fold, replaying: bool) -> None:
    coming = iter(points)
    first = next(coming, None)
    if first is None:
        name = subject.layer.name
        raise UsageError(f"{name}: where= excludes every configuration that was tried; widen dims or where")
    # A lost answer is no yes: the same point is lost once more, and is told then.
    fold.single = work.one(subject, takes_single_only, first, replaying) is True
    fold.notes += [SINGLE] * fold.single
    points = (in_single(point) if fold.single else point for point in chain([first], coming))
    coming_units = units(points, subject.checks, lambda: fold.found)
    with closing(work.each(subject, judge, coming_units)) as judged:
        for (point, names), answer in judged:
            if fold.found and isinstance(answer, list):
                answer = [result for result in answer if result.check == GRADIENTS]
            if fold.add(point, names, answer):
                work.watch(point.case)
            if fold.over:
                break


def _search(subject: Subject, work: Work, fold: Fold, seed: int, effort: str) -> None:
    if effort == "exhaustive" and subject.layer.dims:
        fold.notes.append(f"  exhaustive: all {len(fold.configurations):,} configurations of dims were judged")
    examples = effort_named(effort).examples
    if not examples or not subject.layer.dims or fold.single:
        return
    if inside_hypothesis_test():
        fold.notes.append("  inside a Hypothesis test only the explicit cases were run")
        return
    answer = work.one(subject, search, examples, seed)
    if isinstance(answer, Lost):
        lost = Result(subject.layer.name, subject.checks[0].name, Status.ERROR)
        fold.lost.append(replace(lost, reason=f"while Hypothesis' engine was searching: {answer.reason}"))
    else:
        fold.take(answer)
        for case in dict.fromkeys(result.case for result in answer if result.case):
            work.watch(case)


def _explained(subject: Subject, work: Work, fold: Fold, diagnose: bool) -> tuple[list[Result], Source | None]:
    """The results, with all that can be said of the findings among them, and where the backward is written."""
    if fold.last is None or not fold.found:
        return fold.results, None
    kept = True
    try:
        save_arrays(fold.results, fold.last)
    except UsageError as error:  # a folder that is closed or full hides no finding
        kept = False
        fold.notes.append(f"  your arrays are not kept, so this cannot be replayed from a file: {error}")
    answer = work.one(subject, explained, fold.results, fold.last, diagnose)
    source = work.one(subject, written_at, fold.last)
    if isinstance(answer, Lost):
        fold.notes.append(f"  the finding is not shrunk or explained: {answer.reason}")
        answer = [replayable(subject.layer, result) for result in fold.results]
    told = list(answer) if kept else [without_replay(result) for result in answer]
    return told, source.from_here() if isinstance(source, Source) else None


@dataclass
class Fold:
    """What the answers so far amount to.

    Attributes:
        gradients: whether the gradients are to be judged.
        single: whether all is judged in float32.
        found: whether one of the results is a finding.
        points: how many were judged; ``first`` and ``last`` of them.
        lost: errors of units that gave no answer. They are not shrunk, which would run the same again.
        features, exercised: how many points had each.
        configurations: those of the points.
    """

    layer: Layer
    notes: list[str]
    gradients: bool
    single: bool = False
    found: bool = False
    points: int = 0
    first: Point | None = None
    last: Point | None = None
    results: list[Result] = field(default_factory=list)
    lost: list[Result] = field(default_factory=list)
    features: dict[str, int] = field(default_factory=dict)
    exercised: Counter[str] = field(default_factory=Counter)
    configurations: set[object] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.features = dict.fromkeys(self.layer.features, 0)

    def add(self, point: Point, names: tuple[str, ...], answer: list[Result] | Lost) -> bool:
        """Take one answer; false for a point that was not judged after all."""
        if answer == []:
            return False
        self.points += 1
        self.configurations.add(point.case.dims)
        if isinstance(answer, Lost):
            error = Result(self.layer.name, names[0], Status.ERROR, reason=answer.reason, case=point.case)
            self.lost.append(replayable(self.layer, error))
            return True
        self.first = self.first or point
        self.last = self.last if self.found else point
        self.take(answer)
        if any(r.status == Status.PASSED for r in answer):
            self._count(point)
        return True

    def take(self, results: list[Result]) -> None:
        """Add results; there may be hundreds of thousands, so none is looked at twice."""
        self.results += results
        self.found = self.found or any(map(is_finding, results))

    def _count(self, point: Point) -> None:
        if point.case.dims:  # features speak of declared configurations; a point of the user's own has none
            for name, predicate in self.layer.features.items():
                self.features[name] += has(predicate, point)
        self.exercised.update(() if self.layer.features else exercised(self.layer, point))

    @property
    def sound(self) -> bool:
        """Nothing was found and nothing lost."""
        return not self.lost and not self.found

    @property
    def over(self) -> bool:
        """A finding ends the examination of a layer; a lost unit, which may hang on the machine, does not at once.

        A finding about something else than the gradients leaves these to be judged, where other points are declared.
        """
        return len(self.lost) >= MOST_LOST or (self.found and not self._goes_on)

    @property
    def _goes_on(self) -> bool:
        found = [result for result in self.results if is_finding(result)]
        others = all(result.status == Status.FAILED and result.check != GRADIENTS for result in found)
        return bool(self.layer.dims) and self.gradients and others
