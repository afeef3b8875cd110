"""How a failing case becomes the smallest configuration, with the simplest values, that still fails."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from cnngrad.core.case import Case
from cnngrad.shrinking import SHRINK_TRIES, SIMPLEST_FIRST, shrink, smaller_than
from tests.test_search import UNSIZED, WIDE, case_of, layer_of, planted


@pytest.mark.parametrize("values", ["lattice", "normal", "saturated", "scale:1e6"])
@pytest.mark.parametrize("start", [(9, 9, 9), (3, 9, 2), (4, 1, 8), (9, 2, 3)])
def test_shrinking_ends_at_the_planted_minimum(start: tuple[int, int, int], values: str) -> None:
    assert shrink(WIDE, case_of(*start, values=values), planted) == case_of(3, 1, 2, "integers")


def test_the_simplest_values_that_fail_are_taken() -> None:
    for needed in SIMPLEST_FIRST:
        order = SIMPLEST_FIRST.index(needed)
        smallest = shrink(
            WIDE,
            case_of(9, 9, 9, "saturated"),
            lambda case, o=order: case.values == "saturated" or case.values in SIMPLEST_FIRST[o:],  # type: ignore[misc]  # bound at once
        )
        assert smallest.values == needed
    assert shrink(WIDE, case_of(9, 9, 9, "saturated"), lambda case: case.values == "saturated").values == "saturated"


def test_values_are_never_made_less_simple() -> None:
    assert shrink(WIDE, case_of(3, 1, 2, "lattice"), lambda case: case.values != "integers").values == "lattice"


def test_a_minimum_that_only_single_steps_reach() -> None:
    odd = layer_of(None, dims={"a": (1, 99), "b": (1, 99)}, shapes={"x": (3,)})
    for a_smaller in range(7, 99):
        found = shrink(odd, Case((("a", 99), ("b", 1))), lambda case, a=a_smaller: case.sizes["a"] >= a)  # type: ignore[misc]  # bound at once
        assert found.sizes == {"a": a_smaller, "b": 1}


def test_where_is_kept_while_shrinking() -> None:
    seen: list[Case] = []
    smallest = shrink(WIDE, case_of(9, 9, 9), lambda case: bool(seen.append(case)) or True)  # type: ignore[func-returns-value]  # append notes the call, its None does not matter
    assert smallest.sizes["a"] + smallest.sizes["b"] == 4
    assert smallest.sizes["c"] == 0
    assert all(WIDE.allows(case.sizes) for case in seen)


def test_what_cannot_shrink_stays_and_tries_are_counted() -> None:
    start = case_of(9, 9, 9, "saturated")
    tried: list[Case] = []
    assert shrink(WIDE, start, lambda case: bool(tried.append(case))) == start  # type: ignore[func-returns-value]  # append notes the call, its None does not matter
    assert 0 < len(tried) <= SHRINK_TRIES


def test_shrinking_ends_even_where_every_step_is_a_small_one() -> None:
    tall = layer_of(None, dims={"a": (1, 10**6)}, shapes={"x": (3,)})
    tried: list[int] = []
    largest = 10**6

    def one_less(case: Case) -> bool:
        nonlocal largest
        tried.append(case.sizes["a"])
        shrinks = case.sizes["a"] == largest - 1
        largest -= shrinks
        return shrinks

    smallest = shrink(tall, Case((("a", 10**6),), values="integers"), one_less)
    assert smallest.sizes["a"] == largest < 10**6
    assert len(tried) <= SHRINK_TRIES


SQUARE = layer_of(lambda d: d.height >= d.k, dims={"height": (1, 9), "k": (1, 5), "stride": (1, 5)}, shapes={"x": (3,)})


@pytest.mark.parametrize(
    ("wrong", "start", "smallest"),
    [
        (lambda s: s["height"] == s["k"] > 1, (5, 5, 1), (2, 2, 1)),  # two smaller by the same
        (lambda s: s["k"] == s["stride"] > 1 and s["height"] > s["k"], (9, 4, 4), (3, 2, 2)),  # all of one value
        (lambda s: s["k"] == s["stride"] > 1 and s["height"] == 3, (3, 3, 3), (3, 2, 2)),  # all but one
        (lambda s: s["k"] == s["stride"] > 1 and s["height"] == s["k"] + 1, (4, 3, 3), (3, 2, 2)),  # all by one
        (lambda s: s["stride"] > 1 or s["k"] == 5, (9, 5, 2), (1, 1, 2)),  # the boldest first
        (lambda s: s["k"] == 3 or s["height"] == 2, (3, 3, 1), (2, 1, 1)),  # one up, another down by more
        (lambda s: s["height"] % 4 == 2, (6, 1, 1), (2, 1, 1)),  # not the next one, but one below
    ],
)
def test_shrinking_gets_past_where_single_steps_end(
    wrong: Callable[[dict[str, int]], bool], start: tuple[int, ...], smallest: tuple[int, ...]
) -> None:
    case = Case(tuple(zip(("height", "k", "stride"), start, strict=True)), values="integers")
    assert wrong(case.sizes)
    assert tuple(shrink(SQUARE, case, lambda case: wrong(case.sizes)).sizes.values()) == smallest


def test_another_draw_of_the_numbers_may_be_smaller_or_simpler() -> None:
    def seldom(case: Case) -> bool:
        return case.seed == 2 or (case.sizes["a"] >= 3 and case.values == "normal")

    smallest = shrink(WIDE, case_of(9, 9, 9, "normal"), seldom)
    assert smallest.seed == 2
    assert smallest.values == "integers"
    assert smallest.sizes["a"] + smallest.sizes["b"] == 4


def test_no_change_makes_a_configuration_larger_or_leaves_the_dims() -> None:
    lowest = {"a": 1, "b": 0, "c": 2}
    for a, b, c in product(range(1, 4), range(3), range(2, 5)):
        sizes = {"a": a, "b": b, "c": c}
        changes = list(smaller_than(sizes, lowest))
        assert all(sum({**sizes, **change}.values()) < a + b + c for change in changes)
        assert all(size >= lowest[name] for change in changes for name, size in change.items())
        assert bool(changes) == (sizes != lowest)
    narrow = layer_of(None, dims={"a": (1, 3), "b": (0, 0)}, shapes={"x": (3,)})
    seen: list[Case] = []
    shrink(narrow, Case((("a", 3), ("b", 0))), lambda case: bool(seen.append(case)))  # type: ignore[func-returns-value]  # append notes the call, its None does not matter
    assert all(case.sizes["b"] == 0 for case in seen)


def test_a_layer_without_dims_shrinks_its_values_only() -> None:
    assert shrink(UNSIZED, Case(values="normal", seed=4), lambda case: True) == Case(values="integers", seed=4)
