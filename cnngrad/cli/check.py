"""``cnngrad check``: layers of the user's own."""

from __future__ import annotations

import argparse

from cnngrad.cli import outputs, workers
from cnngrad.cli.progress import watching
from cnngrad.cli.terminal import say

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
    from cnngrad.runner import check
    from cnngrad.targets import load_layer

    files = outputs.Outputs(options, say)
    layers = [load_layer(target) for target in options.targets]
    with files.of([layer.name for layer in layers]):
        with workers.executor_for(options) as executor:
            for place, layer in enumerate(layers):
                with watching(layer.name, place, len(layers)) as watch:
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
                files.add(report)
        if len(layers) > 1:
            say(f"\n{summary(files.reports)}")
    return EXIT[str(worst_status(files.reports))]
