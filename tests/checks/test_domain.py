"""A declared domain is never left: a layer that raises outside of it is judged up to its borders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cnngrad import check
from cnngrad.checks import gradients_agree_in_float32
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from tests.checks.judging import NORMAL, judge, statuses


@dataclass(frozen=True)
class Bounded:
    """A function that is defined on an open interval only, and its derivative."""

    f: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    low: float
    high: float

    def layer(self, factor: float = 1.0, domain: bool = True) -> Layer:
        def vjp(x: Any) -> Any:
            if not np.all((np.real(x) > self.low) & (np.real(x) < self.high)):
                raise ValueError("outside")
            return self.f(x), lambda dy: (factor * dy * self.slope(x),)

        return Layer(
            vjp,
            ("x",),
            "bounded",
            dims={"n": (1, 5)},
            shapes=lambda d: {"x": (d.n,)},
            domain={"x": (self.low, self.high)} if domain else {},
        )


BOUNDED = {
    "log": Bounded(np.log, lambda x: 1 / x, 0, math.inf),
    "arcsin": Bounded(np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), -1, 1),
    "logit": Bounded(lambda x: np.log(x) - np.log1p(-x), lambda x: 1 / (x * (1 - x)), 0, 1),
    "a kink": Bounded(lambda x: np.maximum(x, 0.5) + x * x, lambda x: (x > 0.5).astype(x.dtype) + 2 * x, 0, 1),
    "an exact one": Bounded(lambda x: 3 * x, lambda x: 3 * np.ones_like(x), 0, 1),
}
every = pytest.mark.parametrize("bounded", BOUNDED.values(), ids=BOUNDED)


@every
@pytest.mark.parametrize("distance", [0.25, 2.0**-20, 1e-9, 1e-12])
def test_a_layer_that_raises_outside_is_judged_near_the_border(bounded: Bounded, distance: float) -> None:
    low, high = max(bounded.low, -5.0), min(bounded.high, 5.0)
    x = np.array([low + distance, 0.5, high - distance, 0.7])
    assert statuses(judge(bounded.layer(), NORMAL, x)) == {"x": "passed"}
    assert statuses(judge(bounded.layer(1.01), NORMAL, x)) == {"x": "failed"}
    table = gradient_tables(bounded.layer(), point_from_arrays(bounded.layer(), (x,), {}, Case.parse(NORMAL)))["x"]
    known = np.isfinite(table.bound)
    assert np.count_nonzero(known) >= 3
    rounding = 1e-12 * np.abs(table.analytic[known])
    assert np.all(np.abs(table.numeric - table.analytic)[known] <= table.bound[known] + rounding)


@pytest.mark.parametrize("name", ["log", "a kink"])
def test_all_checks_stay_inside(name: str) -> None:
    assert check(BOUNDED[name].layer()).ok


def test_without_the_declaration_what_is_refused_counts_as_not_finite() -> None:
    for factor, status in ((1.0, "passed"), (1.01, "failed")):
        layer = BOUNDED["log"].layer(factor, domain=False)
        assert statuses(judge(layer, NORMAL, np.array([0.5, 1.0]))) == {"x": status}


def test_an_input_that_float32_rounds_to_the_border_is_not_judged_in_float32() -> None:
    layer = BOUNDED["logit"].layer()
    for distance, status in ((1e-3, "passed"), (1e-9, "inconclusive")):
        point = point_from_arrays(layer, (np.array([0.5, 1 - distance]),), {}, Case.parse(NORMAL))
        results = gradients_agree_in_float32.CHECK.run(layer, point)
        assert {str(result.status) for result in results} == {status}
    assert results[0].reason == "rounded to float32, an input leaves its declared domain"
