"""``cnngrad check``: layers of the user's own."""

from __future__ import annotations

import argparse
from pathlib import Path

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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")


def run(options: argparse.Namespace) -> int:
    """Print each layer's report when it is done; returns the exit code of the worst."""
    from cnngrad.core.files import write_whole
    from cnngrad.report import worst_status
    from cnngrad.report.json import report_json
    from cnngrad.runner import check
    from cnngrad.targets import load_layer

    reports = []
    for layer in [load_layer(target) for target in options.targets]:
        report = check(
            layer,
            case=options.case,
            seed=options.seed,
            effort=options.effort,
            select=options.select,
            exclude=options.exclude,
            diagnose=not options.no_diagnosis,
            raise_on_failure=False,
        )
        reports.append(report)
        print(report, flush=True)
    if options.json:
        write_whole(options.json, lambda file: file.write(report_json(reports).encode()))
    return EXIT[str(worst_status(reports))]
