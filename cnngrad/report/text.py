"""The report as text: at most 15 lines a failure, fields and order fixed, never a whole array."""

from __future__ import annotations

from cnngrad.core.arrays import number
from cnngrad.core.result import Result, Status
from cnngrad.report.data import ReportData

SHOWN = 3  # failures of one layer told in full; the rest are counted


def report_text(report: ReportData) -> str:
    """What people read: the failures, or one line that says what a pass is worth."""
    blocks = [failure_text(report, result) for result in report.failures[:SHOWN]]
    if len(report.failures) > SHOWN:
        blocks.append(f"{report.layer}: {len(report.failures) - SHOWN} more findings")
    if not blocks:
        blocks.append(_verdict(report))
    if report.status == Status.INCONCLUSIVE:
        blocks += _why_inconclusive(report)
    return "\n".join([*blocks, *report.notes])


def _verdict(report: ReportData) -> str:
    met = [name for name, count in {**report.features, **report.exercised}.items() if count]
    features = f"; features met: {', '.join(met)}" if met else ""
    return f"{report.layer}: {report.status}; {compared_text(report)}{features}"


def compared_text(report: ReportData) -> str:
    """What was compared, and the smallest error that could have been seen.

    >>> compared_text(ReportData("demo", ()))
    'nothing was compared'
    """
    totals = report.totals
    if not totals.entries:
        return "nothing was compared"
    kind = "exactly" if totals.exact == totals.entries else f"{totals.exact:,} of them exactly"
    seen = f", smallest visible error {totals.detectable:.1e} of the largest entry" if totals.detectable else ""
    return (
        f"{totals.entries:,} gradient entries compared at {totals.cases} points, {kind}{seen}; "
        f"{totals.forward_calls:,} forward and {totals.backward_calls:,} backward calls"
    )


def _why_inconclusive(report: ReportData) -> list[str]:
    lines = []
    for (check, name), status in report.statements.items():
        if status != Status.INCONCLUSIVE:
            continue
        reasons = [r.reason for r in report.results if (r.check, r.input, r.status) == (check, name, status)]
        of = f" for {name}" if name else ""
        lines.append(
            f"  {check} inconclusive{of}: {reasons[0]}"
            + (f" (and {len(reasons) - 1} more points)" * (len(reasons) > 1))
        )
    return lines


def failure_text(report: ReportData, result: Result) -> str:
    """One failure in its fixed form."""
    if result.status == Status.ERROR:
        return "\n".join([f"{report.layer}: {result.check} error: {result.reason}", *_tail(result)])
    of = f" for {result.input}" if result.input else ""
    return "\n".join(
        [f"{report.layer}: {result.check} failed{of}", *_evidence(result), *_suspects(result), *_tail(result)]
    )


def _evidence(result: Result) -> list[str]:
    lines = []
    if result.analytic is not None and result.numeric is not None:
        place = f"worst at {result.input}{list(result.index)}" if result.index is not None else "over all entries"
        several = f"; {result.differing} of {result.entries} entries differ" if result.differing else ""
        lines.append(f"  {place}: {_numbers(result)}{several}")
    elif result.index is not None:
        lines.append(f"  worst at {result.input}{list(result.index)}: backward gives {number(result.analytic)}")
    if result.reason:
        lines.append(f"  {result.reason}")
    return lines


def _numbers(result: Result) -> str:
    """What was got beside what is right; only the gradient check has its numbers from differences."""
    within = "bound unknown" if result.bound is None else f"± {result.bound:.1e}"
    if not result.how:
        return f"{number(result.analytic)}, not {number(result.numeric)} ({within})"
    certainty = "exact" if result.how == "exact" else f"{result.how}, {within}"
    claimed = f"backward gives {number(result.analytic)}"
    return f"{claimed}, forward differences give {number(result.numeric)} ({certainty})"


def _suspects(result: Result) -> list[str]:
    lines = []
    for suspect in result.suspects[:2]:
        lines.append(f"  looks like: {suspect.mistake}; {suspect.evidence}")
        if suspect.advice:
            lines.append(f"  change: {suspect.advice}" + f"; see {suspect.link}" * bool(suspect.link))
    if result.where is not None and str(result.where):
        lines.append(f"  where: {result.where}")
    return lines


def _tail(result: Result) -> list[str]:
    lines = []
    if result.unaffected:
        lines.append(f"  not affected: {', '.join(result.unaffected)}")
    if result.reproduce:
        lines.append(f"  reproduce: {result.reproduce}")
    return lines
