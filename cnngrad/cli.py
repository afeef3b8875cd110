"""The command line: ``cnngrad verify``, ``check``, ``layers``, ``checks``.

Exit codes: 0 every check passed or was not applicable and something was compared; 1 a check failed or the layer's own
code raised; 2 usage, import, or nothing was tested; 3 nothing failed but something stayed inconclusive; 130 it was
interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cnngrad import __version__

EXIT = {"passed": 0, "failed": 1, "error": 1, "inconclusive": 3}
EFFORTS = ("quick", "normal", "thorough", "exhaustive")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code.

    >>> main(["--version"])  # doctest: +ELLIPSIS
    cnngrad ...
    0
    """
    options = _parser().parse_args(arguments)
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
    except BrokenPipeError:
        # The reader has gone (a pager, head): nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cnngrad", description="Is a hand-written backward pass the vector-Jacobian product of its forward pass?"
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="command")
    verify = commands.add_parser("verify", help="verify all reference derivations, identities and networks")
    verify.add_argument("--data", type=Path, metavar="DIR", help="a folder with MNIST's four files, for the network")
    verify.add_argument("--seed", type=int, default=0)
    verify.set_defaults(run=_verify)
    check = commands.add_parser("check", help="check layers of your own")
    check.add_argument("targets", nargs="+", metavar="TARGET", help="package.module:layer or file.py:layer")
    check.add_argument("--case", help="replay one printed case")
    check.add_argument("--seed", type=int, default=0)
    check.add_argument("--effort", choices=EFFORTS, default=None)
    check.add_argument(
        "--select", action="append", default=[], metavar="CHECK", help="run this check only (repeatable)"
    )
    check.add_argument("--exclude", action="append", default=[], metavar="CHECK", help="leave this check out")
    check.add_argument("--no-diagnosis", action="store_true", help="do not name the mistake behind a wrong gradient")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    check.set_defaults(run=_check)
    commands.add_parser("layers", help="list the reference layers").set_defaults(run=_layers)
    commands.add_parser("checks", help="list the checks").set_defaults(run=_checks)
    return parser


def _verify(options: argparse.Namespace) -> int:
    from cnngrad.report.table import footer, header, row
    from cnngrad.verify import Line, verify

    if options.data is None:
        print("No --data folder with MNIST's files: the network is checked on generated images.")
    lines: list[Line] = []
    for line in verify(options.data, options.seed):
        print(row(line) if lines else f"{header()}\n{row(line)}", flush=True)
        lines.append(line)
    print(footer(lines))
    if all(line.good for line in lines):
        return 0
    return 1 if any(line.status in ("failed", "error") or line.missing for line in lines) else 3


def _check(options: argparse.Namespace) -> int:
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


def _layers(options: argparse.Namespace) -> int:
    from cnngrad.layers import ALL

    for layer in ALL:
        summary = (layer.vjp.__doc__ or "").strip().split("\n")[0]
        print(f"{layer.name:24}{', '.join(layer.inputs):16}{summary}")
    return 0


def _checks(options: argparse.Namespace) -> int:
    from cnngrad.checks import ALL

    for check in ALL:
        print(f"{check.name:44}{check.statement}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
