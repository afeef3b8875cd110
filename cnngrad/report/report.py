"""The Report people get: the data with its views as methods."""

from __future__ import annotations

from cnngrad.report.data import ReportData
from cnngrad.report.json import report_json
from cnngrad.report.text import report_text


class Report(ReportData):
    """All results of one layer; prints as text, converts to JSON.

    >>> print(Report("demo", ()))
    demo: inconclusive; nothing was compared
    """

    def __str__(self) -> str:
        return report_text(self)

    def to_json(self) -> str:
        """The whole report as JSON."""
        return report_json([self])

    def to_html(self) -> str:
        """The whole report as one page with pictures of the gradients.

        Raises:
            UsageError: Jinja2 is not installed.
        """
        from cnngrad.report.html import report_html

        return report_html([self])
