"""The rules numbers are drawn by: short, of the promised kind, inside the domain, the same from the same seed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cnngrad.core.arrays import round_to_bits
from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.values import (
    RULES,
    draw_cotangent,
    draw_input,
    integers,
    into_domain,
    kink,
    lattice,
    normal,
    rng_for,
    rule_named,
    saturated,
)

NAMES = (*RULES, "scale:1e-6", "scale:1e6")
SHAPES = ((), (0,), (1,), (2,), (5,), (2, 3), (7, 11), (300,), (5000,))
DOMAINS = ((0, 1), (0, np.inf), (-np.inf, 3), (5, np.inf), (-2, -1), (-np.inf, np.inf), (1e6, np.inf))


def drawn(rule: str, shape: tuple[int, ...], seed: int = 0, domain: tuple[float, float] | None = None) -> Any:
    return draw_input(rng_for(seed, "x"), rule, shape, domain, None, None)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rule", NAMES)
def test_every_rule_gives_finite_numbers_of_12_bits_in_the_shape_asked_for(rule: str, shape: tuple[int, ...]) -> None:
    values = drawn(rule, shape)
    assert values.shape == shape
    assert values.dtype == np.float64
    assert np.all(np.isfinite(values))
    assert np.array_equal(round_to_bits(values, 12), values)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 10, 100, 1000, 4096])
def test_lattice_is_distinct_odd_never_zero_and_small(size: int) -> None:
    for seed in range(5):
        values = lattice(rng_for(seed, "x"), (size,))
        assert np.unique(values).size == size
        assert np.min(np.abs(values)) > 0
        assert np.max(np.abs(values)) <= 4
        odd = values * 2.0 ** max(4, np.ceil(np.log2(size)) - 2)
        assert np.all(np.abs(odd) % 2 == 1)


def test_beyond_what_12_bits_hold_lattice_repeats_as_little_as_it_can() -> None:
    _, counts = np.unique(lattice(rng_for(0, "x"), (10_000,)), return_counts=True)
    assert 2 <= counts.max() <= 3


def test_integers_are_whole_distinct_and_small() -> None:
    for size in (1, 2, 3, 7, 50):
        values = integers(rng_for(size, "x"), (size,))
        assert np.all(values % 1 == 0)
        assert np.all(values != 0)
        assert np.unique(values).size == size
        assert np.max(np.abs(values)) <= max(2, (size + 1) // 2)


def test_kink_meets_zeros_and_ties() -> None:
    values = kink(rng_for(0, "x"), (400,))
    assert set(values) == {-1.0, 0.0, 1.0, 2.0}
    assert 0.3 < np.mean(values == 0) < 0.5
    assert set(normal(rng_for(0, "x"), (400,))).isdisjoint({0.0, 1.0})


def test_the_sizes_of_the_random_rules() -> None:
    for rule, size in ((normal, 1.0), (saturated, 12.0), (rule_named("scale:1e-6"), 1e-6), (rule_named("scale:3"), 3)):
        assert 0.9 * size < np.std(rule(rng_for(0, "x"), (5000,))) < 1.1 * size


@pytest.mark.parametrize(
    "name", ["", "Lattice", "lattice ", "gauss", "scale", "scale:", "scale:x", "scale:0", "scale:-1", "scale:inf", "é"]
)
def test_an_unknown_rule_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        rule_named(name)
    assert f"values={name} is no rule for values; accepted: lattice, integers, normal, kink, saturated" in str(
        caught.value
    )
    assert "scale:<number> such as scale:1e6, or file:<path" in str(caught.value)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("rule", [*NAMES, "scale:1e20"])
def test_domains_are_open_and_kept(rule: str, domain: tuple[float, float]) -> None:
    low, high = domain
    for seed in range(20):
        values = drawn(rule, (12,), seed, domain)
        assert np.all((low < values) & (values < high))
        assert np.all(np.isfinite(values))
    assert not np.all((low < drawn(rule, (200,))) & (drawn(rule, (200,)) < high)) or np.isneginf(low)


def test_without_a_domain_numbers_leave_it() -> None:
    assert not np.all((drawn("normal", (12,)) > 0) & (drawn("normal", (12,)) < 1))


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_keeps_order_and_distinctness(domain: tuple[float, float]) -> None:
    values = np.array([-9.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0, 30.0])
    assert np.all(np.diff(into_domain(values, *domain)) > 0)


def test_numbers_in_a_domain_are_short_where_12_bits_can_tell_them_from_its_ends() -> None:
    values = drawn("normal", (50,), domain=(0, 1))
    assert np.array_equal(round_to_bits(values), values)
    near_the_end = drawn("scale:1e6", (50,), domain=(-np.inf, 3))
    assert not np.array_equal(round_to_bits(near_the_end), near_the_end)


def test_a_layers_own_draw_comes_first() -> None:
    def own(rng: np.random.Generator, shape: tuple[int, ...], d: Any) -> Any:
        return rng.integers(0, d.classes, shape)

    labels = draw_input(rng_for(0, "t"), "normal", (50,), (0, 1), own, SimpleNamespace(classes=3))
    assert set(labels) == {0, 1, 2}


@pytest.mark.parametrize("rule", NAMES)
def test_the_seed_decides_and_every_purpose_has_its_own_stream(rule: str) -> None:
    assert np.array_equal(drawn(rule, (50,), 3), drawn(rule, (50,), 3))
    assert not np.array_equal(drawn(rule, (50,), 3), drawn(rule, (50,), 4))
    other = draw_input(rng_for(3, "w"), rule, (50,), None, None, None)
    assert not np.array_equal(drawn(rule, (50,), 3), other)


def test_the_order_and_number_of_inputs_do_not_matter() -> None:
    shapes = {"x": (4,), "w": (3, 2), "b": ()}

    def point(*names: str) -> Any:
        return Case(seed=5).point(Layer(lambda *a: a, names, "demo", shapes={n: shapes[n] for n in names}))

    whole = point("x", "w", "b")
    for names in (("b", "w", "x"), ("w", "x"), ("b",)):
        assert all(np.array_equal(point(*names)[name], whole[name]) for name in names)


def test_the_same_numbers_on_every_machine() -> None:
    assert drawn("lattice", (4,)).tolist() == [-0.0625, 0.0625, -0.1875, 0.1875]
    assert drawn("lattice", (2, 2)).tolist() == [[-0.0625, 0.0625], [-0.1875, 0.1875]]


@pytest.mark.parametrize("seed", [-1, 1.5, None, "7"])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(UsageError, match=r"the seed is .*; it takes a whole number, 0 or more"):
        rng_for(seed, "x")


def test_any_other_seed_will_do() -> None:
    assert rng_for(2**100, "ü").random() != rng_for(np.int64(0), "ü").random()  # type: ignore[arg-type]  # wrong on purpose


def test_cotangents_are_neither_all_ones_nor_of_one_size() -> None:
    for rule in NAMES:
        for seed in range(20):
            dy = draw_cotangent(rng_for(seed, "dy0"), rule, 40)
            assert np.unique(np.abs(dy)).size > 2
            assert np.all(dy != 0)
            assert np.array_equal(round_to_bits(dy), dy)
    assert set(draw_cotangent(rng_for(0, "dy0"), "lattice", 400)) == {-7, -5, -3, -1, 1, 3, 5, 7}
    assert draw_cotangent(rng_for(0, "dy0"), "normal", 0).shape == (0,)
