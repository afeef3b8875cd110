"""The command line: one file a command, each with its ``HELP``, its arguments and its ``run``.

Exit codes: 0 every check passed or was not applicable and something was compared; 1 a check failed or the layer's own
code raised; 2 usage, import, or nothing was tested; 3 nothing failed but something stayed inconclusive; 130 it was
interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from cnngrad import __version__
from cnngrad.cli import audit, check, checks, explain, init, layers, verify

# The name of a command is the name of its module.
COMMANDS = (verify, check, init, audit, explain, layers, checks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code.

    >>> main(["--version"])  # doctest: +ELLIPSIS
    cnngrad ...
    0
    """
    try:
        try:
            return _answer(arguments)
        finally:  # also after --help, which leaves by SystemExit
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        # An error that names no file: standard output takes no more, as the disk is full, or the reader (a pager,
        # head) has gone.
        what = "cannot write the output" if error.filename is None else f"cannot use {error.filename}"
        _give_up(f"{what}: {error.strerror or error}")
        return 2


def _answer(arguments: Sequence[str] | None) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name in letters that the terminal has not is no crash
    options = _parser().parse_args(arguments)
    options.arguments = list(sys.argv[1:] if arguments is None else arguments)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    if options.version:
        print(f"cnngrad {__version__}")
        return 0
    if options.command is None:
        _parser().print_help()
        return 2
    from cnngrad.core.errors import UsageError

    try:
        return int(options.run(options))
    except UsageError as error:
        print(f"cnngrad: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cnngrad: interrupted; what stands above is incomplete", file=sys.stderr)
        return 130


def _give_up(sentence: str) -> None:
    """Say it on standard error if that can still be written to; keep Python from trying both once more at its end."""
    with contextlib.suppress(OSError):
        print(f"cnngrad: {sentence}", file=sys.stderr, flush=True)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):
            stream.flush()
            continue
        with contextlib.suppress(OSError, AttributeError):
            os.dup2(nowhere, stream.fileno())


class _Parser(argparse.ArgumentParser):
    def print_help(self, file: Any = None) -> None:
        print(self.format_help(), end="", file=file)  # argparse's own says nothing where it cannot be written


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cnngrad", description="Is a hand-written backward pass the vector-Jacobian product of its forward pass?"
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    subparsers = parser.add_subparsers(dest="command", metavar="command")
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.__name__.rpartition(".")[2], help=command.HELP)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser
