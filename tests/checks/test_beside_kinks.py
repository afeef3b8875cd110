"""Beside a kink: where the points aside lie, what becomes of what is found there, and what is said at the point."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from cnngrad.checks import kinks
from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim
from cnngrad.checks.kinks import judge_at_kinks, judge_beside, plainly_wrong_beside
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from tests.checks.judging import NORMAL, claim_at, elementwise, judge, layer_of

CUBE = elementwise(lambda x: x**3, lambda x: 3 * x**2)
POINT = np.array([1.0, -2.0, 0.5])


class Judge:
    """Says what it is told to say of each point, one after the other, and keeps the claims it was handed."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.claims: list[Claim] = []

    def __call__(self, claim: Claim) -> tuple[dict[str, Result], list[str]]:
        self.claims.append(claim)
        answer = self.answers.pop(0)
        return ({}, ["x"]) if answer == "kink" else ({"x": finding(Status(answer), input="x", bound=1.0)}, [])


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (("passed",), "passed"),
        (("failed",), "failed"),
        (("kink", "passed"), "passed"),
        (("inconclusive", "failed"), "failed"),
        (("kink", "inconclusive", "passed"), "passed"),
        (("passed", "failed"), "passed"),
        (("kink", "kink", "inconclusive"), "inconclusive"),
        (("kink", "kink", "kink"), None),
    ],
)
def test_points_aside_are_tried_until_one_tells_something(answers: tuple[str, ...], found: str | None) -> None:
    judge, claim = Judge(*answers), claim_at(CUBE, POINT)
    beside = judge_beside(claim, ["x"], judge)
    assert (beside and str(beside["x"].status)) == found
    places = {tuple(claim.at.origin) for claim in judge.claims}
    assert len(places) == len(judge.claims) == claim.at.calls.backward - 1
    for place in places:
        assert np.all((np.abs(place - POINT) > 0) & (np.abs(place - POINT) <= 2.0**-9))


def test_only_a_failure_that_is_told_names_its_worst_entry() -> None:
    claim = claim_at(CUBE, POINT)
    told, asked = Judge("failed"), Judge("failed")
    assert judge_at_kinks(claim, ["x"], told)["x"].status == Status.FAILED
    judge_beside(claim, ["x"], asked)
    assert [judge.claims[0].located for judge in (told, asked)] == [True, False]


def test_where_every_point_aside_has_a_kink_nothing_is_told() -> None:
    assert judge_at_kinks(claim_at(CUBE, POINT), ["x"], Judge("kink", "kink", "kink")) == {
        "x": finding(Status.INCONCLUSIVE, input="x", reason="several kinks met at this point")
    }


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_two_plain_differences_tell_a_wrong_claim_from_a_right_one_at_any_size(size: float) -> None:
    def vjp(factor: float, x: Any, w: Any) -> Any:
        return (x / size) ** 3 * w, lambda dy: (factor * dy * 3 * x**2 * w / size**3, dy * (x / size) ** 3)

    for factor, wrong in ((1.0, []), (1.001, ["x"]), (0.0, ["x"])):
        claim = claim_at(layer_of(partial(vjp, factor), ("x", "w")), size * POINT, size * POINT)
        assert plainly_wrong_beside(claim, ["x", "w"]) == wrong


def test_two_plain_differences_tell_nothing_where_they_are_not_finite() -> None:
    infinite = layer_of(lambda x: (np.where(x > 0.9, np.inf, x), lambda dy: (7 * dy,)))
    assert plainly_wrong_beside(claim_at(infinite, POINT), ["x"]) == []


# What is said of a pass at a kink.


def relus_and_sums(*rows: tuple[int, ...]) -> Layer:
    """Outputs that are each the sum of the relus of some entries; nothing is taken at 0."""
    picked = np.array([[column in row for column in range(4)] for row in rows], dtype=float)

    def vjp(x: Any) -> Any:
        return picked @ np.maximum(x, 0), lambda dy: (dy @ picked * (x > 0),)

    return layer_of(vjp, shapes={"x": (4,)})


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0,), (3,)], "kinks met: 1; 0 taken where the slopes go from 0 to 1"),
        ([(0, 1), (3,)], "kinks met: 2; 0 taken where the slopes go from 0 to 1"),
        ([(0, 1), (2,), (3,)], "kinks met: 1; 0 taken where the slopes go from 0 to 1"),
    ],
)
def test_the_convention_is_that_of_single_kinks_else_that_of_those_looked_at_closely(
    rows: list[tuple[int, ...]], reason: str
) -> None:
    result = judge(relus_and_sums(*rows), NORMAL, np.array([0.0, 0.0, 0.0, 1.0]))["x"]
    assert (str(result.status), result.how, result.reason) == ("passed", "one-sided", reason)
    assert (result.index, result.bound) == (None, None), "they belong to the point aside"


def test_a_point_is_looked_at_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for most, status in ((6, "passed"), (5, "inconclusive")):
        monkeypatch.setattr(kinks, "MOST", most)
        assert str(judge(relus_and_sums((0,), (3,)), NORMAL, np.array([0.0, 0.0, 0.0, 1.0]))["x"].status) == status
