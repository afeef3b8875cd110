"""The table of ``cnngrad verify``."""

from __future__ import annotations

from typing import Any

import pytest

from cnngrad.core.result import Status
from cnngrad.report.table import footer, header, row
from cnngrad.verify import Line


def line(**facts: Any) -> Line:
    usual = {
        "kind": "derivation",
        "name": "conv",
        "status": Status.PASSED,
        "points": 56,
        "entries": 3_133,
        "detectable": 0.0,
        "reached": ("padding", "rank 1"),
        "oracles": 2,
    }
    return Line(**{**usual, **facts})


@pytest.mark.parametrize(
    ("shown", "cells"),
    [
        (line(), ["conv", "56", "3,133", "exact", "2", "2 of 2", "verified"]),
        (line(detectable=4.085e-14), ["conv", "56", "3,133", "4.1e-14", "2", "2 of 2", "verified"]),
        (
            line(missing=("dilation",)),
            ["conv", "56", "3,133", "exact", "2", "2 of 3", "not all features reached"],
        ),
        (line(status=Status.FAILED), ["conv", "56", "3,133", "exact", "2", "2 of 2", "failed"]),
        (line(status=Status.INCONCLUSIVE, entries=0), ["conv", "56", "0", "2", "2 of 2", "inconclusive"]),
        (
            line(kind="identity", oracles=0, reached=(), points=5, entries=90),
            ["conv", "5", "90", "exact", "verified"],
        ),
    ],
)
def test_a_row(shown: Line, cells: list[str]) -> None:
    words = [word for word in row(shown).split("  ") if word]
    assert [word.strip() for word in words] == cells


def test_columns_stand_below_their_titles() -> None:
    titles, rule = header().split("\n")
    assert set(rule) == {"-"}
    assert titles.index("status") == row(line()).index("verified")
    assert titles.index("points") + len("points") == row(line()).index("56") + 2


def test_what_is_wrong_stands_below_its_row() -> None:
    text = row(line(status=Status.FAILED, details="conv: gradients_match_forward failed for w\n  worst at ..."))
    assert text.split("\n")[1:] == ["conv: gradients_match_forward failed for w", "  worst at ..."]


def test_the_footer_counts() -> None:
    text = footer([line(), line(missing=("x",)), line(status=Status.FAILED, reached=("dilation",))])
    assert text.strip().split("\n")[0] == "1 of 3 lines verified; 9,399 entries compared."
    assert text.endswith("Features reached somewhere: dilation, padding, rank 1.")
