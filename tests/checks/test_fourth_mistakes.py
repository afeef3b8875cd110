"""The fourth set of mistakes: each is caught where its right twin passes, and its label says which inputs are wrong."""

from __future__ import annotations

from functools import cache

import pytest

from cnngrad import check
from cnngrad.core.case import Point
from cnngrad.layers import ALL as LAYERS
from tests.checks.catching import differing, is_caught, points_of, remembers
from tests.mistakes import ALL, Mistake
from tests.mistakes.fourth import ALSO, FOURTH
from tests.mistakes.third import THIRD

MISTAKE = {mistake.name: mistake for mistake in FOURTH}
LAYER = {mistake.layer.name: mistake.layer for mistake in FOURTH}
UNSEEN = "slope_overflows"


@cache
def points(layer: str) -> tuple[Point, ...]:
    return points_of(LAYER[layer])


def shows(mistake: Mistake, point: Point) -> bool:
    """Whether every gradient that is said to be wrong is, and no other."""
    return remembers(mistake) or differing(mistake, point) == set(mistake.expected)


@pytest.mark.integration  # takes its time, as those of the later sets do
@pytest.mark.usefixtures("without_places")
def test_every_mistake_is_caught_where_its_right_twin_passes() -> None:
    for name, mistake in MISTAKE.items():
        shown = (point for point in points(mistake.layer.name) if shows(mistake, point))
        assert name == UNSEEN or any(is_caught(mistake, point) for point in shown), name


def test_a_slope_that_overflows_is_caught() -> None:
    assert check(MISTAKE[UNSEEN].wrong, effort="normal", diagnose=False, raise_on_failure=False).failures


def test_a_slope_that_overflows_is_caught_where_it_does() -> None:
    report = check(MISTAKE[UNSEEN].wrong, [[-1000.0, 1.0]], effort="quick", diagnose=False, raise_on_failure=False)
    assert {(result.check, result.input) for result in report.failures} == {("gradients_match_forward", "x")}


def test_a_mistake_makes_no_difference_without_the_feature_it_needs() -> None:
    compared = 0
    for mistake in (mistake for mistake in FOURTH if mistake.needs in mistake.layer.features):
        feature = mistake.layer.features[mistake.needs]
        without = [point for point in points(mistake.layer.name)[:20] if not feature(point)]
        for point in without[:2]:
            assert not differing(mistake, point), (mistake.name, str(point.case))
            compared += 1
    assert compared >= 30


def test_the_set_is_varied_and_well_described() -> None:
    names = [mistake.name for mistake in (*ALL, *THIRD, *FOURTH)]
    assert len(set(names)) == len(names)
    reference = {layer.name for layer in LAYERS}
    own = [mistake.layer.name for mistake in FOURTH]
    assert all(own.count(name) >= 2 for name in reference)
    assert sum(name not in reference for name in own) >= 8
    assert len(FOURTH) / 3 <= sum(bool(mistake.needs) for mistake in FOURTH) <= 2 * len(FOURTH) / 3
    assert ALSO.keys() <= set(names)
    for mistake in FOURTH:
        assert mistake.name.isidentifier(), mistake.name
        assert mistake.wrong.facts == mistake.layer.facts, mistake.name
        assert set(mistake.expected) <= set(mistake.layer.differentiable), mistake.name
        assert mistake.says, mistake.name
        assert not mistake.says.endswith("."), mistake.name
        assert mistake.family not in ALSO.get(mistake.name, ()), mistake.name
