"""Reports for the tests of the page: one with every kind of thing on it, one as large as they get."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.core.case import Case
from cnngrad.core.picture import Curve, Picture
from cnngrad.core.result import Suspect
from cnngrad.core.source import Source
from cnngrad.report import Report
from tests.report.results import CASE, REPRODUCE, ROTATED, failure, result

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}${8*8}\u2028\x1b\ud800"


def picture(name: str = "w", shape: tuple[int, ...] = (2, 1, 3, 3), off: float = 0.0, **facts: Any) -> Picture:
    """A gradient of random numbers; ``off`` is added to its first entry."""
    numeric = np.random.default_rng(len(name)).normal(size=shape)
    claimed = numeric.copy()
    claimed.flat[0] += off
    steps = 4.0 ** -np.arange(26)
    curve = Curve(steps, 1 + steps**2 + 1e-16 / steps, 1.0 + off, 1.0, 1e-12, "ladder")
    usual = {"block": (1,) * len(shape), "claimed": claimed, "numeric": numeric, "bound": np.full(shape, 1e-12)}
    return Picture(**{"input": name, "case": CASE, "shape": shape, "curve": curve, **usual, **facts})


def every_kind() -> list[Report]:
    """A pass, a failure with a suspect, something inconclusive, an incomplete run, and names that mean harm."""
    numbers = np.array([[np.nan, 1.0]])
    blank = picture(
        "x", (1, 2), claimed=np.array([[0.5, 1.0]]), numeric=numbers, bound=np.array([[np.inf, 0.0]]), curve=None
    )
    blocks = replace(picture("v", (4, 3)), shape=(8, 9), block=(2, 3))
    none = replace(picture("n", (2, 2), curve=None), claimed=np.full((2, 2), np.nan))
    kinked = Curve(4.0 ** -np.arange(26), np.full(26, np.nan), 1.0, None, None, "")
    apart = result("not_applicable", name="", check="samples_are_independent", reason="no batch_axis is declared")
    evil = Suspect(HOSTILE, HOSTILE, HOSTILE)
    bad = failure(suspects=(evil,), reason=HOSTILE, reproduce=HOSTILE, unaffected=(HOSTILE,))
    return [
        Report(
            "right", (result(), apart), ("w",), {"padding": 1, "dilation": 0}, drawn=lambda: (picture(), blocks, blank)
        ),
        Report(
            "wrong",
            (failure(suspects=(ROTATED,)), result(name="b"), apart),
            ("w", "b"),
            source=Source("net.py", 12),
            drawn=lambda: (picture(off=0.5), picture("b", (3,)), picture("s", (), curve=kinked), none),
        ),
        Report("unsure", (result("inconclusive", reason="the gradient is zero everywhere at this point"),), ("w",)),
        Report("stopped", (result(),), ("w",), notes=("  incomplete: stopped after 1 points",), complete=False),
        Report(HOSTILE, (bad,), ("w",), {HOSTILE: 1}, drawn=lambda: (picture(HOSTILE, (2, 2)),), notes=(HOSTILE,)),
    ]


def large(layers: int = 50, results: int = 40) -> list[Report]:
    """As many layers as a large project has, every second one wrong, each with three full pictures."""
    reports = []
    for number in range(layers):
        wrong = number % 2 == 1
        cases = [Case((("n", n), ("height", n), ("width", 9), ("k", 3)), values="normal") for n in range(results // 4)]
        found = [
            result(name=name, case=case, detectable=1e-13) for case in cases for name in ("x", "w", "b", "a long name")
        ]
        found = [*found[:-1], failure(reproduce=REPRODUCE, suspects=(ROTATED,))] if wrong else found
        drawn = tuple(picture(name, (2, 2, 4, 8), 0.5 * wrong) for name in ("x", "weights", "b"))
        features = {f"feature {k}": k for k in range(10)}
        reports.append(Report(f"layer{number}", tuple(found), ("w",), features, drawn=lambda drawn=drawn: drawn))
    return reports
