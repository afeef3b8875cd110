"""The configurations always tried: every pair of values that the layer allows, and no other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from cnngrad.core.configurations import COMMON, at_random, covering, values_of
from cnngrad.core.features import WINDOWS, features_of_sizes
from cnngrad.core.layer import Layer

Sizes = dict[str, int]
Where = Callable[[Any], bool]


def layer_of(dims: dict[str, tuple[int, int]] | None, where: Where | None = None) -> Layer:
    return Layer(lambda x: None, ("x",), "demo", dims=dims, shapes={"x": (1,)}, where=where)  # type: ignore[arg-type, return-value]  # a forward that is never called


def valid(layer: Layer) -> list[Sizes]:
    """Every valid configuration of the values worth pairing, by brute force."""
    choices = {name: values_of(limits) for name, limits in (layer.dims or {}).items()}
    every = (dict(zip(choices, values, strict=True)) for values in product(*choices.values()))
    return [sizes for sizes in every if layer.allows(sizes)]


def pairs(configurations: list[Sizes]) -> set[tuple[Any, ...]]:
    return {pair for sizes in configurations for pair in combinations(sizes.items(), 2)}


@pytest.mark.parametrize(
    ("limits", "values"),
    [
        ((1, 1), (1,)),
        ((0, 1), (0, 1)),
        ((1, 3), (1, 2, 3)),
        ((1, 4), (1, 2, 3, 4)),
        ((1, 8), (1, 2, 5, 8)),
        ((-3, 5), (-3, -2, 1, 5)),
    ],
)
def test_the_values_of_a_dim_worth_pairing(limits: tuple[int, int], values: tuple[int, ...]) -> None:
    assert values_of(limits) == values


WHERES: dict[str, Where | None] = {
    "free": None,
    "window fits": lambda d: d.height + 2 * d.pad >= d.k,
    "divides": lambda d: d.height % d.k == 0,
    "odd": lambda d: (d.height + d.k + d.pad) % 2 == 1,
    "narrow": lambda d: d.height == 8 or d.k == 1,
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("where", WHERES)
def test_every_valid_pair_occurs(where: str, seed: int) -> None:
    layer = layer_of({"n": (1, 3), "height": (1, 8), "k": (1, 4), "pad": (0, 2)}, WHERES[where])
    chosen = covering(layer, seed)
    assert pairs(chosen) >= pairs(valid(layer))
    assert all(layer.allows(sizes) for sizes in chosen)
    assert len({tuple(sizes.items()) for sizes in chosen}) == len(chosen) < 40


IMAGES = {"n": (1, 3), "height": (1, 8), "width": (1, 8), "kh": (1, 4), "kw": (1, 4), "stride": (1, 3), "pad": (0, 2)}


def fits(d: Any) -> bool:
    return bool(d.height + 2 * d.pad >= d.kh and d.width + 2 * d.pad >= d.kw)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_pair_of_features_and_their_opposites_occurs_early(seed: int) -> None:
    layer = layer_of(IMAGES, fits)
    names = [name for name in WINDOWS if name != "dilation > 1"]
    early = [set(features_of_sizes(sizes)) for sizes in covering(layer, seed)[:30]]
    ever = [set(features_of_sizes(sizes)) for sizes in at_random(layer, 400, seed)]
    for a, b in combinations(names, 2):
        for wanted in product((True, False), repeat=2):
            often = sum(((a in have), (b in have)) == wanted for have in ever) > 20
            assert not often or any(((a in have), (b in have)) == wanted for have in early), (a, b, wanted)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_common_combinations_are_among_the_first(seed: int) -> None:
    first = [
        have | {f"not {name}" for name in {*WINDOWS, "batch > 1"} - have}
        for sizes in covering(layer_of(IMAGES, fits), seed)[:8]
        if (have := set(features_of_sizes(sizes)))
    ]
    for wanted in COMMON:
        assert any(wanted <= have for have in first), wanted
    assert any({"H != W", "remainder"} <= have for have in first)


def test_features_of_names_that_say_nothing_add_nothing() -> None:
    plain = layer_of({name: limits for name, limits in zip("abcefgi", IMAGES.values(), strict=True)})
    assert len(covering(plain)) < len(covering(layer_of(IMAGES)))


def test_few_are_needed_for_many_dims() -> None:
    layer = layer_of({name: (1, 8) for name in "abcdefgh"})
    assert len(valid(layer)) == 4**8
    assert 16 <= len(covering(layer)) <= 40


def test_the_corners_are_there() -> None:
    chosen = covering(layer_of({"a": (2, 9), "b": (0, 7), "c": (1, 5)}))
    assert {"a": 2, "b": 0, "c": 1} in chosen
    assert {"a": 9, "b": 7, "c": 5} in chosen


def test_a_single_dim_takes_each_of_its_values() -> None:
    assert sorted(sizes["n"] for sizes in covering(layer_of({"n": (1, 8)}))) == [1, 2, 5, 8]
    assert sorted(sizes["n"] for sizes in covering(layer_of({"n": (1, 8)}, lambda d: d.n % 2 == 0))) == [2, 8]


def test_where_may_exclude_all_chosen_values_but_not_all_values() -> None:
    assert covering(layer_of({"n": (1, 8)}, lambda d: d.n == 6)) == [{"n": 6}]
    assert covering(layer_of({"n": (1, 8), "m": (1, 8)}, lambda d: d.n == 6 and d.m == 7)) == [{"n": 6, "m": 7}]


def test_where_may_exclude_everything() -> None:
    assert covering(layer_of({"n": (1, 3), "m": (1, 3)}, lambda d: False)) == []


def test_without_dims_there_is_one_configuration() -> None:
    assert covering(layer_of(None)) == covering(layer_of({})) == [{}]


def test_the_seed_decides() -> None:
    layer = layer_of({name: (1, 8) for name in "abcd"})
    assert covering(layer, 3) == covering(layer, 3) != covering(layer, 4)


@pytest.mark.parametrize("limits", [[1, 8], (np.int64(1), np.int32(8)), range(1, 9, 7)])
def test_limits_may_be_given_in_other_ways(limits: Any) -> None:
    assert covering(layer_of({"n": limits, "m": (1, 2)})) == covering(layer_of({"n": (1, 8), "m": (1, 2)}))


def test_the_answer_is_the_callers_own() -> None:
    layer = layer_of({"n": (1, 3)})
    covering(layer)[0]["n"] = 99
    assert {"n": 99} not in covering(layer)


@pytest.mark.parametrize("where", WHERES)
def test_random_configurations_are_valid_and_reach_every_value(where: str) -> None:
    layer = layer_of({"n": (1, 3), "height": (1, 8), "k": (1, 4), "pad": (0, 2)}, WHERES[where])
    found = at_random(layer, 200, seed=0)
    assert len(found) == 200
    assert all(layer.allows(sizes) for sizes in found)
    assert {sizes["height"] for sizes in found} == set(range(1, 9))
    assert found == at_random(layer, 200, seed=0) != at_random(layer, 200, seed=1)


def test_random_configurations_end_where_there_are_none() -> None:
    assert at_random(layer_of({"n": (1, 3)}, lambda d: False), 5, seed=0) == []
    assert at_random(layer_of(None), 5, seed=0) == []
    assert at_random(layer_of({"n": (1, 3)}), 0, seed=0) == []
