"""Every coordinate from a few forwards, and no trust in the pattern that says which ones share no output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.tables import claimed_pattern, gradient_tables
from cnngrad.core.call import Calls, Evaluation
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.differentiation.colours import coloured, colours_of
from cnngrad.layers import conv2d, sigmoid

RNG = np.random.default_rng


def test_no_two_columns_of_a_colour_share_a_row() -> None:
    pattern = RNG(0).random((40, 60)) < 0.1
    chosen = colours_of(pattern)
    for colour in range(chosen.max() + 1):
        assert pattern[:, chosen == colour].sum(axis=1).max() <= 1
    assert chosen.max() + 1 <= 2 * pattern.sum(axis=1).max()


def banded(n: int) -> Any:
    matrix = np.zeros((n, n))
    for k in range(n):
        matrix[k, max(k - 1, 0) : k + 2] = 0.5 * (1 + k % 3)
    return matrix


def test_a_band_takes_three_colours_and_is_exact() -> None:
    matrix, calls = banded(50), [0]

    def f(x: Any) -> Any:
        calls[0] += 1
        return matrix @ x

    at, dy = (2.0 * RNG(0).integers(0, 8, 50) + 1) / 16, RNG(1).choice([1.0, 3.0, -5.0], 50)
    found = coloured(f, at, dy, matrix != 0, [slice(0, 50)], RNG(2))
    assert found is not None
    assert np.array_equal(found, dy @ matrix)
    assert calls[0] <= 1 + 4 + 2


def test_a_pattern_that_lies_gives_its_colours_away() -> None:
    matrix = banded(20)
    pattern = matrix != 0
    pattern[7, 8] = False
    found = coloured(lambda x: matrix @ x, np.ones(20) / 2, np.ones(20), pattern, [slice(0, 20)], RNG(0))
    assert found is None or np.isnan(found[8]) or found[8] == (np.ones(20) @ matrix)[8]
    none = np.zeros((20, 20), dtype=bool)
    nothing = coloured(lambda x: matrix @ x, np.ones(20) / 2, np.ones(20), none, [slice(0, 20)], RNG(0))
    assert nothing is None or np.all(np.isnan(nothing))


@pytest.mark.parametrize(
    "f", [np.sin, lambda x: x / 3, lambda x: np.maximum(x - 0.5, 0)], ids=["sine", "third", "kink"]
)
def test_what_cannot_be_exact_is_left_to_others(f: Any) -> None:
    assert coloured(f, np.ones(3) / 2, np.ones(3), np.eye(3, dtype=bool), [slice(0, 3)], RNG(0)) is None


def tables_with_calls(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> Any:
    calls = Calls()
    monkeypatch.setattr("cnngrad.checks.tables.Evaluation", lambda layer, point: Evaluation(layer, point, calls))
    return gradient_tables(layer, Case(values="lattice").point(layer)), calls


def small(n: int) -> Layer:
    shapes = {"x": (n, 2, 6, 6), "w": (3, 2, 3, 3), "b": (3,)}
    return replace(conv2d, dims=None, config=None, where=None, features={}, shapes=shapes)


def test_the_table_of_a_convolution_costs_the_same_for_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = []
    for n in (1, 3):
        tables, calls = tables_with_calls(small(n), monkeypatch)
        assert all(np.array_equal(table.analytic, table.numeric) for table in tables.values())
        assert all(not table.bound.any() for table in tables.values())
        costs.append(calls.forward)
    assert max(costs) <= 60
    assert abs(costs[0] - costs[1]) <= 8


def test_the_table_shows_a_missing_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = conv2d.vjp(*inputs, **config)

        def forgetful(dy: Any) -> Any:
            dx, dw, db = backward(dy)
            dx = dx.copy()
            dx[0, 0, 2, 2] = 0
            return dx, dw, db

        return y, forgetful

    tables, _ = tables_with_calls(replace(small(1), vjp=vjp), monkeypatch)
    wrong = np.argwhere(tables["x"].analytic != tables["x"].numeric)
    assert wrong.tolist() == [[0, 0, 2, 2]]


def test_a_smooth_layer_is_differentiated_entry_by_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = replace(sigmoid, dims=None, shapes={"x": (2, 3)}, features={})
    tables, _ = tables_with_calls(layer, monkeypatch)
    assert np.all(np.abs(tables["x"].analytic - tables["x"].numeric) <= tables["x"].bound + 1e-14)


def test_memory_for_the_pattern_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnngrad.checks.tables.MOST", 5)
    layer = small(1)
    assert claimed_pattern(Evaluation(layer, Case().point(layer)), 48) is None
