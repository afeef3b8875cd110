"""``cnngrad verify``: every reference derivation, identity and network, one line each."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cnngrad.cli import workers
from cnngrad.cli.progress import watching
from cnngrad.cli.terminal import say

if TYPE_CHECKING:
    from cnngrad.verify import Line

HELP = "verify all reference derivations, identities and networks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``cnngrad verify``."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="a folder with MNIST's four files, for the network")
    parser.add_argument("--seed", type=int, default=0)
    workers.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print a line as soon as it is known; returns the exit code."""
    from cnngrad.report.table import footer, header, row
    from cnngrad.verify import SUBJECTS, verify
    from cnngrad.work import Work

    if options.data is None:
        say("No --data folder with MNIST's files: the network is checked on generated images.")
    lines: list[Line] = []
    with workers.executor_for(options) as executor, Work(executor, **workers.how(options)) as work:
        found = verify(options.data, options.seed, work)
        while (line := _next(found, len(lines), SUBJECTS)) is not None:
            say(row(line) if lines else f"{header()}\n{row(line)}")
            lines.append(line)
    say(footer(lines))
    if all(line.good for line in lines):
        return 0
    return 1 if any(line.status in ("failed", "error") or line.missing for line in lines) else 3


def _next(found: Iterator[Line], done: int, total: int) -> Line | None:
    with watching("verify", done, total):
        return next(found, None)
