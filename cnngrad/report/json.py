"""The report as JSON: the same facts, for machines. ``schema.json`` beside this file says what is in it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnngrad.core.result import Status
from cnngrad.report.data import ReportData, worst_status

FORMAT = 1  # goes up when a reader of an older document would misread a newer one


def report_json(reports: Sequence[ReportData], run: Mapping[str, Any] | None = None) -> str:
    """One document for any number of layers; all of it but ``run`` has the same bytes in every run with one seed.

    Args:
        run: what is true of this one run only: its command, times, versions.

    >>> json.loads(report_json([ReportData("demo", ())]))["status"]
    'inconclusive'
    """
    document = report_document(reports) | ({"run": dict(run)} if run else {})
    return json.dumps(_finite(document), indent=2, sort_keys=True, allow_nan=False)


def report_document(reports: Sequence[ReportData]) -> dict[str, Any]:
    """The document as plain data."""
    from cnngrad import __version__

    return {
        "format": FORMAT,
        "cnngrad": __version__,
        "status": str(worst_status(reports)),
        "complete": all(report.complete for report in reports),
        "totals": _totals(reports),
        "layers": [_layer(report) for report in reports],
    }


def schema() -> dict[str, Any]:
    """The JSON schema of the document (draft 2020-12).

    >>> schema()["title"]
    'cnngrad report'
    """
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text("utf-8"))
    return loaded


def _totals(reports: Sequence[ReportData]) -> dict[str, Any]:
    """Sums over the layers; the statuses are counted over all results."""
    totals = [report.totals for report in reports]
    counts = Counter(result.status for report in reports for result in report.results)
    return {
        "layers": len(reports),
        "layers_ok": sum(report.ok for report in reports),
        "results": {str(status): counts[status] for status in Status},
        "cases": sum(each.cases for each in totals),
        "entries": sum(each.entries for each in totals),
        "exact": sum(each.exact for each in totals),
        "detectable": max((each.detectable for each in totals), default=0.0),
        "forward_calls": sum(each.forward_calls for each in totals),
        "backward_calls": sum(each.backward_calls for each in totals),
    }


def _layer(report: ReportData) -> dict[str, Any]:
    return {
        "layer": report.layer,
        "status": str(report.status),
        "complete": report.complete,
        "seed": report.seed,
        "effort": report.effort,
        "source": None if report.source is None else asdict(report.source),
        "totals": asdict(report.totals),
        "features": dict(report.features),
        "exercised": dict(report.exercised),
        "notes": list(report.notes),
        "results": [result.to_dict() for result in report.results],
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; they are written as words."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
