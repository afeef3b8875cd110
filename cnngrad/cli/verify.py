"""``cnngrad verify``: every reference derivation, identity and network, one line each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cnngrad.cli import outputs, workers
from cnngrad.cli.check import EXIT
from cnngrad.cli.progress import watching
from cnngrad.cli.terminal import say

if TYPE_CHECKING:
    from cnngrad.report import Report

HELP = "verify all reference derivations, identities and networks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``cnngrad verify``."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="a folder with MNIST's four files, for the network")
    parser.add_argument("--seed", type=int, default=0)
    workers.add_arguments(parser)
    outputs.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print a line as soon as it is known; returns the exit code of the worst."""
    from cnngrad.report import worst_status
    from cnngrad.report.table import footer, header
    from cnngrad.verify import plan
    from cnngrad.work import Work

    files = outputs.Outputs(options, _show)
    with workers.executor_for(options) as executor, Work(executor, **workers.how(options)) as work:
        planned = plan(options.data, options.seed, work)
        if options.data is None:
            say("No --data folder with MNIST's files: the network is checked on generated images.")
        say(header())
        with files.of([name for name, _ in planned]):
            for place, (name, verified) in enumerate(planned):
                with watching(name, place, len(planned)) as work.watch:
                    report = verified()
                files.add(report)
            say(footer(files.reports))
    return EXIT[str(worst_status(files.reports))]


def _show(report: Report) -> None:
    from cnngrad.report.table import row

    say(row(report))
