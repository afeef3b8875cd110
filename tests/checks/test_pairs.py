"""Pairs of output and entry at a kink: what lies between the smallest steps and the point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad import check
from cnngrad.core.layer import Layer


def ramp(half: float, slope: float) -> Layer:
    """A kink at 0 on a ramp that is steep from ``-half`` to ``half`` only; at 0 the backward claims some slope."""

    def vjp(x: Any) -> Any:
        y = np.maximum(x + half, 0) - np.maximum(x - half, 0) + np.maximum(x, 0)
        beside = (x > -half) * 1.0 - (x > half) + (x > 0)
        return y, lambda dy: (dy * np.where(x == 0, slope, beside),)

    return Layer(vjp, ("x",), "ramp", shapes={"x": (3,)})


@pytest.mark.parametrize(("slope", "status"), [(1.0, "passed"), (2.0, "passed"), (2.5, "failed"), (-0.5, "failed")])
def test_kinks_nearer_than_the_first_steps_call_no_right_slope_wrong(slope: float, status: str) -> None:
    layer = ramp(2.0**-34, slope)
    report = check(layer, np.array([0.0, 0.75, -0.5]), select=("gradients_match_forward",), raise_on_failure=False)
    assert report.status == status
