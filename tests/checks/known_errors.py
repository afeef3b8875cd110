"""Claims of layers of eight entries that act on each by itself, off by known errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from cnngrad.checks import localise
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.compare import compare
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from tests.checks.judging import LATTICE, layer_of

Function = Callable[[Any], Any]

X = np.array([1, -3, 5, -7, 9, -11, 13, -15]) / 16
DY = np.array([1.0, -2.0, 1.0, 4.0, -1.0, 2.0, -4.0, 1.0])
SLOPES = np.array([3.0, -1.0, 2.0, 0.0, 5.0, -4.0, 1.0, 7.0])
TRUE = DY * SLOPES
ALL = np.arange(8)
EACH = np.array([512.0, 640.0, 768.0, 896.0, 1023.0, 1000.0, 700.0, 600.0])  # weights as the search takes them
THREE = {1: 1.0, 4: -3.0, 6: 2.0}
SMALLER = {"TABLE": 4, "FOUND": 2}  # limits at which eight entries are many


def linear(x: Any) -> Any:
    return SLOPES * x


def refuses_complex(x: Any) -> Any:
    return SLOPES * np.array(x, dtype=np.float64)


def thirds(x: Any) -> Any:
    return linear(x) / 3


def with_kinks(*places: int) -> Function:
    def f(x: Any) -> Any:
        y = refuses_complex(x)
        y[list(places)] += np.abs(x[list(places)] - X[list(places)])
        return y

    return f


def rounded_at(place: int) -> Function:
    """Exact, but for what moves with one entry."""

    def f(x: Any) -> Any:
        y = linear(x)
        y[place] += (x[place] - X[place]) / 3
        return y

    return f


def claim_of(errors: Mapping[int, float], f: Function = linear, true: Array = TRUE, **facts: Any) -> Claim:
    """A claim of a layer ``f`` that acts on every entry alone, off by these errors."""
    claimed = np.array(true)
    for place, error in errors.items():
        claimed[place] += error
    layer = layer_of(lambda x: (f(x), lambda dy: (dy / DY * claimed,)), shapes={"x": (8,)}, **facts)
    at = Evaluation(layer, point_from_arrays(layer, (X,), {}, Case.parse(LATTICE)))
    return Claim(at, np.ravel(f(X)), DY, {"x": claimed}, ("x",))


def lead_of(claim: Claim) -> Comparison:
    lead = compare(claim, ["x"], lead=True)
    assert lead is not None
    assert not lead.agrees
    return lead


def limited(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(localise, name, value)
