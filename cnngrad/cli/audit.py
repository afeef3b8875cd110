"""``cnngrad audit``: would mistakes in a right backward be caught?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cnngrad.cli.check import EFFORTS
from cnngrad.cli.progress import watching
from cnngrad.cli.terminal import say

if TYPE_CHECKING:
    from cnngrad.auditing import Audit

HELP = "plant known mistakes in a right layer of your own and show that each is caught"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``cnngrad audit``."""
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="package.module:layer or file.py:layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effort", choices=EFFORTS, default="normal")
    parser.add_argument(
        "--select", action="append", default=[], metavar="CHECK", help="audit this check only (repeatable)"
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="CHECK", help="leave this check out")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME", help="plant in this input only (repeatable)"
    )


def run(options: argparse.Namespace) -> int:
    """Print each layer's table; 0 where every mistake is caught, 1 where one survives."""
    from cnngrad.auditing import audit
    from cnngrad.targets import load_layer

    audits: list[Audit] = []
    layers = [load_layer(target) for target in options.targets]
    for layer in layers:
        with watching(layer.name, len(audits), len(layers)) as watch:
            found = audit(
                layer,
                seed=options.seed,
                effort=options.effort,
                select=options.select,
                exclude=options.exclude,
                inputs=options.input,
                raise_on_survival=False,
                watch=watch,
            )
        audits.append(found)
        say(found)
    return 0 if all(each.ok for each in audits) else 1
