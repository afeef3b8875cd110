"""Several layers in one table: a line each, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnngrad.report.data import ReportData

TITLES = ("layer", "points", "entries", "smallest error", "status")


def summary(reports: Sequence[ReportData]) -> str:
    """A table, a line for each layer.

    >>> print(summary([ReportData("demo", ())]))
    layer   points   entries   smallest error   status
    --------------------------------------------------------
    demo         0         0                    inconclusive
    --------------------------------------------------------
    1 layer: 1 inconclusive; 0 gradient entries compared
    """
    rows = [TITLES, *map(_row, reports)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(TITLES))]
    lines = [_line(row, widths) for row in rows]
    rule = "-" * max(map(len, lines))
    counts = Counter(str(report.status) for report in reports)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    layers = "1 layer" if len(reports) == 1 else f"{len(reports)} layers"
    entries = sum(report.totals.entries for report in reports)
    return "\n".join([lines[0], rule, *lines[1:], rule, f"{layers}: {told}; {entries:,} gradient entries compared"])


def _row(report: ReportData) -> tuple[str, ...]:
    totals = report.totals
    smallest = f"{totals.detectable:.1e}" if totals.detectable else "exact"
    status = f"{report.status}" if report.complete else f"{report.status}, incomplete"
    return (report.layer, f"{totals.cases:,}", f"{totals.entries:,}", smallest if totals.entries else "", status)


def _line(row: tuple[str, ...], widths: Sequence[int]) -> str:
    name, *numbers, status = row
    middle = "".join(f"   {cell:>{width}}" for cell, width in zip(numbers, widths[1:], strict=False))
    return f"{name:{widths[0]}}{middle}   {status}"
