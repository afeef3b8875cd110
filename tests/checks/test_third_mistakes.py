"""The third set of mistakes: each is caught at a declared configuration where its right twin passes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from cnngrad.checks import ALL as CHECKS
from cnngrad.checks import Check, gradients
from cnngrad.checks.check import finding
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.search import explicit_cases
from tests.mistakes import ALL, Mistake
from tests.mistakes.third import REPEATED, THIRD, UNSEEN

# A backward that remembers is seen by the checks of state, at any point.
OF_STATE = [check for check in CHECKS if check.name in ("calls_are_independent", "backward_is_linear_in_dy")]
MISTAKE = {mistake.name: mistake for mistake in (*ALL, *THIRD)}
NAMES = {mistake.name for mistake in THIRD}
LAYER = {mistake.layer.name: mistake.layer for mistake in THIRD}


@cache
def points(layer: str) -> tuple[Point, ...]:
    return tuple(case.point(LAYER[layer]) for case in explicit_cases(LAYER[layer], "normal", 0))


def judged(layer: Layer, point: Point, checks: Sequence[Check]) -> dict[Status, set[str]]:
    """Every status that was found, and the inputs it was found for."""
    found: dict[Status, set[str]] = {}
    for result in (result for check in checks for result in check.run(layer, point)):
        found.setdefault(result.status, set()).add(result.input)
    return found


def is_caught(mistake: Mistake, point: Point) -> bool:
    """Whether the mistake fails where the right layer passes; a failing right layer is an error of the test."""
    remembers = mistake.family in ("stale cache", "accumulated")
    checks = [gradients.CHECK, *(OF_STATE if remembers else [])]
    wrong = judged(mistake.wrong, point, checks).get(Status.FAILED)
    if not wrong:
        return False
    right = judged(mistake.layer, point, checks)
    assert right.keys() <= {Status.PASSED, Status.INCONCLUSIVE}, f"{mistake.layer.name} at {point.case}: {right}"
    assert remembers or wrong <= set(mistake.expected), f"{mistake.name} at {point.case}: {wrong}"
    return wrong <= right.get(Status.PASSED, set())


def test_every_mistake_is_caught_where_its_right_twin_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Which entry is the worst takes most of the time.
    monkeypatch.setattr(gradients, "worst_entry", lambda claim, name, *how: finding(Status.FAILED, input=name))
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


def test_the_unseen_ones_give_gradients_that_no_other_mistake_gives() -> None:
    for mistake in THIRD:
        others = [name for name, other in MISTAKE.items() if other.layer is mistake.layer and name not in NAMES]
        repeats = any(all(same(gave(mistake.name, k), gave(other, k)) for k in range(25)) for other in others)
        assert repeats == (mistake.name in REPEATED), mistake.name


def test_the_third_set_is_a_set_of_its_own_and_well_described() -> None:
    assert len(UNSEEN) >= 36
    assert len(THIRD) == len(UNSEEN) + len(REPEATED)
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
    return called(MISTAKE[name].wrong, points(MISTAKE[name].layer.name)[number])


def called(layer: Layer, point: Point) -> list[Any]:
    y, backward = layer(*point.inputs, **point.config)
    dy = point.cotangent(np.size(y)).reshape(np.shape(y))
    with np.errstate(all="ignore"):
        return list(backward(dy))


def same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(
        a is b is None or (np.shape(a) == np.shape(b) and np.allclose(a, b, 1e-9, 1e-12, equal_nan=True))
        for a, b in zip(some, others, strict=True)
    )
