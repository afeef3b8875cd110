"""Every entry of every gradient: exactly where that can be done, and whatever a backward returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.tables import claimed_pattern, gradient_tables
from cnngrad.core.call import Calls, Evaluation
from cnngrad.core.case import Case
from cnngrad.core.errors import LayerRaised
from cnngrad.core.layer import Layer
from cnngrad.layers import conv2d, sigmoid
from tests.checks.judging import layer_of

W = np.array([[1.0, 0.0, -2.0], [0.0, 3.0, 0.0]])  # no output depends on every input


def linear(x: Any, b: Any) -> Any:
    """``y = W x + b``."""
    return W @ x + b, lambda dy: (W.T @ dy, dy)


def of_two(vjp: Any = linear) -> Layer:
    return layer_of(vjp, ("x", "b"), shapes={"x": (3,), "b": (2,)})


def pattern_of(layer: Layer) -> tuple[Any, Calls]:
    at = Evaluation(layer, Case().point(layer))
    return claimed_pattern(at, 2), at.calls


def test_the_pattern_is_that_of_the_claimed_jacobian() -> None:
    """One forward, and one backward an output."""
    found, calls = pattern_of(of_two())
    assert found.tolist() == np.hstack([W != 0, np.eye(2) != 0]).tolist()
    assert calls == Calls(forward=1, backward=2)


def test_a_backward_that_can_be_called_once_only_gets_a_forward_for_each() -> None:
    def once(x: Any, b: Any) -> Any:
        cache = [W]
        return W @ x + b, lambda dy: (cache.pop().T @ dy, dy)

    found, calls = pattern_of(of_two(once))
    assert found.tolist() == np.hstack([W != 0, np.eye(2) != 0]).tolist()
    assert calls == Calls(forward=2, backward=3)

    def never(x: Any, b: Any) -> Any:
        return W @ x + b, lambda dy: 1 / 0

    with pytest.raises(LayerRaised, match="division by zero"):
        pattern_of(of_two(never))


@pytest.mark.parametrize(
    "returned",
    [None, np.ones(2), [[1.0], [1.0, 2.0], 3.0], np.array(["a"] * 3), np.ones(3) * 1j, "nothing"],
    ids=["none", "wrong size", "ragged", "text", "complex", "string"],
)
def test_a_gradient_that_cannot_be_compared_claims_nothing(returned: Any) -> None:
    """The table shows it as it came, beside the numbers."""
    layer = of_two(lambda x, b: (W @ x + b, lambda dy: (returned, dy)))
    assert pattern_of(layer)[0].tolist() == np.hstack([np.zeros((2, 3)) != 0, np.eye(2) != 0]).tolist()
    point = Case().point(layer)
    found = gradient_tables(layer, point)
    assert found["x"].analytic is returned
    dy = point.cotangent(2)
    for name, true in (("x", W.T @ dy), ("b", dy)):
        assert found[name].numeric.tolist() == true.tolist()
        assert not found[name].bound.any()


def test_memory_for_the_pattern_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    for most, there in ((9, False), (10, True)):
        monkeypatch.setattr("cnngrad.checks.tables.MOST", most)
        assert (pattern_of(of_two())[0] is not None) == there
        assert gradient_tables(of_two(), Case().point(of_two())).keys() == {"x", "b"}  # one by one where it is not


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


def test_few_forwards_do_at_the_border_of_a_domain_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps keep to the room that every entry has."""

    def vjp(x: Any) -> Any:
        if not np.all((np.real(x) > 0) & (np.real(x) < 4)):
            raise ValueError("outside")
        return 2 * x, lambda dy: (2 * dy,)

    def draw(rng: Any, shape: Any, d: Any) -> Any:
        return np.append(np.ones(29), 4 - 2.0**-30)

    layer = layer_of(vjp, shapes={"x": (30,)}, domain={"x": (0.0, 4.0)}, draw={"x": draw})
    tables, calls = tables_with_calls(layer, monkeypatch)
    assert np.array_equal(tables["x"].analytic, tables["x"].numeric)
    assert not tables["x"].bound.any()
    assert calls.forward < 30


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
