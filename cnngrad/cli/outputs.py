"""The reports of a run: shown when they are there, left in files for machines and for readers, told to GitHub."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnngrad.cli.progress import watching

if TYPE_CHECKING:
    from cnngrad.report import Report

Run = dict[str, Any]


def _json(reports: Sequence[Report], run: Run) -> bytes:
    from cnngrad.report.json import report_json

    return report_json(reports, run).encode()


def _junit(reports: Sequence[Report], run: Run) -> bytes:
    from cnngrad.report.junit import report_junit

    return report_junit(reports, run["layer_seconds"])


def _html(reports: Sequence[Report], run: Run) -> bytes:
    from cnngrad.report.html import report_html

    for place, report in enumerate(reports):
        with watching(f"pictures of {report.layer}", place, len(reports)):
            _ = report.pictures  # each is made once, and here one can see that it takes its time
    return report_html(reports, run).encode()


# What each file is for, and how it is made. Cheap ones first: Ctrl-C in a long one loses none of the others.
VIEWS = {
    "json": ("write the results as JSON", _json),
    "junit": ("write the results as JUnit XML", _junit),
    "html": ("write a page with pictures of the gradients", _html),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that name files."""
    for name, (purpose, _) in VIEWS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=purpose)
    parser.add_argument(
        "--github",
        action="store_true",
        help="print GitHub's error lines and append to its job summary (so anyway where GITHUB_ACTIONS is set)",
    )


class Outputs:
    """The reports so far, how long each took, and the files that were asked for.

    Args:
        show: says what there is to say of a report, as soon as it is there.

    Raises:
        UsageError: a file that cannot be written; told before anything is checked.
    """

    def __init__(self, options: argparse.Namespace, show: Callable[[Report], None]) -> None:
        self.options = options
        self.show = show
        self.reports: list[Report] = []
        self.started = datetime.now(UTC)
        self.begun = self.last = time.perf_counter()
        self.seconds: list[float] = []
        given = {name: getattr(options, name) for name in VIEWS}
        self.paths: dict[str, Path] = {name: path for name, path in given.items() if path is not None}
        self._refuse_unwritable()

    def _refuse_unwritable(self) -> None:
        from cnngrad.core.errors import UsageError
        from cnngrad.core.files import refuse_unwritable

        taken: dict[Path, str] = {}
        for name, path in self.paths.items():
            refuse_unwritable(path)
            other = taken.setdefault(path.resolve(), name)
            if other != name:
                raise UsageError(f"--{other} and --{name} both name {path}: give each a file of its own")
        if "html" in self.paths:
            from cnngrad.report.html import refuse_without_jinja

            refuse_without_jinja()

    @contextmanager
    def of(self, names: Sequence[str]) -> Iterator[None]:
        """Write the files when the block ends, in which a report of each of these is added.

        After Ctrl-C they are written as well: the report under way as far as it got, and the rest as not begun.

        Raises:
            UsageError: a file cannot be written.
        """
        from cnngrad.core.errors import Interrupted
        from cnngrad.report import Report

        try:
            yield
        except KeyboardInterrupt as stop:
            if isinstance(stop, Interrupted):
                self.add(stop.report)
            for name in names[len(self.reports) :]:
                notes = ("  incomplete: not begun",)
                self.reports.append(Report(name, (), seed=self.options.seed, notes=notes, complete=False))
            self._write()
            raise
        self._write()

    def add(self, report: Report) -> None:
        """Take a report, and show it."""
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now
        self.reports.append(report)
        self.show(report)

    def _write(self) -> None:
        from cnngrad.core.files import write_whole

        run = self._run()
        for name, path in self.paths.items():
            _, view = VIEWS[name]
            write_whole(path, methodcaller("write", view(self.reports, run)))
        if self.options.github or os.environ.get("GITHUB_ACTIONS") == "true":
            _tell_github(self.reports)

    def _run(self) -> Run:
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
