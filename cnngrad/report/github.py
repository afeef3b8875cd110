"""The report for GitHub: an error line that its pages show beside the backward, and a summary of the job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from cnngrad.core.characters import visible
from cnngrad.core.result import Status
from cnngrad.report.data import ReportData
from cnngrad.report.text import compared_text, report_text

SHOWN = 20  # layers told in full in a summary, which GitHub cuts at a megabyte


def error_lines(report: ReportData, root: Path | None = None) -> list[str]:
    """One workflow command for each layer that is no pass; it points at the backward where that is known.

    Args:
        root: the folder of the repository, which GitHub's paths are relative to; the current one if left out.

    >>> error_lines(ReportData("demo", ()))
    ['::error title=demo%3A inconclusive::demo: inconclusive; nothing was compared']
    """
    if report.ok:
        return []
    facts = {"file": _relative(report.source.path, root), "line": str(report.source.line)} if report.source else {}
    facts["title"] = f"{report.layer}: {report.status}"
    properties = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in facts.items())
    return [f"::error {properties}::{_escaped(report_text(report))}"]


def _relative(path: str, root: Path | None) -> str:
    if root is None:
        return path
    full = Path(path).resolve()
    return str(full.relative_to(root.resolve())) if full.is_relative_to(root.resolve()) else path


def _escaped(text: str, more: str = "") -> str:
    """As GitHub's runner reads it: a message ends at a line's end, a property at a comma or colons as well."""
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return visible(text)


def job_summary(reports: Sequence[ReportData]) -> str:
    """A table of the layers in Markdown, and below it what was found.

    >>> job_summary([ReportData("demo", ())]).splitlines()[0]
    '### cnngrad: 0 of 1 layers verified'
    """
    lines = [f"### cnngrad: {sum(report.ok for report in reports)} of {len(reports)} layers verified"]
    lines += ["", "| layer | status | what was compared |", "|---|---|---|"]
    for report in reports:
        status = f"{'✅' if report.ok else '❌'} {report.status}" + ("" if report.complete else ", incomplete")
        lines.append(f"| {_cell(report.layer)} | {status} | {_cell(compared_text(report))} |")
    wrong = [report for report in reports if report.status != Status.PASSED]
    for report in wrong[:SHOWN]:
        lines += ["", *_fenced(report_text(report))]
    if len(wrong) > SHOWN:
        lines += ["", f"and {len(wrong) - SHOWN} layers more"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """A cell of a table holds no line's end, no bar and no markup of its own."""
    escaped = re.sub(r"[\\`*_\[\]|<>&]", lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
    return visible(escaped)


def _fenced(text: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}text", visible(text), fence]
