"""Each family names its own mistake in its own words, and is silent about a right gradient and about other mistakes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from cnngrad.diagnosis import BUDGET, FAMILIES, measured, named_by
from cnngrad.diagnosis.failure import Failure, gather
from cnngrad.diagnosis.scene import Meter
from tests.diagnosis.planted import PLANTED as ONE_LAYER
from tests.diagnosis.planted import Planted, failing_point
from tests.diagnosis.planted_networks import LOOK_ALIKES, MORE

pytestmark = pytest.mark.usefixtures("without_places")

PATIENCE = 600.0  # a scene is kept from test to test
PLANTED = (*ONE_LAYER, *MORE)
# One mistake of each family among the quick tests, the rest among those of integration, for time alone.
FIRST = {planted.family: number for number, planted in reversed(list(enumerate(PLANTED)))}.values()
SPLIT = [pytest.param(n, marks=() if n in FIRST else pytest.mark.integration) for n in range(len(PLANTED))]


@cache
def failure_of(number: int) -> Failure:
    planted = PLANTED[number]
    layer = planted.spoiled
    return gather(layer, failing_point(layer, planted.name), planted.name, Meter(BUDGET, PATIENCE))


@pytest.mark.parametrize("number", SPLIT, ids=lambda n: PLANTED[n].sentence)
def test_a_family_names_its_own_mistake_and_no_other_comes_first(number: int) -> None:
    planted = PLANTED[number]
    found = named_by(failure_of(number))
    assert [suspect for suspect in found if suspect.mistake.startswith(planted.sentence)], found
    assert all(suspect.evidence and suspect.advice and suspect.family for suspect in found)
    assert len(found) <= 2


@pytest.mark.parametrize("number", SPLIT[::9], ids=lambda n: PLANTED[n].sentence)
def test_families_are_silent_about_a_right_gradient(number: int) -> None:
    planted = PLANTED[number]
    point = failure_of(number).scenes[0].at.point
    assert measured(planted.layer, point, planted.name, Meter(BUDGET, PATIENCE)).suspects == ()


@pytest.mark.parametrize("number", SPLIT[::11], ids=lambda n: PLANTED[n].sentence)
def test_an_unknown_mistake_stays_unknown(number: int) -> None:
    """A gradient spoiled by numbers that follow no rule is named by nobody."""
    planted = PLANTED[number]
    noise = np.random.default_rng(0)

    def spoil(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
        return g + noise.standard_normal(np.shape(g))

    layer = Planted(planted.layer, planted.name, spoil, planted.family, "").spoiled
    point = failure_of(number).scenes[0].at.point
    assert measured(layer, point, planted.name, Meter(BUDGET, PATIENCE)).suspects == ()


@pytest.mark.integration
def test_a_family_is_silent_about_what_looks_like_its_mistake() -> None:
    for planted in LOOK_ALIKES:
        layer = planted.spoiled
        failure = gather(layer, failing_point(layer, planted.name), planted.name, Meter(BUDGET, PATIENCE))
        assert failure.wrong
        assert [suspect.mistake for suspect in planted.family(failure)] == [], planted.sentence


def test_every_family_is_registered_once() -> None:
    assert len(set(FAMILIES)) == len(FAMILIES)
    assert {planted.family for planted in PLANTED} == set(FAMILIES), "each has a mistake of its own above"
