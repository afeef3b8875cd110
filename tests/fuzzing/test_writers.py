"""Every view of a report takes every report: odd names, numbers that are none, no results at all."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from hypothesis import strategies as st

from cnngrad.core.case import Case
from cnngrad.core.result import Result, Status, Suspect, Where
from cnngrad.core.source import Source
from cnngrad.report import GRADIENTS, Report
from cnngrad.report.github import error_lines, job_summary
from cnngrad.report.json import report_json
from cnngrad.report.junit import report_junit
from cnngrad.report.summary import summary
from tests.fuzzing.fuzz import ANY_TEXT, QUICK_AND_LONG, fuzz

NUMBERS = st.none() | st.floats()
COUNTS = st.integers(0, 10**9)
CASES = st.none() | st.builds(Case, dims=st.just((("n", 1),)), values=st.sampled_from(["lattice", "file:a b"]))
RESULTS = st.builds(
    Result,
    layer=ANY_TEXT,
    check=st.just(GRADIENTS) | ANY_TEXT,
    status=st.sampled_from(Status),
    input=st.sampled_from(["", "x", "w"]) | ANY_TEXT,
    reason=ANY_TEXT,
    index=st.none() | st.lists(COUNTS, max_size=4).map(tuple),
    analytic=NUMBERS,
    numeric=NUMBERS,
    bound=NUMBERS,
    how=st.sampled_from(["", "exact", "ladder"]) | ANY_TEXT,
    entries=COUNTS,
    differing=st.none() | COUNTS,
    detectable=NUMBERS,
    scale=NUMBERS,
    case=CASES,
    suspects=st.lists(st.builds(Suspect, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT), max_size=2).map(tuple),
    where=st.none()
    | st.builds(
        Where, ANY_TEXT, st.lists(ANY_TEXT, max_size=2).map(tuple), COUNTS, COUNTS, COUNTS, st.booleans(), ANY_TEXT
    ),
    unaffected=st.lists(ANY_TEXT, max_size=2).map(tuple),
    reproduce=ANY_TEXT,
)
REPORTS = st.builds(
    Report,
    ANY_TEXT,
    st.lists(RESULTS, max_size=4).map(tuple),
    st.lists(st.sampled_from(["x", "w"]), max_size=2).map(tuple),
    st.dictionaries(ANY_TEXT, COUNTS, max_size=2),
    notes=st.lists(ANY_TEXT, max_size=2).map(tuple),
    complete=st.booleans(),
    source=st.none() | st.builds(Source, ANY_TEXT, COUNTS),
)


@QUICK_AND_LONG
def test_every_view_of_every_report(times: int) -> None:
    def body(reports: list[Any]) -> None:
        document = json.loads(report_json(reports))
        assert [layer["layer"] for layer in document["layers"]] == [report.layer for report in reports]
        ElementTree.fromstring(report_junit(reports, [0.5] * len(reports)))
        summary(reports).encode(errors="backslashreplace")
        job_summary(reports).encode(errors="strict")
        for report in reports:
            str(report).encode(errors="backslashreplace")
            for line in error_lines(report):
                assert "\n" not in line
                line.encode()

    fuzz(st.lists(REPORTS, min_size=1, max_size=2), 60 * times, body)
