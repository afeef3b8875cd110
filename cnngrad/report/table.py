"""The table of ``cnngrad verify``: one line a derivation, and what a line that is not good has to say."""

from __future__ import annotations

from collections.abc import Sequence

from cnngrad.core.result import Status
from cnngrad.report.data import ReportData
from cnngrad.report.text import report_text

WIDTHS = (50, 8, 10, 15, 9, 11, 0)
TITLES = ("what is verified", "points", "entries", "smallest error", "oracles", "features", "status")


def header() -> str:
    """Two lines above the table."""
    return _columns(TITLES) + "\n" + "-" * (sum(WIDTHS) + 14)


def row(report: ReportData) -> str:
    """One line, and below it what is wrong with it."""
    totals, entries, oracles = report.totals, _entries(report), _oracles(report)
    status = "verified" if report.ok else str(report.status)
    cells = (
        report.layer,
        f"{totals.cases:,}",
        f"{entries:,}",
        (f"{totals.detectable:.1e}" if totals.detectable else "exact") if entries else "",
        str(oracles or ""),
        f"{len(_reached(report))} of {len(report.features)}" if report.features else "",
        status if report.complete else f"{status}, incomplete",
    )
    return _columns(cells) + ("" if report.ok else f"\n{report_text(report)}")


def footer(reports: Sequence[ReportData]) -> str:
    """What the table amounts to, and what its columns mean."""
    good = sum(report.ok for report in reports)
    gradients = sum(report.totals.entries for report in reports)
    others = sum(_entries(report) for report in reports) - gradients
    reached = sorted({feature for report in reports for feature in _reached(report)})
    return (
        f"\n{good} of {len(reports)} lines verified; {gradients:,} gradient entries and {others:,} numbers of "
        "identities compared.\n"
        "smallest error: the smallest error in one gradient entry that could have been seen, relative to the largest;\n"
        "exact: compared without any tolerance. oracles: independent computations that agree in forward and backward.\n"
        f"Features reached somewhere: {', '.join(reached)}."
    )


def _entries(report: ReportData) -> int:
    """Gradient entries; of an identity, which is about no gradient, the numbers on one of its sides."""
    return report.totals.entries if report.gradients_due else sum(result.entries for result in report.results)


def _oracles(report: ReportData) -> int:
    agreeing = {check for (check, _), status in report.statements.items() if status == Status.PASSED}
    return sum(check.startswith("agrees_with_") for check in agreeing)


def _reached(report: ReportData) -> list[str]:
    return [feature for feature, count in report.features.items() if count]


def _columns(cells: Sequence[str]) -> str:
    left, *middle, right = zip(cells, WIDTHS, strict=True)
    return f"{left[0]:{left[1]}}" + "".join(f"{cell:>{width}}" for cell, width in middle) + f"  {right[0]}"
