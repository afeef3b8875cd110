"""The table of ``cnngrad verify``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cnngrad.core.case import Case
from cnngrad.report import Report
from cnngrad.report.table import footer, header, row
from tests.report.results import failure, report, result

ORACLE = result(check="agrees_with_scipy.signal")
RIGHT = report(result(), ORACLE, features={"padding": 1, "rank 1": 1})
ROUNDED = report(result(detectable=8.17e-14))
WRONG = report(failure(), replace(ORACLE, status=failure().status), features={"dilation": 1, "padding": 0})
ZERO = report(result("inconclusive", reason="the gradient is zero everywhere"))
NUMBERS = result(check="identity_holds", entries=90, name="", how="", detectable=None, scale=None)
IDENTITY = Report("identity", (NUMBERS, replace(NUMBERS, case=Case(seed=1))), gradients_due=False)


@pytest.mark.parametrize(
    ("shown", "cells"),
    [
        (RIGHT, ["conv2d", "1", "4", "exact", "1", "2 of 2", "verified"]),
        (ROUNDED, ["conv2d", "1", "4", "4.1e-14", "verified"]),
        (WRONG, ["conv2d", "1", "0", "1 of 2", "failed"]),
        (ZERO, ["conv2d", "1", "0", "inconclusive"]),
        (report(complete=False), ["conv2d", "0", "0", "inconclusive, incomplete"]),
        (IDENTITY, ["identity", "2", "180", "exact", "verified"]),
    ],
)
def test_a_row(shown: Report, cells: list[str]) -> None:
    words = [word for word in row(shown).split("\n")[0].split("  ") if word]
    assert [word.strip() for word in words] == cells


def test_columns_stand_below_their_titles() -> None:
    titles, rule = header().split("\n")
    assert set(rule) == {"-"}
    assert titles.index("status") == row(RIGHT).index("verified")
    assert titles.index("features") + len("features") == row(RIGHT).index("2 of 2") + len("2 of 2")


def test_what_is_wrong_stands_below_its_row() -> None:
    assert row(WRONG).split("\n", 1)[1] == str(WRONG)
    assert "\n" not in row(RIGHT)


def test_the_footer_counts() -> None:
    text = footer([RIGHT, ROUNDED, IDENTITY, WRONG])
    first = "3 of 4 lines verified; 8 gradient entries and 180 numbers of identities compared."
    assert text.strip().split("\n")[0] == first
    assert text.endswith("Features reached somewhere: dilation, padding, rank 1.")
