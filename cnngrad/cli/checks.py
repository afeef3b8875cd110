"""``cnngrad checks``: what is asked of a layer."""

from __future__ import annotations

import argparse

HELP = "list the checks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``cnngrad checks`` has no options."""


def run(options: argparse.Namespace) -> int:
    """One line a check: name and statement."""
    from cnngrad.checks import ALL

    for check in ALL:
        print(f"{check.name:44}{check.statement}")
    return 0
