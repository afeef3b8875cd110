"""The steps of the search for wrong entries: the only one, and halving."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks import localise
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.localise import Gap, gap, the_only_one
from cnngrad.core.arrays import Array
from cnngrad.differentiation import Estimate
from tests.checks.known_errors import (
    ALL,
    EACH,
    TRUE,
    Function,
    X,
    claim_of,
    lead_of,
    limited,
    rounded_at,
    thirds,
)

# One entry alone.


def only_of(claim: Claim, how: str = "exact", places: Any = ALL, lead: Comparison | None = None) -> Any:
    """Its place, its true value, and what is left: the claimed sum, and the bound of that."""
    only = the_only_one(claim, np.array(places), how, lead)
    if only is None:
        return None
    assert only.rest.agrees
    assert only.rest.found == Estimate(0.0, 0.0, only.number.how)
    assert only.number.bound.shape == only.number.value.shape == only.place.shape == (1,)
    return int(only.place[0]), float(only.number.value[0]), only.number.how


@pytest.mark.parametrize("digit", [128, 2])
def test_one_wrong_entry_is_read_off_its_number(digit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, DIGIT=digit)
    digits = 1 if digit == 128 else 3
    for place in range(8):
        claim = claim_of({place: (2.0**-30, -1e-3, -2 * TRUE[place])[place % 3] or 5.0})
        assert only_of(claim) == (place, TRUE[place], "exact")
        assert claim.at.calls.forward == 1 + digits + 3
        if place % 2:
            assert only_of(claim, places=[1, 3, 5, 7]) == (place, TRUE[place], "exact")


def test_more_than_one_or_none_is_no_only_one() -> None:
    assert only_of(claim_of({})) is None
    assert only_of(claim_of({1: 1.0}), places=[0, 1]) is None
    assert only_of(claim_of({1: 1.0}), places=[0, 1, 2]) == (1, 2.0, "exact")
    for one in range(8):
        for other in range(one):
            share = (1.0, -1.0, 0.1, 3.0)[(one + other) % 4]
            assert only_of(claim_of({one: 1.0, other: share})) is None, (one, other, share)


def test_a_number_is_read_only_from_whole_digits_told_sharply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localise, "_weights", lambda claim, places: 1.0 * np.isin(ALL, places))

    def read(place: int, digits: list[float | None], slack: float = 0.5, places: Any = ALL) -> bool:
        """Whether that place is named where the gaps for these digits are told; its error is 36."""
        told = iter([Gap(36.0, slack), *(None if digit is None else Gap(36 * (1 + digit), slack) for digit in digits)])
        monkeypatch.setattr(localise, "gap", lambda *question: next(told))
        found = only_of(claim_of({place: 36.0}), places=places)
        assert found in (None, (place, TRUE[place], "exact"))
        return found is not None

    assert [digit for digit in (4.0, 4.75, 4.8, 5.0, 5.2, 5.25, 5.3, 6.0, None) if read(5, [digit])] == [4.8, 5.0, 5.2]
    assert not any(read(7, [digit]) for digit in (-1.0, 8.0))
    assert [slack for slack in (0.1, 0.98, 1.0, 1.1) if read(5, [5.0], slack)] == [0.1, 0.98]  # with those of 8 digits
    limited(monkeypatch, DIGIT=2)
    assert read(2, [0.0, 1.0, 0.0])
    assert not read(2, [2.0, 0.0, 0.0])
    assert read(4, [0.0, 0.0, 1.0], places=ALL[:5])
    assert not read(4, [1.0, 0.0, 1.0], places=ALL[:5])
    assert not read(4, [1.0, 1.0, 1.0], places=ALL[:5])


def test_no_more_sizes_of_weights_are_taken_than_the_base_has_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, DIGIT=2)
    asked: list[Array] = []

    def spied(claim: Claim, direction: Array, how: str) -> Gap | None:
        asked.append(direction)
        return gap(claim, direction, how)

    monkeypatch.setattr(localise, "gap", spied)
    assert only_of(claim_of({5: 1.0})) == (5, TRUE[5], "exact")
    assert [sorted(set(direction / asked[0])) for direction in asked[1:]] == [[1.0, 2.0]] * 3


def test_one_entry_explains_a_gap_only_if_it_is_wrong_by_that_and_known_well() -> None:
    def half(x: Any) -> Any:
        return np.asarray(thirds(x), dtype=np.float16).astype(np.float64)

    def explains(error: float, size: float, f: Function = thirds) -> bool:
        claim = claim_of({5: error}, f, TRUE / 3)
        return localise._explained(claim, 5, EACH, Gap(size, 1e-3)) is not None

    assert explains(1e-3, 1.0)
    assert explains(-1e-3, -1.0)
    assert not explains(-1e-3, 1.0)
    assert not explains(1e-3, 1.1)
    assert not explains(0.0, 1.0)
    assert not explains(1e-3, 1.0, half)


def test_the_true_number_is_taken_with_steps_of_its_own() -> None:
    asked: list[Array] = []

    def f(x: Any) -> Any:
        asked.append(np.array(x))
        return thirds(x)

    claim = claim_of({5: 1.0}, f, TRUE / 3)
    lead = lead_of(claim)
    del asked[:]
    assert only_of(claim, "complex step", lead=lead) == (5, pytest.approx(TRUE[5] / 3), "ladder")
    steps = [abs(x[5] - X[5]) for x in asked if np.array_equal(x[ALL != 5], X[ALL != 5]) and not np.iscomplexobj(x)]
    assert len(steps) > 4
    large = [step for step in steps if step > 2.0**-20]  # the others look for kinks
    assert large
    assert all(np.frexp(step)[0] != 0.5 for step in large)  # no power of two, as the lead's are


# Several.


def test_halving_finds_all_or_the_most_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = claim_of({1: 1.0, 4: 4.0, 6: 2.0})
    assert localise._halved(claim, ALL, "exact").tolist() == [1, 4, 6]
    assert claim.at.calls.forward == 1 + 7 - 1
    limited(monkeypatch, FOUND=2)
    assert localise._halved(claim, ALL, "exact").tolist() == [4, 6]


def test_what_cannot_be_told_is_followed_to_its_end() -> None:
    assert localise._halved(claim_of({6: 1.0}, rounded_at(1)), ALL, "exact").tolist() == [1, 6]


@pytest.mark.parametrize(
    ("errors", "found"),
    [
        ({2: 5.0}, [2]),
        ({2: 5.0, 7: 1.5}, [2]),  # that is within the slack of the whole less that of a half
        ({2: 5.0, 7: 4.5}, [2, 7]),
        ({0: 0.9, 7: 0.9}, [0]),  # wrong together, but neither half is
    ],
)
def test_halving_allows_for_the_slack_of_both_questions(
    errors: dict[int, float], found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(claim: Claim, direction: Array, how: str) -> Gap:
        return Gap(sum(error for place, error in errors.items() if direction[place]), 1.0)

    monkeypatch.setattr(localise, "gap", told)
    assert localise._halved(claim_of({}), ALL, "ladder").tolist() == found


def test_the_most_wrong_part_is_so_for_its_number() -> None:
    parts: list[Any] = [(ALL[:4], Gap(-6.0, 0.0)), (ALL[:2], Gap(4.0, 0.0)), (ALL[:1], Gap(-3.0, 0.0))]
    assert localise._most_wrong(parts) == 2
    assert localise._most_wrong(parts[:2]) == 1
    assert localise._most_wrong([*parts, (ALL[:4], None)]) == 3
    assert localise._most_wrong([*parts, (ALL[:4], Gap(np.nan, 0.0)), parts[0]]) == 3


def test_the_weights_of_a_search_are_short_and_all_of_a_size() -> None:
    places = np.arange(3, 7)
    claim = claim_of({})
    weights = localise._weights(claim, places)
    assert np.flatnonzero(weights).tolist() == places.tolist()
    assert np.all((weights[places] >= 512) & (weights[places] < 1024) & (weights[places] % 1 == 0))
    assert len(set(weights[places])) > 1
    assert np.array_equal(weights, localise._weights(claim, places))
