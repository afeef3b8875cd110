"""The report as JUnit XML, which build servers read: a suite a layer, a test a statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

from cnngrad.core.characters import visible
from cnngrad.core.result import Result, Status
from cnngrad.report.data import GRADIENTS, ReportData
from cnngrad.report.text import failure_text

KIND = {Status.FAILED: "failure", Status.ERROR: "error", Status.INCONCLUSIVE: "error", Status.NOT_APPLICABLE: "skipped"}
COUNTED = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}


def report_junit(reports: Sequence[ReportData], seconds: Sequence[float] = ()) -> bytes:
    """One document for any number of layers.

    A test is one check of one input over all cases. What is inconclusive is an error: JUnit's word for a test that
    could not be carried through. A layer that is no pass although no test of it says so has one test more that does.

    Args:
        seconds: how long each layer took, where known.

    >>> report_junit([ReportData("demo", ())]).count(b"<testcase")
    1
    """
    root = ElementTree.Element("testsuites", name="cnngrad")
    for place, report in enumerate(reports):
        root.append(_suite(report, seconds[place] if place < len(seconds) else 0.0))
    _count(root)
    root.set("time", f"{sum(seconds):.3f}")
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _suite(report: ReportData, seconds: float) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=visible(report.layer), time=f"{seconds:.3f}")
    for (check, name), status in report.statements.items():
        found = [r for r in report.results if (r.check, r.input, r.status) == (check, name, status)]
        suite.append(_test(report, f"{check}[{name}]" if name else check, status, found))
    told = any(KIND.get(status) in ("failure", "error") for status in report.statements.values())
    if not report.complete or not (report.ok or told):
        suite.append(_missing(report))
    _count(suite)
    return suite


def _test(report: ReportData, name: str, status: Status, found: list[Result]) -> ElementTree.Element:
    test = ElementTree.Element("testcase", classname=visible(report.layer), name=visible(name))
    if report.source is not None:
        test.set("file", visible(report.source.path))
        test.set("line", str(report.source.line))
    if status in KIND:
        first, *more = found
        told = [failure_text(report, first)] if status in (Status.FAILED, Status.ERROR) else [first.reason]
        told += [f"and {len(more)} more"] if more else []
        kind = ElementTree.SubElement(test, KIND[status], type=str(status), message=visible(told[0].split("\n")[0]))
        kind.text = visible("\n".join(told))
    return test


def _missing(report: ReportData) -> ElementTree.Element:
    """Every single result is fine, and the layer is no pass all the same."""
    why = "nothing was compared"
    if not report.complete:
        why = "the run was stopped before its end"
    elif report.not_compared:
        why = f"never compared: {', '.join(report.not_compared)}"
    test = ElementTree.Element("testcase", classname=visible(report.layer), name=GRADIENTS)
    ElementTree.SubElement(test, "error", type=str(report.status), message=visible(why))
    return test


def _count(element: ElementTree.Element) -> None:
    counts = Counter(each.tag for each in element.iter())
    for name, tag in COUNTED.items():
        element.set(name, str(counts[tag]))
