"""Wrong hand derivations are caught, and their right twins are not.

Each mistake meets the cases that are always tried, in their order, until one refuses it; nothing tells the check what
to look for. :func:`cnngrad.check` itself, which also shrinks what it finds and takes longer, is tried on a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice

import numpy as np
import pytest

from cnngrad.checks import gradients as gradients_check
from cnngrad.checks.check import finding
from cnngrad.checks.gradients import CHECK
from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.layers import ALL as LAYERS
from cnngrad.runner import check
from cnngrad.search import explicit_cases
from tests.mistakes import ALL, DEVELOPMENT, HELD_BACK, Mistake

LAYER = {layer.name: layer for layer in LAYERS}
SAMPLE = ALL[::40]


@cache
def points(name: str) -> tuple[Point, ...]:
    """The points at which a layer is always judged; choosing them costs more than judging most mistakes."""
    return tuple(case.point(LAYER[name]) for case in explicit_cases(LAYER[name], "normal", 0))


def first_failures(layer: Layer, where: Sequence[Point]) -> dict[str, Result]:
    """The inputs that fail at the first point where any does."""
    for point in where:
        failed = {result.input: result for result in CHECK.run(layer, point) if result.status == Status.FAILED}
        if failed:
            return failed
    return {}


def named(mistake: Mistake) -> str:
    return mistake.name


@pytest.mark.parametrize("mistake", ALL, ids=named)
def test_a_mistake_is_caught(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which entry is the worst takes most of the time and is asked in the sample below.
    monkeypatch.setattr(gradients_check, "worst_entry", lambda claim, name, *others: finding(Status.FAILED, input=name))
    failed = first_failures(mistake.wrong, points(mistake.layer.name))
    assert failed, f"{mistake.name} passed at all {len(points(mistake.layer.name))} points"
    assert set(failed) <= set(mistake.expected)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_its_right_twin_passes(layer: Layer) -> None:
    results = [result for point in islice(points(layer.name), 6) for result in CHECK.run(layer, point)]
    assert {result.status for result in results} <= {Status.PASSED, Status.INCONCLUSIVE}
    assert {result.input for result in results if result.status == Status.PASSED} == set(layer.differentiable)


@pytest.mark.parametrize("mistake", SAMPLE, ids=named)
def test_check_reports_a_mistake_and_replays_it(mistake: Mistake) -> None:
    report = check(mistake.wrong, effort="quick", seed=0, select=("gradients_match_forward",), raise_on_failure=False)
    assert report.status == Status.FAILED
    failure = report.failures[0]
    assert failure.input in mistake.expected
    assert failure.input in str(report)
    replayed = check(mistake.wrong, case=failure.case, select=(failure.check,), raise_on_failure=False)
    assert failure.input in {result.input for result in replayed.failures}


def test_a_right_layer_gives_the_same_numbers_where_the_mistake_is_not_needed() -> None:
    """What ``needs`` says is true where it names a feature: without the feature the mistake makes no difference."""
    with_feature = [mistake for mistake in ALL if mistake.needs in mistake.layer.features]
    assert len(with_feature) > 50
    for mistake in with_feature:
        feature = mistake.layer.features[mistake.needs]
        without = [point for point in points(mistake.layer.name)[:20] if not feature(point)]
        assert without, mistake.name
        for point in without[:4]:
            assert np.allclose(gradients(mistake.wrong, point), gradients(mistake.layer, point), 1e-9, 1e-12), (
                mistake.name,
                str(point.case),
            )


def gradients(layer: Layer, point: Point) -> np.typing.NDArray[np.float64]:
    """All gradients at a point as one vector."""
    at = Evaluation(layer, point)
    dy = point.cotangent(flatten(outputs_of(at.output())).size)
    claimed = at.gradients(dy)
    return flatten([np.asarray(claimed[i], dtype=np.float64) for i in at.free])


def test_the_mistakes_are_well_described() -> None:
    assert len(ALL) >= 80
    assert len({mistake.name for mistake in ALL}) == len(ALL)
    assert {mistake.layer.name for mistake in ALL} == set(LAYER)
    for mistake in ALL:
        assert mistake.name.isidentifier()
        assert mistake.wrong.name == mistake.name
        assert mistake.wrong.facts == mistake.layer.facts
        assert mistake.expected
        assert set(mistake.expected) <= set(mistake.layer.differentiable)
        assert mistake.family == mistake.family.strip().lower() != ""
        assert mistake.says
        assert not mistake.says.endswith(".")
    assert len({(mistake.layer.name, mistake.says) for mistake in ALL}) == len(ALL)


def test_half_of_the_mistakes_are_held_back_by_their_names() -> None:
    assert set(map(named, DEVELOPMENT)).isdisjoint(map(named, HELD_BACK))
    assert len(DEVELOPMENT) + len(HELD_BACK) == len(ALL)
    assert 0.4 < len(HELD_BACK) / len(ALL) < 0.6
    # Their sha256 begin with 9c and 7b.
    assert "conv_dw_rotated" in map(named, DEVELOPMENT)
    assert "dense_dw_transposed" in map(named, HELD_BACK)
