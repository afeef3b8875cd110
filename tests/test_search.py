"""Which points a layer is judged at, and how a failing one is shrunk."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.internal.conjecture import providers

from cnngrad.core.case import Case
from cnngrad.core.configurations import at_random, covering
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.search import (
    EFFORTS,
    EVERYWHERE,
    cases,
    effort_named,
    explicit_cases,
    find_failing,
    inside_hypothesis_test,
    where_excluding,
)
from cnngrad.shrinking import SIMPLEST_FIRST

Where = Callable[[Any], bool]


def fits(d: Any) -> bool:
    return bool(d.height + 2 * d.pad >= d.k)


def layer_of(where: Where | None = fits, **declared: Any) -> Layer:
    facts: dict[str, Any] = {
        "dims": {"height": (1, 6), "k": (1, 3), "pad": (0, 2)},
        "shapes": lambda d: {"x": (d.height,)},
        "where": where,
    }
    return Layer(lambda x: (x, lambda dy: (dy,)), ("x",), "demo", **{**facts, **declared})


UNSIZED = Layer(lambda x: (x, lambda dy: (dy,)), ("x",), "demo", shapes={"x": (2,)})
LAYER = layer_of()
SMOOTHLY = settings(max_examples=30)


@pytest.mark.parametrize("effort", EFFORTS)
def test_explicit_cases_are_valid_reproducible_and_different(effort: str) -> None:
    for layer in (LAYER, UNSIZED):
        found = list(explicit_cases(layer, effort, 3))
        assert found == list(explicit_cases(layer, effort, 3))
        assert found != list(explicit_cases(layer, effort, 4))
        assert len(set(found)) == len(found)
        assert all(Case.parse(str(case)) == case for case in found)
        for case in found:
            assert case.point(layer)["x"].ndim == 1


@pytest.mark.parametrize(
    ("effort", "rules"),
    [
        ("quick", ("lattice", "normal")),
        ("normal", ("lattice", "normal", "kink", "saturated", "scale:1e-3")),
        ("thorough", EVERYWHERE),
        ("exhaustive", EVERYWHERE),
    ],
)
def test_shapes_without_dims_take_every_rule_of_the_effort(effort: str, rules: tuple[str, ...]) -> None:
    found = list(explicit_cases(UNSIZED, effort, 5))
    assert [case.values for case in found] == list(rules)
    assert [case.seed for case in found] == list(range(5, 5 + len(rules)))


@pytest.mark.parametrize(
    ("effort", "rules"),
    [
        ("quick", {"kink", "normal"}),
        ("normal", {"kink", "normal", "integers", "scale:1e3"}),
        ("thorough", set(EVERYWHERE[1:])),
    ],
)
def test_every_configuration_is_met_with_lattice_values_and_others_in_turn(effort: str, rules: set[str]) -> None:
    found = list(explicit_cases(LAYER, effort, 0))
    configurations = [dict(case.dims) for case in found if case.values == "lattice"]
    chosen = EFFORTS[effort]
    wanted = covering(LAYER, 0)[: chosen.configurations] + at_random(LAYER, chosen.random, 0)
    assert configurations == sorted(wanted, key=lambda sizes: sum(sizes.values()))
    others = [case for case in found if case.values != "lattice"]
    assert [dict(case.dims) for case in others] == configurations
    assert {case.values for case in others} == rules


def test_more_effort_tries_more() -> None:
    wide = layer_of(None, dims={name: (1, 8) for name in "abcd"}, shapes={"x": (2,)})
    counts = [len(list(explicit_cases(wide, effort, 0))) for effort in ("quick", "normal", "thorough", "exhaustive")]
    assert counts[0] == 2 * (8 + 2) < counts[1] <= counts[2] < counts[3] == 2 * 8**4
    assert EFFORTS["quick"].examples == EFFORTS["exhaustive"].examples == 0
    assert 0 < EFFORTS["normal"].examples < EFFORTS["thorough"].examples


def test_exhaustive_is_all_valid_configurations_and_only_those() -> None:
    found = list(explicit_cases(LAYER, "exhaustive", 0))
    every = [
        {"height": h, "k": k, "pad": p} for h, k, p in product(range(1, 7), range(1, 4), range(3)) if h + 2 * p >= k
    ]
    for rule in ("lattice", "kink"):
        assert [dict(case.dims) for case in found if case.values == rule] == every
    assert len(found) == 2 * len(every) < 2 * 6 * 3 * 3


def test_a_layer_that_declares_nothing_is_refused() -> None:
    bare = Layer(lambda x: (x, lambda dy: (dy,)), ("x",), "demo")
    with pytest.raises(UsageError, match="demo declares no shapes, so there is nothing to draw inputs from"):
        list(explicit_cases(bare, "quick", 0))
    with pytest.raises(UsageError, match="demo declares no shapes"):
        cases(bare)


@pytest.mark.parametrize("effort", ["hard", "", "Normal", 3, None])
def test_an_unknown_effort_is_refused(effort: Any) -> None:
    with pytest.raises(UsageError, match=r"effort .* is not one of quick, normal, thorough, exhaustive"):
        effort_named(effort)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match="the seed is -9"):
        [case.point(LAYER) for case in explicit_cases(LAYER, "quick", -9)]


def test_where_nothing_is_valid_there_is_no_case() -> None:
    for effort in EFFORTS:
        assert list(explicit_cases(layer_of(lambda d: False), effort, 0)) == []


def rare(point: Any) -> bool:
    return bool(point.d.height == 5 and point.d.k == 2 and point.d.pad == 0)


def three_zeros(point: Any) -> bool:
    return bool(np.sum(point["x"] == 0) >= 3)


def test_declared_features_are_reached() -> None:
    layer = layer_of(features={"rare": rare, "three zeros": three_zeros, "any": lambda point: True})
    without = list(explicit_cases(LAYER, "quick", 0))
    found = list(explicit_cases(layer, "quick", 0))
    assert found[: len(without)] == without
    for feature in (rare, three_zeros):
        assert any(feature(case.point(layer)) for case in found)
    assert not any(rare(case.point(layer)) for case in without)
    assert 0 < len(found) - len(without) <= 2
    assert all(layer.allows(case.sizes) for case in found)
    assert found == list(explicit_cases(layer, "quick", 0))


def test_features_met_on_the_way_cost_nothing_and_impossible_ones_end() -> None:
    without = list(explicit_cases(LAYER, "quick", 0))
    for feature in (lambda point: True, lambda point: False):
        assert list(explicit_cases(layer_of(features={"demo": feature}), "quick", 0)) == without


@SMOOTHLY
@given(cases(LAYER))
def test_cases_are_a_strategy_of_valid_cases(case: Case) -> None:
    assert LAYER.allows(case.sizes)
    assert case.values in SIMPLEST_FIRST
    assert case.point(LAYER)["x"].shape == (case.sizes["height"],)
    assert inside_hypothesis_test()


def test_outside_of_a_hypothesis_test() -> None:
    assert not inside_hypothesis_test()


@SMOOTHLY
@given(cases(UNSIZED))
def test_cases_of_a_layer_without_dims(case: Case) -> None:
    assert case.dims == ()
    assert case.point(UNSIZED)["x"].shape == (2,)


WIDE = layer_of(lambda d: d.a + d.b > 3, dims={"a": (1, 9), "b": (1, 9), "c": (0, 9)}, shapes={"x": (3,)})


def planted(case: Case) -> bool:
    """Wrong from a = 3 and c = 2 upwards, whatever b, and not at kinks."""
    return case.sizes["a"] >= 3 and case.sizes["c"] >= 2 and case.values != "kink"


def case_of(a: int, b: int, c: int, values: str = "integers") -> Case:
    return Case((("a", a), ("b", b), ("c", c)), values=values, seed=7)


def test_a_planted_failing_region_is_found_again_and_again() -> None:
    for seed in range(5):
        found = find_failing(WIDE, planted, 100, seed)
        assert found is not None
        assert planted(found)
        assert WIDE.allows(found.sizes)
        assert find_failing(WIDE, planted, 100, seed) == found
    assert len({find_failing(WIDE, planted, 100, seed) for seed in range(5)}) > 1


def test_the_search_does_not_depend_on_what_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[list[str]] = []
    for constants in ((), (3, 5, 9, 40, 4093)):
        monkeypatch.setattr(providers, "_get_local_constants", lambda c=constants: providers.Constants(integers=c))
        monkeypatch.setattr(providers, "CONSTANTS_CACHE", {})
        tried.append([])
        find_failing(WIDE, lambda case: bool(tried[-1].append(str(case))), 100, 0)  # type: ignore[func-returns-value]  # append notes the case
    assert tried[0] == tried[1]
    assert len(set(tried[0])) >= 90


def test_no_more_is_tried_than_asked_for() -> None:
    tried: list[Case] = []

    def never(case: Case) -> bool:
        tried.append(case)
        return False

    assert find_failing(WIDE, never, 30, 0) is None
    assert 0 < len(tried) <= 30
    tried.clear()
    assert find_failing(WIDE, never, 0, 0) is None
    assert find_failing(UNSIZED, never, 30, 0) is None
    assert tried == []


def test_a_layer_with_no_valid_configuration_has_no_failing_one() -> None:
    assert find_failing(layer_of(lambda d: False), lambda case: True, 30, 0) is None


def test_other_numbers_of_samples_where_that_is_safe() -> None:
    def others(batch_axis: Any, **shapes: tuple[int, ...]) -> list[dict[str, tuple[int, ...]]]:
        layer = Layer(lambda *a: None, tuple(shapes), "demo", shapes=shapes, batch_axis=batch_axis)  # type: ignore[arg-type]  # wrong on purpose
        return [dict(case.shapes) for case in explicit_cases(layer, "normal", 0) if case.shapes]

    assert others(0, x=(2, 5)) == [{"x": (1, 5)}, {"x": (3, 5)}]
    assert others(1, x=(5, 1)) == [{"x": (5, 3)}]
    assert others(-1, x=(5, 3)) == [{"x": (5, 1)}]
    assert others({"x": 0, "t": 0, "y": 0}, x=(2, 5), t=(2,)) == [{"x": (1, 5), "t": (1,)}, {"x": (3, 5), "t": (3,)}]
    assert others({"x": 0}, x=(2, 5), w=(5, 3)) == [{"x": (1, 5), "w": (5, 3)}, {"x": (3, 5), "w": (5, 3)}]
    assert others({"x": 0}, x=(2, 5), t=(2,)) == []  # t may go with the samples
    assert others({"x": 0, "z": 0}, x=(2, 5), z=(3,)) == []
    assert others(7, x=(2, 5)) == []
    assert others(None, x=(2, 5)) == []


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (case_of(3, 1, 2), "where=lambda d: not (d.a == 3 and d.c == 2)"),
        (case_of(1, 1, 2), "where=lambda d: not (d.c == 2)"),
        (case_of(1, 1, 0), "where=lambda d: not (d.a == 1 and d.b == 1 and d.c == 0)"),
    ],
)
def test_the_line_that_would_exclude_a_configuration(case: Case, text: str) -> None:
    assert where_excluding(WIDE, case) == text
    where: Where = eval(text.removeprefix("where="))
    assert not layer_of(where, dims=WIDE.dims).allows(case.sizes)
    assert layer_of(where, dims=WIDE.dims).allows({"a": 5, "b": 5, "c": 5})
