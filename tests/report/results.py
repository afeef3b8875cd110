"""Results and reports made by hand, for the tests of their views."""

from __future__ import annotations

from typing import Any

from cnngrad.core.case import Case
from cnngrad.core.result import Result, Status, Suspect
from cnngrad.report import Report
from cnngrad.report.data import GRADIENTS

CASE = Case((("n", 1), ("k", 2)), values="integers", seed=7)
REPRODUCE = 'cnngrad check mynet.py:conv --case "n=1 k=2 values=integers seed=7"'
ROTATED = Suspect("the kernel's gradient is rotated by 180°", "rotating it back matches exactly", "turn it back")


def result(status: str = "passed", name: str = "w", check: str = GRADIENTS, **facts: Any) -> Result:
    """One result of ``conv2d``; a pass has compared four entries without tolerance."""
    passed = {"how": "exact", "entries": 4, "bound": 0.0, "detectable": 0.0, "scale": 2.0} if status == "passed" else {}
    return Result("conv2d", check, Status(status), name, **{"case": CASE, **passed, **facts})


def failure(**facts: Any) -> Result:
    """A kernel's gradient that is wrong everywhere."""
    usual = {
        "index": (0, 0, 0, 0),
        "analytic": 4.0,
        "numeric": 1.0,
        "bound": 0.0,
        "how": "exact",
        "entries": 4,
        "differing": 4,
        "unaffected": ("x", "b"),
        "reproduce": REPRODUCE,
    }
    return result("failed", **{**usual, **facts})


def report(*results: Result, differentiable: tuple[str, ...] = ("w",), **facts: Any) -> Report:
    return Report("conv2d", results, differentiable, **facts)
