"""``cnngrad explain LAYER``: a derivation, with numbers."""

from __future__ import annotations

import argparse

HELP = "show a reference derivation with numbers: forward, backward and differences side by side"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The layer's name."""
    parser.add_argument("layer", metavar="LAYER", help="its name, as cnngrad layers lists it")


def run(options: argparse.Namespace) -> int:
    """Exit code 0 where the numbers agree, which they do unless this library is wrong."""
    from cnngrad.explain import explain

    explanation = explain(options.layer)
    print(explanation)
    return 0 if explanation.agrees else 1
