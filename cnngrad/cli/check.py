"""``cnngrad check``: layers of the user's own."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cnngrad.cli import outputs, workers
from cnngrad.cli.progress import watching
from cnngrad.cli.terminal import say

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cnngrad.report import Report

HELP = "check layers of your own"

EXIT = {"passed": 0, "failed": 1, "error": 1, "inconclusive": 3}
EFFORTS = ("quick", "normal", "thorough", "exhaustive")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``cnngrad check``."""
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="package.module:layer or file.py:layer")
    parser.add_argument("--case", help="replay one printed case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effort", choices=EFFORTS, default=None)
    parser.add_argument(
        "--select", action="append", default=[], metavar="CHECK", help="run this check only (repeatable)"
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="CHECK", help="leave this check out")
    parser.add_argument("--no-diagnosis", action="store_true", help="do not name the mistake behind a wrong gradient")
    workers.add_arguments(parser)
    outputs.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print each layer's report when it is done; returns the exit code of the worst."""
    from cnngrad.report import worst_status
    from cnngrad.report.summary import summary

    files = outputs.Outputs(options)
    reports: list[Report] = []
    try:
        with workers.executor_for(options) as executor:
            _check_all(options, executor, files, reports)
    except KeyboardInterrupt:
        files.write(reports)
        raise
    if len(reports) > 1:
        say(f"\n{summary(reports)}")
    files.write(reports)
    return EXIT[str(worst_status(reports))]


def _check_all(
    options: argparse.Namespace, executor: Executor | None, files: outputs.Outputs, reports: list[Report]
) -> None:
    """Append a report for each layer; after Ctrl-C an incomplete one for those that are left as well."""
    from cnngrad.core.errors import Interrupted
    from cnngrad.report import Report
    from cnngrad.runner import check
    from cnngrad.targets import load_layer

    layers = [load_layer(target) for target in options.targets]
    try:
        for layer in layers:
            with watching(layer.name, len(reports), len(layers)) as watch:
                report = check(
                    layer,
                    case=options.case,
                    seed=options.seed,
                    effort=options.effort,
                    select=options.select,
                    exclude=options.exclude,
                    diagnose=not options.no_diagnosis,
                    raise_on_failure=False,
                    watch=watch,
                    executor=executor,
                    **workers.how(options),
                )
            reports.append(report)
            files.lap()
            say(report)
    except KeyboardInterrupt as stop:
        if isinstance(stop, Interrupted):
            reports.append(stop.report)
            files.lap()
            say(stop.report)
        for layer in layers[len(reports) :]:
            notes = ("  incomplete: not begun",)
            reports.append(Report(layer.name, (), layer.differentiable, seed=options.seed, notes=notes, complete=False))
        raise
