"""Pairs of output and entry at a kink: what lies between the smallest steps and the point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad import check
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result


def ramp(half: float, slope: float) -> Layer:
    """A kink at 0 on a ramp that is steep from ``-half`` to ``half`` only; at 0 the backward claims some slope."""

    def vjp(x: Any) -> Any:
        y = np.maximum(x + half, 0) - np.maximum(x - half, 0) + np.maximum(x, 0)
        beside = (x > -half) * 1.0 - (x > half) + (x > 0)
        return y, lambda dy: (dy * np.where(x == 0, slope, beside),)

    return Layer(vjp, ("x",), "ramp", shapes={"x": (3,)})


def judged(half: float, slope: float) -> Result:
    """At the point itself, the first that is looked at."""
    layer, x = ramp(half, slope), np.array([0.0, 0.75, -0.5])
    return check(layer, x, select=("gradients_match_forward",), raise_on_failure=False).results[0]


@pytest.mark.parametrize("half", [2.0**-28, 2.0**-30])
def test_kinks_nearer_than_the_first_steps_are_seen(half: float) -> None:
    statuses = [str(judged(half, slope).status) for slope in (-0.5, 1.0, 1.5, 2.0, 2.5)]
    assert statuses == ["failed", "passed", "passed", "passed", "failed"]


@pytest.mark.parametrize("slope", [-0.5, 2.0, 2.5, 5.0])
def test_kinks_as_near_as_the_smallest_steps_leave_it_open(slope: float) -> None:
    """A slope that only they would refute is not called wrong, and one that they cannot tell is not called right."""
    found = judged(2.0**-34, slope)
    assert found.status == "inconclusive"
    assert found.reason == "a kink lies nearer to this point than any step that numbers of this size allow"
