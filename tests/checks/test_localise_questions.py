"""One question of the search for wrong entries: by how much a claim is off along a direction, and how to ask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks.claim import Comparison
from cnngrad.checks.localise import Gap, gap, way_to_ask
from cnngrad.differentiation import Estimate, estimate
from cnngrad.differentiation.complex_step import complex_step
from cnngrad.differentiation.line import EPS
from tests.checks.known_errors import (
    ALL,
    EACH,
    TRUE,
    Function,
    claim_of,
    refuses_complex,
    rounded_at,
    thirds,
    with_kinks,
)


def test_a_gap_is_wrong_beyond_its_slack_or_unknown() -> None:
    assert [Gap(size, 1.0).is_wrong for size in (0.0, 1.0, -1.0, 1.5, -1.5, np.nan)] == [False] * 3 + [True] * 3
    assert Gap(1.0, np.nan).is_wrong


def test_an_exact_gap_is_rounded_once_and_costs_one_forward() -> None:
    claim = claim_of({5: 2.0**-40})
    assert gap(claim, EACH, "exact") == Gap(1000 * 2.0**-40, 0.0)
    assert claim.at.calls.forward == 1
    full = claim_of({5: 0.1})
    rounding = 64 * EPS * float(np.linalg.norm(EACH * full.gradient))
    assert gap(full, EACH, "exact") == Gap(pytest.approx(100.0, rel=1e-14), rounding)  # type: ignore[arg-type]  # a number


def test_an_exact_gap_is_unknown_where_anything_is_rounded() -> None:
    claim = claim_of({}, rounded_at(1))
    assert gap(claim, EACH * (ALL != 1), "exact") == Gap(0.0, 0.0)
    assert gap(claim, EACH * (ALL == 1), "exact") is None
    assert gap(claim, EACH, "exact") is None


@pytest.mark.parametrize("how", ["complex step", "ladder"])
def test_any_other_gap_allows_for_the_estimate_and_for_rounding(how: str) -> None:
    claim = claim_of({5: 0.1}, thirds, TRUE / 3)
    found = (complex_step if how == "complex step" else estimate)(claim.line(EACH))
    assert found is not None
    rounding = 64 * EPS * float(np.linalg.norm(EACH * claim.gradient))
    asked = claim.at.calls.forward
    told = gap(claim, EACH, how)
    assert told is not None
    assert (told.size, told.slack) == (pytest.approx(100.0), found.bound + rounding)
    assert claim.at.calls.forward == 2 * asked
    assert (how == "complex step") == (asked == 1)


def test_no_other_gap_is_known_where_there_is_no_estimate() -> None:
    assert gap(claim_of({}, refuses_complex), EACH, "complex step") is None
    assert gap(claim_of({}, refuses_complex), EACH, "ladder") == Gap(0.0, 0.0)
    assert gap(claim_of({}, with_kinks(3)), EACH, "ladder") is None


def curved(x: Any) -> Any:
    return x * np.abs(x)  # smooth, but np.abs drops what a complex step goes by


@pytest.mark.parametrize(
    ("f", "off", "way"),
    [
        (thirds, 0.0, "complex step"),
        (thirds, 0.9, "complex step"),
        (thirds, 1.1, "ladder"),
        (lambda x: refuses_complex(x) / 3, 0.0, "ladder"),
        (curved, 0.0, "ladder"),
    ],
)
def test_the_complex_step_is_asked_only_where_it_agrees_with_the_lead(f: Function, off: float, way: str) -> None:
    claim = claim_of({}, f)
    found = estimate(claim.line(EACH))
    assert found is not None
    lead = Comparison(EACH, 0.0, Estimate(found.value + off * 1e-3, found.bound + 1e-3, "ladder"), 1.0)
    assert way_to_ask(claim, lead) == way
