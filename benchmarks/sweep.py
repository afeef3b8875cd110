"""The exhaustive small scope of every reference layer: each configuration, with ordinary numbers and at kinks.

``make sweep``, or ``python -m benchmarks.sweep``. It may be stopped at any time; started again, it goes on. Each point
is held against differences (``gradients_match_forward``) and against the layer's oracles.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.scopes import SCOPES
from cnngrad.checks import gradients
from cnngrad.checks.oracle import oracle_checks
from cnngrad.core.case import Case
from cnngrad.core.files import write_whole
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.examining import examine
from cnngrad.report import Report
from cnngrad.search import explicit_cases
from cnngrad.work import Processes, Subject, Work

RESULTS = Path(__file__).parent / "results" / "sweep.md"
HEAD = """# The exhaustive small scope of every reference layer

Measured at commit {commit} with Python {python}. Reproduce with `make sweep`; it can be stopped and goes on where it
was. Every configuration of the ranges in `benchmarks/scopes.py` is judged twice, with ordinary numbers and at kinks:
the gradient of every input against differences, forward and backward against each oracle. *Smallest error*: one of
this size in any entry, relative to the largest, would have been seen at one point at least; *exact* is bit by bit.

| layer | configurations | points | gradient entries | compared exactly | smallest error | oracles | verdict |
|---|---|---|---|---|---|---|---|
"""


def swept(layer: Layer, work: Work) -> Report:
    """Every configuration of one layer."""
    subject = Subject(layer, (gradients.CHECK, *oracle_checks(layer)))
    points = (case.point(layer) for case in explicit_cases(layer, "exhaustive", 0))
    return examine(subject, points, work, effort="exhaustive", searching=True, diagnose=False)


def row(name: str, report: Report) -> str:
    """One line of the table; what is not a pass says why."""
    totals = report.totals
    checks = {result.check for result in report.results} - {gradients.CHECK.name}
    status = str(report.status) if report.status == Status.PASSED else f"**{report.status}**"
    configurations = len({case.dims for case in report.cases})
    smallest = f"{totals.detectable:.1e}" if totals.detectable else "exact"
    share = f"{totals.exact / totals.entries:.0%}" if totals.entries else ""
    return (
        f"| {name} | {configurations:,} | {totals.cases:,} | {totals.entries:,} | {share} | {smallest} "
        f"| {len(checks)} | {status} |"
    )


def progress(name: str, total: int) -> Callable[[Case], None]:
    """Tell how far it is, in one line that is written over; nothing where nobody looks."""
    done = 0

    def told(case: Case) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty() and (done % 50 == 0 or done == total):
            end = "\n" if done == total else ""
            print(f"\r{name}: {done:,} of {total:,} points", end=end, file=sys.stderr, flush=True)

    return told


def table(names: Sequence[str], jobs: int, resume: Path | None, time_limit: float) -> Iterator[str]:
    """One line a layer, as soon as it is done, and the sum."""
    reports = []
    for name in names:
        layer = SCOPES[name]
        watch = progress(name, sum(1 for _ in explicit_cases(layer, "exhaustive", 0)))
        with Processes(jobs) as pool, Work(pool, time_limit=time_limit, resume=resume, watch=watch) as work:
            reports.append(swept(layer, work))
        yield row(name, reports[-1])
        yield from (f"\n{report}" for report in reports[-1:] if not report.ok)
    wrong = sum(not report.ok for report in reports)
    points = sum(report.totals.cases for report in reports)
    entries = sum(report.totals.entries for report in reports)
    yield (
        f"\n{len(reports)} of {len(SCOPES)} layers swept completely, {points:,} points, {entries:,} gradient entries; "
        f"{wrong} with a finding."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="worker processes")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="keeps what is finished")
    parser.add_argument("--time-limit", type=float, default=120.0, metavar="SECONDS", help="for one point")
    parser.add_argument("--only", nargs="+", default=list(SCOPES), choices=list(SCOPES), metavar="LAYER")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    lines = []
    for line in table(options.only, options.jobs, options.resume, options.time_limit):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        text = HEAD.format(commit=commit or "unknown", python=platform.python_version()) + "\n".join(lines) + "\n"
        write_whole(RESULTS, lambda file: file.write(text.encode()))
    return int("**" in "".join(lines))


if __name__ == "__main__":
    sys.exit(main())
