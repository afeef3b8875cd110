"""The third set of mistakes: each is caught at a declared configuration where its right twin passes."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from cnngrad.core.case import Point
from tests.checks.catching import called, is_caught, points_of, same
from tests.mistakes import ALL
from tests.mistakes.third import ALSO, REPEATED, THIRD, UNSEEN

MISTAKE = {mistake.name: mistake for mistake in (*ALL, *THIRD)}
NAMES = {mistake.name for mistake in THIRD}
LAYER = {mistake.layer.name: mistake.layer for mistake in THIRD}


@cache
def points(layer: str) -> tuple[Point, ...]:
    return points_of(LAYER[layer])


@pytest.mark.integration  # takes its time, as those of the later sets do
@pytest.mark.usefixtures("without_places")
def test_every_mistake_is_caught_where_its_right_twin_passes() -> None:
    for mistake in THIRD:
        assert any(is_caught(mistake, point) for point in points(mistake.layer.name)), mistake.name


def test_a_mistake_makes_no_difference_without_the_feature_it_needs() -> None:
    compared = 0
    for mistake in (mistake for mistake in THIRD if mistake.needs in mistake.layer.features):
        feature = mistake.layer.features[mistake.needs]
        without = [point for point in points(mistake.layer.name)[:20] if not feature(point)]
        for point in without[:2]:
            assert same(called(mistake.wrong, point), called(mistake.layer, point)), (mistake.name, str(point.case))
            compared += 1
    assert compared >= 30


@pytest.mark.integration
def test_the_unseen_ones_give_gradients_that_no_other_mistake_gives() -> None:
    for mistake in THIRD:
        others = [name for name, other in MISTAKE.items() if other.layer is mistake.layer and name not in NAMES]
        repeats = any(all(same(gave(mistake.name, k), gave(other, k)) for k in range(25)) for other in others)
        assert repeats == (mistake.name in REPEATED), mistake.name


def test_the_third_set_is_a_set_of_its_own_and_well_described() -> None:
    assert len(UNSEEN) >= 36
    assert len(THIRD) == len(UNSEEN) + len(REPEATED)
    families = {mistake.name: mistake.family for mistake in THIRD}
    assert all(name in families and families[name] not in others for name, others in ALSO.items())
    names = [mistake.name for mistake in (*ALL, *THIRD)]
    assert len(set(names)) == len(names)
    assert {mistake.family for mistake in THIRD} <= {mistake.family for mistake in ALL}
    assert {mistake.layer.name for mistake in ALL} <= set(LAYER)
    for mistake in THIRD:
        assert mistake.name.isidentifier(), mistake.name
        assert mistake.wrong.facts == mistake.layer.facts, mistake.name
        assert mistake.expected, mistake.name
        assert set(mistake.expected) <= set(mistake.layer.differentiable), mistake.name
        assert mistake.says, mistake.name
        assert not mistake.says.endswith("."), mistake.name


@cache
def gave(name: str, number: int) -> list[Any]:
    """What a mistake gives at one of its layer's points; each is compared with many until a point tells them apart."""
    plain = [point for point in points(MISTAKE[name].layer.name) if not point.case.values.startswith("scale")]
    return called(MISTAKE[name].wrong, plain[number])
