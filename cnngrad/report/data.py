"""What a report holds: the results of one layer, with totals of what was compared. Its views are files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cnngrad.core.case import Case
from cnngrad.core.picture import Picture
from cnngrad.core.result import Result, Status, combine
from cnngrad.core.source import Source


@dataclass(frozen=True)
class Totals:
    """What was done for one report, in counts.

    Attributes:
        cases: points at which the layer was judged.
        entries: gradient entries compared with numbers.
        detectable: an error of this size in any entry, relative to the largest entry of that gradient, would have been
            seen at one point at least: for each input its sharpest comparison, and of those the worst. 0 is exact.
        exact: entries of those that were compared without any tolerance.
    """

    cases: int
    entries: int
    exact: int
    detectable: float
    forward_calls: int
    backward_calls: int


@dataclass(frozen=True)
class ReportData:
    """All results of one layer.

    Attributes:
        results: what each check found, failures shrunk to their smallest case.
        differentiable: inputs that had to be compared at least once.
        features: declared feature -> at how many judged points it was met.
        exercised: the same of features told from names and shapes, where the layer declares none; only those met.
        seed, effort: what the run was started with.
        gradients_due: whether a pass asks for compared gradients: always, unless only other checks were selected.
        notes: what the run itself has to say (a search that was left out, say).
        complete: ``False`` where the run was stopped before its end: then it is never a pass.
        source: where the backward of a layer with failures is written.

    >>> ReportData("demo", (), ("x",)).ok
    False
    """

    layer: str
    results: tuple[Result, ...]
    differentiable: tuple[str, ...] = ()
    features: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    effort: str = "normal"
    notes: tuple[str, ...] = ()
    gradients_due: bool = True
    exercised: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    source: Source | None = None
    tables: Callable[[], Mapping[str, Any]] = field(default=dict, repr=False, compare=False)
    drawn: Callable[[], tuple[Picture, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def failures(self) -> tuple[Result, ...]:
        """Results that failed or whose code raised, wrong gradients first."""
        found = (r for r in self.results if r.status in (Status.FAILED, Status.ERROR))
        return tuple(sorted(found, key=lambda r: r.check != GRADIENTS))

    @cached_property
    def statements(self) -> dict[tuple[str, str], Status]:
        """One status for each check and input, over all cases."""
        groups: dict[tuple[str, str], list[Status]] = {}
        for result in self.results:
            groups.setdefault((result.check, result.input), []).append(result.status)
        found = {key: combine(statuses) for key, statuses in groups.items()}
        passed = {check for (check, name), status in found.items() if name and status == Status.PASSED}
        # A point at which a check could not judge the layer at all takes nothing from those at which it could.
        nowhere = {(check, "") for check in passed if found.get((check, "")) == Status.INCONCLUSIVE}
        return {key: status for key, status in found.items() if key not in nowhere}

    @property
    def status(self) -> Status:
        """Failed if one failed, else error if one raised, else passed if every input was compared conclusively.

        A run that did not come to its end is inconclusive where it found nothing.
        """
        seen = set(self.statements.values())
        for status in (Status.FAILED, Status.ERROR):
            if status in seen:
                return status
        if not self.complete or self.not_compared or Status.INCONCLUSIVE in seen:
            return Status.INCONCLUSIVE
        if self.gradients_due and not self.totals.entries:
            return Status.INCONCLUSIVE
        return Status.PASSED if Status.PASSED in seen else Status.INCONCLUSIVE

    @property
    def applies(self) -> bool:
        """Whether one of the checks turned out to apply at some point."""
        return not self.statements or any(status != Status.NOT_APPLICABLE for status in self.statements.values())

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Differentiable inputs for which no case gave a conclusive comparison."""
        judged = {
            name for (check, name), status in self.statements.items() if check == GRADIENTS and status == "passed"
        }
        return tuple(name for name in self.differentiable if name not in judged) if self._gradients_were_asked else ()

    @property
    def _gradients_were_asked(self) -> bool:
        return any(check == GRADIENTS for check, _ in self.statements)

    @property
    def missing_features(self) -> tuple[str, ...]:
        """Features of the layer that no judged point had."""
        return tuple(name for name, count in self.features.items() if not count)

    @property
    def ok(self) -> bool:
        """Every check passed or was not applicable, and gradient entries were compared if they were due."""
        return self.status == Status.PASSED

    @cached_property
    def totals(self) -> Totals:
        compared = [r for r in self.results if r.check == GRADIENTS and r.status == Status.PASSED]
        calls = {(r.check, r.case): (r.forward_calls, r.backward_calls) for r in self.results}
        return Totals(
            cases=len(self.cases),
            entries=sum(r.entries for r in compared),
            exact=sum(r.entries for r in compared if r.how == "exact" and r.detectable == 0),
            detectable=_sharpest(compared),
            forward_calls=sum(forward for forward, _ in calls.values()),
            backward_calls=sum(backward for _, backward in calls.values()),
        )

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(dict.fromkeys(r.case for r in self.results if r.case is not None))

    @cached_property
    def gradients(self) -> Mapping[str, Any]:
        """For each input ``.analytic``, ``.numeric`` and ``.bound``, of every entry at the first point (on demand)."""
        return self.tables()

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """What pictures of the gradients are drawn from, at the failing case or at one worth a look (on demand)."""
        return self.drawn()


GRADIENTS = "gradients_match_forward"


def _sharpest(compared: Iterable[Result]) -> float:
    """The smallest visible error of the input that was judged least sharply: each at its median point.

    Of the points that were not compared exactly; 0 where all were.
    """
    seen: dict[str, list[float]] = {}
    for result in compared:
        if not result.scale or not result.detectable:
            continue  # exact, or nothing but zeros or kinks: no error can be put in numbers
        seen.setdefault(result.input, []).append(_relative(result))
    return max((sorted(errors)[(len(errors) - 1) // 2] for errors in seen.values()), default=0.0)


def _relative(result: Result) -> float:
    """The smallest visible error in units of the gradient's largest entry."""
    if not result.detectable or not result.scale:
        return 0.0
    return result.detectable / result.scale


def worst_status(reports: Iterable[ReportData]) -> Status:
    """One status over several layers, by the same rule."""
    seen = {report.status for report in reports}
    for status in (Status.FAILED, Status.ERROR, Status.INCONCLUSIVE):
        if status in seen:
            return status
    return Status.PASSED
