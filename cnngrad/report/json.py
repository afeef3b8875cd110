"""The report as JSON: the same facts, for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cnngrad.report.data import ReportData, worst_status


def report_json(reports: Sequence[ReportData]) -> str:
    """One document for any number of layers; the same run gives the same bytes.

    >>> json.loads(report_json([ReportData("demo", ())]))["status"]
    'inconclusive'
    """
    from cnngrad import __version__

    document = {
        "cnngrad": __version__,
        "status": str(worst_status(reports)),
        "layers": [_layer(report) for report in reports],
    }
    return json.dumps(_finite(document), indent=2, sort_keys=True, allow_nan=False)


def _layer(report: ReportData) -> dict[str, Any]:
    return {
        "layer": report.layer,
        "status": str(report.status),
        "seed": report.seed,
        "effort": report.effort,
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
