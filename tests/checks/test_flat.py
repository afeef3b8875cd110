"""Step functions: their gradient of zero is never wrong and never passed; a zero where there is a slope is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad.core.values import RULES
from tests.checks.judging import elementwise, judge, statuses

STEPS: dict[str, Callable[[Any], Any]] = {
    "sign": np.sign,
    "round": np.round,
    "sixteenths": lambda x: np.round(16 * x) / 16,
    "127 levels": lambda x: np.round(127 * x) / 127,
    "floor": np.floor,
    "trunc": np.trunc,
    "step": lambda x: 1.0 * (x > 0),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_function_has_a_zero_gradient_that_proves_nothing(name: str) -> None:
    layer = elementwise(STEPS[name], np.zeros_like)
    for rule in (*RULES, "scale:1e3", "scale:1e-3"):
        for seed in range(4):
            assert statuses(judge(layer, f"values={rule} seed={seed}")) == {"x": "inconclusive"}, (rule, seed)


@pytest.mark.parametrize("f", [np.tanh, lambda x: x**2 + 100, lambda x: np.float32(3) * x.astype(np.float32), np.abs])
def test_a_zero_gradient_where_there_is_a_slope_fails(f: Callable[[Any], Any]) -> None:
    for seed in range(4):
        assert statuses(judge(elementwise(f, np.zeros_like), f"values=normal seed={seed}")) == {"x": "failed"}, seed
