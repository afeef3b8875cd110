"""Plain slopes: one a step, and nothing where a step leaves the domain."""

from __future__ import annotations

import numpy as np

from cnngrad.differentiation import Line
from cnngrad.differentiation.slopes import slopes


def test_a_step_that_leaves_the_domain_has_no_slope_and_warns_nobody() -> None:
    steps, found = slopes(Line(np.log, np.ones(1), np.ones(1), np.ones(1)), levels=4)
    assert steps.tolist() == [1, 1 / 4, 1 / 16, 1 / 64]
    assert np.isnan(found[0])
    assert np.allclose(found[1:], np.arctanh(steps[1:]) / steps[1:], rtol=1e-12)
