"""``cnngrad layers``: what the library holds."""

from __future__ import annotations

import argparse

HELP = "list the reference layers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``cnngrad layers`` has no options."""


def run(options: argparse.Namespace) -> int:
    """One line a layer: name, inputs, the first line of its description."""
    from cnngrad.layers import ALL

    for layer in ALL:
        summary = (layer.vjp.__doc__ or "").strip().split("\n")[0]
        print(f"{layer.name:24}{', '.join(layer.inputs):16}{summary}")
    return 0
