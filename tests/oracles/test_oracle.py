"""The noun: what an oracle refuses, what it compares, and how tightly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.oracles import ALL, Oracle, compare, oracles_for
from cnngrad.oracles.oracle import always, never
from tests.oracles.support import one_entry, spoilt

THIRD = Layer(lambda x: (x / 3, lambda dy: (dy / 3,)), ("x",), "third", shapes={"x": (4,)})
RIGHT = Oracle("division", ("third",), lambda i, c: i["x"] / 3, lambda i, c, dy: {"x": dy / 3}, exact=always)
ROUNDS = replace(RIGHT, forward=lambda i, c: i["x"] * (1 / 3), gradients=lambda i, c, dy: {"x": dy * (1 / 3)})


def hold(oracle: Oracle, layer: Layer = THIRD, values: str = "lattice") -> list[bool]:
    point = Case(values=values, seed=3).point(layer)
    return [comparison.holds for comparison in compare(oracle, layer, point, np.array([1.0, -5.0, 3.0, 7.0]))]


def test_output_and_gradient_are_compared() -> None:
    assert hold(RIGHT) == [True, True]
    assert hold(RIGHT, spoilt(THIRD, "y", one_entry)) == [False, True]
    assert hold(RIGHT, spoilt(THIRD, "dx", one_entry)) == [True, False]


def test_what_an_oracle_does_not_know_is_not_compared() -> None:
    assert hold(replace(RIGHT, forward=None)) == [True]
    assert hold(replace(RIGHT, gradients=None)) == [True]
    assert hold(replace(RIGHT, covers=never)) == []


def test_exact_oracles_are_held_to_every_bit_on_dyadic_points_only() -> None:
    assert False in hold(ROUNDS, values="lattice")
    assert hold(replace(ROUNDS, exact=never), values="lattice") == [True, True]
    assert hold(ROUNDS, values="normal") == [True, True]


def test_rounding_leaves_no_room_for_a_small_mistake() -> None:
    off = spoilt(THIRD, "dx", lambda dx: dx * (1 + 1e-12))
    assert hold(RIGHT, off, values="normal") == [True, False]


def test_terms_that_cancel_widen_the_bound_where_declared() -> None:
    def apart(y: np.ndarray) -> np.ndarray:
        return y + 1e-12

    wide = replace(RIGHT, scale=lambda i, c, dy: {"x": 1e3})
    assert hold(RIGHT, spoilt(THIRD, "dx", apart), values="normal") == [True, False]
    assert hold(wide, spoilt(THIRD, "dx", apart), values="normal") == [True, True]
    assert hold(wide, spoilt(THIRD, "y", apart), values="normal") == [False, True]


def test_a_missing_gradient_agrees_with_nothing() -> None:
    assert hold(RIGHT, spoilt(THIRD, "dx", lambda dx: None)) == [True, False]


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(
        UsageError, match=r"^the oracle 'empty' answers nothing: give it a forward, gradients, or both$"
    ):
        Oracle("empty", ("conv",))
    with pytest.raises(UsageError, match=r"^the oracle 'lost' names no layer: layers=\('conv',\)$"):
        Oracle("lost", (), lambda i, c: None)
    foreign = replace(RIGHT, layers=("half", "quarter"))
    with pytest.raises(
        UsageError, match=r"^the oracle 'division' does not answer for third; it does for half, quarter$"
    ):
        hold(foreign)


def test_oracles_are_found_by_the_name_of_the_layer() -> None:
    assert [oracle.name for oracle in oracles_for("conv")] == ["scipy.signal.correlate", "connection matrix"]
    assert oracles_for("no such layer") == ()
    assert len({(oracle.name, oracle.layers) for oracle in ALL}) == len(ALL)
