"""The files a run leaves for machines: JSON, JUnit, and what GitHub reads."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnngrad.cli.progress import watching

if TYPE_CHECKING:
    from cnngrad.report import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that name files."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures of the gradients")
    parser.add_argument(
        "--github",
        action="store_true",
        help="print GitHub's error lines and append to its job summary (so anyway where GITHUB_ACTIONS is set)",
    )


class Outputs:
    """What was asked for, and how long each layer took.

    Raises:
        UsageError: a file that cannot be written; told before anything is checked.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        from cnngrad.core.files import refuse_unwritable

        self.options = options
        self.started = datetime.now(UTC)
        self.begun = self.last = time.perf_counter()
        self.seconds: list[float] = []
        for path in (options.json, options.junit, options.html):
            if path is not None:
                refuse_unwritable(path)
        if options.html is not None:
            from cnngrad.report.html import refuse_without_jinja

            refuse_without_jinja()

    def lap(self) -> None:
        """A layer is done."""
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now

    def write(self, reports: Sequence[Report]) -> None:
        """Write every file that was asked for.

        Raises:
            UsageError: one of them cannot be written.
        """
        from cnngrad.core.files import write_whole
        from cnngrad.report.json import report_json
        from cnngrad.report.junit import report_junit

        if self.options.json is not None:
            text = report_json(reports, self._run())
            write_whole(self.options.json, lambda file: file.write(text.encode()))
        if self.options.junit is not None:
            document = report_junit(reports, self.seconds)
            write_whole(self.options.junit, lambda file: file.write(document))
        if self.options.html is not None:
            from cnngrad.report.html import report_html

            for place, report in enumerate(reports):
                with watching(f"pictures of {report.layer}", place, len(reports)):
                    _ = report.pictures  # each is made once, here
            page = report_html(reports, self._run())
            write_whole(self.options.html, lambda file: file.write(page.encode()))
        if self.options.github or os.environ.get("GITHUB_ACTIONS") == "true":
            _tell_github(reports)

    def _run(self) -> dict[str, Any]:
        import numpy as np

        return {
            "command": ["cnngrad", *self.options.arguments],
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self.begun, 3),
            "layer_seconds": [round(seconds, 3) for seconds in self.seconds],
            "python": platform.python_version(),
            "numpy": np.__version__,
            "platform": f"{sys.platform} {platform.machine()}",
        }


def _tell_github(reports: Sequence[Report]) -> None:
    from cnngrad.core.errors import UsageError
    from cnngrad.report.github import error_lines, job_summary

    workspace = os.environ.get("GITHUB_WORKSPACE")
    for report in reports:
        for line in error_lines(report, Path(workspace) if workspace else None):
            print(line, flush=True)
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        # Other steps have written to this file before: appended in one piece, not replaced.
        with Path(path).open("ab") as file:
            file.write(job_summary(reports).encode())
    except OSError as error:
        raise UsageError(f"cannot write {path} (GITHUB_STEP_SUMMARY): {error.strerror or error}") from None
