"""The table of ``cnngrad verify``: one line a derivation, and what a line that is not good has to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Line(Protocol):
    """What the table needs to know of a line (``cnngrad.verify`` makes them)."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def points(self) -> int: ...
    @property
    def entries(self) -> int: ...
    @property
    def detectable(self) -> float: ...
    @property
    def reached(self) -> tuple[str, ...]: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def oracles(self) -> int: ...
    @property
    def details(self) -> str: ...
    @property
    def good(self) -> bool: ...


WIDTHS = (50, 8, 10, 15, 9, 11, 0)
TITLES = ("what is verified", "points", "entries", "smallest error", "oracles", "features", "status")


def header() -> str:
    """Two lines above the table."""
    return _columns(TITLES) + "\n" + "-" * (sum(WIDTHS) + 14)


def row(line: Line) -> str:
    """One line, and below it what is wrong with it."""
    features = f"{len(line.reached)} of {len(line.reached) + len(line.missing)}" if line.kind == "derivation" else ""
    smallest = f"{line.detectable:.1e}" if line.detectable else "exact"
    cells = (
        line.name,
        f"{line.points:,}",
        f"{line.entries:,}",
        smallest if line.entries else "",
        str(line.oracles) if line.oracles else "",
        features,
        "verified" if line.good else str(line.status if line.status != "passed" else "not all features reached"),
    )
    return _columns(cells) + (f"\n{line.details}" if line.details else "")


def footer(lines: Sequence[Line]) -> str:
    """What the table amounts to, and what its columns mean."""
    good = sum(line.good for line in lines)
    entries = sum(line.entries for line in lines)
    reached = sorted({feature for line in lines for feature in line.reached})
    return (
        f"\n{good} of {len(lines)} lines verified; {entries:,} entries compared.\n"
        "smallest error: the smallest error in one gradient entry that could have been seen, relative to the largest;\n"
        "exact: compared without any tolerance. oracles: independent computations that agree in forward and backward.\n"
        f"Features reached somewhere: {', '.join(reached)}."
    )


def _columns(cells: Sequence[str]) -> str:
    left, *middle, right = zip(cells, WIDTHS, strict=True)
    return f"{left[0]:{left[1]}}" + "".join(f"{cell:>{width}}" for cell, width in middle) + f"  {right[0]}"
