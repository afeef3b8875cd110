"""The report as one page that needs nothing else: no server, no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, number
from cnngrad.core.case import Case
from cnngrad.core.characters import visible
from cnngrad.core.errors import UsageError
from cnngrad.core.picture import Curve, Picture
from cnngrad.core.result import Result
from cnngrad.report.data import GRADIENTS, ReportData
from cnngrad.report.json import report_document
from cnngrad.report.text import compared_text

PAGE = Path(__file__).with_name("page")
FINDINGS = 10  # of one layer told in full; the rest stand in the table of results


def refuse_without_jinja() -> None:
    """Say what is missing before anything is checked.

    Raises:
        UsageError: Jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401 - only to know whether it is there
    except ImportError:
        raise UsageError("--html needs Jinja2, which is not installed: pip install 'cnngrad[report]'") from None


def report_html(reports: Sequence[ReportData], run: Mapping[str, Any] | None = None) -> str:
    """One page for any number of layers.

    Args:
        run: what is true of this one run only: its command, times, versions.

    Raises:
        UsageError: Jinja2 is not installed.

    >>> "0 of" in report_html([ReportData("<b>demo", ())]).replace("0</data>", "0"), "<b>" in report_html([])
    (True, False)
    """
    refuse_without_jinja()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    document = report_document(reports)
    page: str = environment.get_template("page.html").render(
        title=f"cnngrad: {document['totals']['layers_ok']} of {len(reports)} layers verified",
        document=document,
        totals=document["totals"],
        layers=[_layer(report) for report in reports],
        pictures=[[[_picture(each) for each in group] for _, group in _groups(report)] for report in reports],
        run=dict(run) if run else None,
        # The page's own files, which alone are not escaped; and no other script or style may run in it.
        style=Markup((PAGE / "page.css").read_text("utf-8")),
        script=Markup((PAGE / "page.js").read_text("utf-8")),
        hash_of=_hash,
    )
    return page


def _hash(text: str) -> str:
    """As a content security policy names the one script that may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _layer(report: ReportData) -> dict[str, Any]:
    failures = report.failures
    features = {**report.features, **report.exercised}
    return {
        "name": report.layer,
        "ok": report.ok,
        "status": str(report.status),
        "complete": report.complete,
        "compared": compared_text(report),
        "totals": report.totals,
        "smallest": _smallest(report.totals.detectable) if report.totals.entries else "",
        "source": str(report.source or ""),
        "notes": [note.strip() for note in report.notes],
        "findings": [_finding(result) for result in failures[:FINDINGS]],
        "more": len(failures) - FINDINGS if len(failures) > FINDINGS else 0,
        "features": [{"name": name, "count": count} for name, count in features.items()],
        "dims": _dims(report),
        "cases": [str(case) for case, _ in _groups(report)],
        "results": [_row(result) for result in report.results],
    }


def _groups(report: ReportData) -> list[tuple[Case, list[Picture]]]:
    """The pictures by their case; inputs with a wrong gradient first."""
    wrong = {result.input for result in report.failures if result.check == GRADIENTS}
    pictures = sorted(report.pictures, key=lambda picture: picture.input not in wrong)
    cases = dict.fromkeys(picture.case for picture in report.pictures)
    return [(case, [picture for picture in pictures if picture.case == case]) for case in cases]


def _finding(result: Result) -> dict[str, Any]:
    bound = "" if result.bound is None else f" ± {result.bound:.1e}"
    return {
        "check": result.check,
        "status": str(result.status),
        "input": result.input,
        "case": str(result.case or ""),
        "place": f"{result.input}{list(result.index)}" if result.index is not None else "",
        "analytic": result.analytic,
        "analytic_text": number(result.analytic),
        "numeric": result.numeric,
        "numeric_text": number(result.numeric),
        "certainty": "exact" if result.how == "exact" else f"{result.how}{bound}".strip(),
        "differing": result.differing,
        "entries": result.entries,
        "reason": result.reason,
        "suspects": result.suspects,
        "unaffected": result.unaffected,
        "reproduce": result.reproduce,
    }


def _row(result: Result) -> dict[str, Any]:
    relative = result.detectable / result.scale if result.detectable is not None and result.scale else None
    return {
        "check": result.check,
        "input": result.input,
        "status": str(result.status),
        "case": str(result.case or ""),
        "entries": result.entries,
        "smallest": "" if relative is None else _smallest(relative),
        "why": result.reason or result.how,
    }


def _smallest(error: float) -> str:
    return f"{error:.1e}" if error else "exact"


def _dims(report: ReportData) -> list[str]:
    """For each size of the configurations, the values that were judged."""
    values: dict[str, set[int]] = {}
    for case in report.cases:
        for name, size in case.dims:
            values.setdefault(name, set()).add(size)
    return [f"{name} = {', '.join(map(str, sorted(sizes)))}" for name, sizes in values.items()]


# The numbers of the pictures, short enough for a page.


def _picture(picture: Picture) -> dict[str, Any]:
    bounds = _short(picture.bound, 3)
    return {
        "input": visible(picture.input),
        "shape": picture.shape,
        "block": picture.block,
        "cells": picture.claimed.shape,
        "claimed": _short(picture.claimed, 6),
        "numeric": _short(picture.numeric, 6),
        "difference": _short(picture.claimed - picture.numeric, 4),
        "bound": bounds[0] if len(set(bounds)) == 1 else bounds,
        "curve": None if picture.curve is None else _curve(picture.curve),
    }


def _curve(curve: Curve) -> dict[str, Any]:
    truth = curve.claimed if curve.value is None else curve.value
    return {
        "step": float(curve.steps[0]),
        "ratio": float(curve.steps[0] / curve.steps[1]),
        "errors": _short(np.abs(curve.slopes - truth), 3),
        "bound": None if curve.bound is None else _rounded(curve.bound, 3),
        "gap": _rounded(abs(curve.claimed - truth), 3),
        "how": curve.how,
    }


def _short(values: Array, digits: int) -> list[float | None]:
    return [_rounded(value, digits) for value in values.ravel().tolist()]


def _rounded(value: float, digits: int) -> float | None:
    """To some significant digits, and as a whole number where it is one; JSON has no NaN."""
    if not np.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
