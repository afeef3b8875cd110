"""The result of a search for wrong entries: which is named, how many there are, and where nothing can be said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks import tables
from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim
from cnngrad.checks.localise import NONE_STANDS_OUT, worst_entry
from cnngrad.core.arrays import Array
from cnngrad.core.call import Calls
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.line import EPS
from tests.checks.known_errors import (
    ALL,
    DY,
    SMALLER,
    THREE,
    TRUE,
    claim_of,
    lead_of,
    limited,
    linear,
    thirds,
    with_kinks,
)


def failed(claim: Claim, place: int, differing: int | None, how: str = "exact", true: Array = TRUE) -> Result:
    claimed = float(claim.gradient[place])
    return finding(
        Status.FAILED,
        input="x",
        index=(place,),
        analytic=claimed,
        numeric=pytest.approx(true[place], rel=0 if how == "exact" else 1e-14),
        bound=pytest.approx(64 * EPS * max(abs(claimed), abs(true[place])), rel=0 if how == "exact" else 1.0),
        how=how,
        entries=8,
        differing=differing,
        scale=float(np.max(np.abs(claim.gradient))),
    )


@pytest.mark.parametrize("place", [0, 3, 7])
def test_one_wrong_entry_gives_its_result(place: int) -> None:
    claim = claim_of({place: 0.75})
    assert worst_entry(claim, "x", "exact") == failed(claim, place, 1)
    assert claim.at.calls == Calls(forward=8, backward=2)  # the five, one more and two for the noise of the backward


def test_a_lead_spares_a_question_and_says_how_to_ask_the_others() -> None:
    claim = claim_of({5: 0.75}, thirds, TRUE / 3)
    lead = lead_of(claim)
    before = claim.at.calls.forward
    assert worst_entry(claim, "x", "ladder", lead) == failed(claim, 5, 1, "ladder", TRUE / 3)
    assert claim.at.calls.forward - before == 13


def test_several_wrong_entries_give_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = claim_of(THREE)
    assert worst_entry(claim, "x", "exact") == failed(claim, 4, 3)
    for limits, differing in (
        ({"TABLE": 8, "FOUND": 2}, 3),
        ({"TABLE": 7, "FOUND": 4}, 3),
        ({"TABLE": 7, "FOUND": 3}, None),
        ({"TABLE": 7, "FOUND": 2}, None),
    ):
        limited(monkeypatch, **limits)
        found = worst_entry(claim, "x", "ladder")
        assert found.differing == differing, limits
        assert found.index == (4,)
        assert worst_entry(claim, "x", "exact") == failed(claim, 4, 3)  # all at once, coloured


def test_halving_asks_in_the_way_given(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, TABLE=4)
    claim = claim_of(THREE)
    assert worst_entry(claim, "x", "exact").differing == 3
    assert claim.at.calls.forward <= 20  # nine questions, one each


def test_all_at_once_has_its_limits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, **SMALLER)

    def differing(claim: Claim) -> int | None:
        return worst_entry(claim, "x", "exact").differing

    for outputs, found in ((8, 3), (7, None)):
        limited(monkeypatch, BACKWARDS=outputs)
        assert differing(claim_of(THREE)) == found
    limited(monkeypatch, BACKWARDS=8)
    for pairs, found in ((64, 3), (63, None)):
        monkeypatch.setattr(tables, "MOST", pairs)
        assert differing(claim_of(THREE)) == found


def test_all_at_once_stays_inside_the_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, **SMALLER)
    high = 13 / 16 + 2.0**-27

    def f(x: Any) -> Any:
        return np.where(x < high, linear(x), np.nan)

    claim = claim_of(THREE, f, domain={"x": (-np.inf, high)})
    assert worst_entry(claim, "x", "exact") == failed(claim, 4, 3)


def test_all_at_once_is_given_up_where_the_claim_hides_what_depends_on_what(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, **SMALLER)

    def f(x: Any) -> Any:
        return x + np.roll(x, 1) / 4

    claim = claim_of({}, f, DY)
    assert worst_entry(claim, "x", "exact").differing is None


def test_entries_that_no_estimate_is_had_for_are_not_counted() -> None:
    for kinks, differing in (((), 2), ((0,), None)):
        claim = claim_of({1: 1.0, 4: 3.0}, with_kinks(*kinks))
        assert worst_entry(claim, "x", "exact") == failed(claim, 4, differing)


def test_the_worst_is_most_off_not_largest() -> None:
    for errors, worst in (({5: 1.0, 6: 2.0}, 6), ({1: 0.25, 2: -0.5}, 2)):
        claim = claim_of(errors)
        assert worst_entry(claim, "x", "exact") == failed(claim, worst, 2)


def test_noise_of_the_backward_is_allowed_for() -> None:
    def noisy(error: float) -> Claim:
        claim = claim_of({1: error, 4: error})
        claim.noise = 0.5 * np.isin(ALL, (1, 4))
        return claim

    assert worst_entry(noisy(0.25), "x", "exact").status == "passed"
    assert worst_entry(noisy(1.0), "x", "exact").bound == 0.5 + 64 * EPS * 3.0


def test_a_claim_of_which_every_entry_agrees_passes() -> None:
    """It may have seemed wrong along a direction; the look at each entry is the finer one."""
    bound = 64 * EPS * 8.0
    assert worst_entry(claim_of({4: 16 * EPS}), "x", "ladder") == finding(
        Status.PASSED, input="x", entries=8, how="exact", scale=8.0, bound=bound, detectable=bound
    )
    nothing = worst_entry(claim_of({}, lambda x: 0 * x, 0 * TRUE), "x", "ladder")
    assert (str(nothing.status), nothing.reason) == (
        "inconclusive",
        "the gradient is zero everywhere at this point: the output does not change with x; "
        "if it never does, declare zero_gradient=('x',)",
    )


def test_a_claim_wrong_at_no_entry_that_could_be_looked_at_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = finding(Status.INCONCLUSIVE, input="x", reason=NONE_STANDS_OUT, entries=8, scale=8.0)
    assert worst_entry(claim_of({}, with_kinks(0)), "x", "ladder") == expected
    limited(monkeypatch, TABLE=4)
    assert worst_entry(claim_of({}), "x", "ladder") == expected
    assert NONE_STANDS_OUT == (
        "along a direction over all entries the claim seems wrong, but no single entry stands out"
    )
