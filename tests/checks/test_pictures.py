"""What pictures are drawn from: the numbers of the check itself, few forwards, and nothing that turns a verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.checks.cells import Cells
from cnngrad.checks.pictures import CELLS, pictures, pictures_after, telling_cases
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.case import Case
from cnngrad.core.picture import Picture
from cnngrad.report import Report
from cnngrad.search import explicit_cases
from tests.report.results import failure, result


def smooth(factor: float = 1.0, gradient: Any = None, **facts: Any) -> cg.Layer:
    """``y = tanh(x)``; a factor other than 1 makes the gradient wrong."""

    def vjp(x: Any) -> Any:
        y = np.tanh(x)
        return y, lambda dy: (factor * (1 - y * y) * dy if gradient is None else gradient(dy),)

    return cg.Layer(vjp, ("x",), "smooth", **facts)


def picture(layer: cg.Layer, values: str = "normal") -> Picture:
    (found,) = pictures(layer, Case(values=values).point(layer))
    return found


@pytest.mark.parametrize(("factor", "agree"), [(1.0, True), (1.01, False)])
def test_every_entry_of_a_small_gradient(factor: float, agree: bool) -> None:
    found = picture(smooth(factor, shapes={"x": (2, 3)}))
    assert (found.shape, found.block, found.claimed.shape) == ((2, 3), (1, 1), (2, 3))
    off = np.abs(found.claimed - found.numeric)
    assert np.all(off <= found.bound) == agree
    assert np.all(found.bound < 1e-9)


def test_no_entry_of_a_right_layer_looks_wrong() -> None:
    for layer in (cg.layers.sigmoid, cg.layers.softmax_cross_entropy, cg.layers.batch_norm, cg.layers.max_pool):
        for case in list(explicit_cases(layer, "quick", 0))[:4]:
            for values in (case.values, "saturated", "scale:1e6"):
                for found in pictures(layer, case.with_values(values).point(layer)):
                    there = np.isfinite(found.numeric)
                    wrong = there & ~(np.abs(found.claimed - found.numeric) <= found.bound)
                    assert not wrong.any(), (layer.name, found.input, case, values)


@pytest.mark.parametrize(("factor", "agree"), [(1.0, True), (1.01, False)])
def test_a_large_gradient_is_summed_up_in_blocks(factor: float, agree: bool) -> None:
    calls = 0
    inner = smooth(factor)

    def counting(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return inner(x)

    found = picture(cg.Layer(counting, ("x",), "large", shapes={"x": (3, 20, 30)}))
    assert found.block == (1, 4, 4)
    assert found.claimed.size == found.numeric.size == 3 * 5 * 8 <= CELLS
    assert np.all(np.abs(found.claimed - found.numeric) <= found.bound) == agree
    assert calls < 40 * CELLS


def test_a_block_is_the_mean_of_its_entries() -> None:
    found = picture(
        cg.Layer(lambda x: (x @ np.arange(300.0), lambda dy: (dy * np.arange(300.0),)), ("x",), shapes={"x": (300,)})
    )
    cells = np.arange(300.0).reshape(-1, found.block[0]).mean(axis=1)
    assert np.allclose(found.claimed / found.claimed[1] * cells[1], cells)
    assert np.allclose(found.numeric, found.claimed)


def test_blocks_cover_every_shape() -> None:
    for shape, most, block in (
        ((), 16, ()),
        ((5,), 16, (1,)),
        ((40,), 16, (4,)),
        ((3, 1, 9), 9, (1, 1, 4)),
        ((99, 99), 99**2, (1, 1)),
    ):
        assert Cells.at_most(most, shape).block == block, shape


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_zero_bits_by_chance_are_not_called_exact(factor: float) -> None:
    """At the point and at the first step the only output ends in zero bits, and what is rounded away is the truth."""
    at = np.array([0.5, 0.25])

    there = np.sum(np.sin(at))

    def vjp(x: Any) -> Any:
        y, moved = np.sum(np.sin(x)), np.max(np.abs(x - at))
        if np.isrealobj(x) and (moved == 0 or 2.0**-29 < moved < 2.0**-26):
            y = np.round(there * 2.0**44) / 2.0**44 + np.round((y - there) * 2.0**44) / 2.0**44
        return y, lambda dy: (factor * np.cos(x) * dy,)

    layer = cg.Layer(vjp, ("x",), "chance", shapes={"x": (2,)}, draw={"x": lambda rng, shape, d: at})
    point = Case().point(layer)
    table = gradient_tables(layer, point)["x"]
    off = np.abs(table.numeric - np.cos(at) * point.cotangent(1))
    assert np.all(off <= table.bound)
    (found,) = pictures(layer, point)
    assert np.all((np.abs(found.claimed - found.numeric) <= found.bound) == (factor == 1.0))


def test_the_curve_falls_and_rises_and_holds_the_claim() -> None:
    right, wrong = (picture(smooth(factor, shapes={"x": (2, 3)})).curve for factor in (1.0, 1.5))
    for curve in (right, wrong):
        assert curve is not None
        assert curve.value is not None
        errors = np.abs(curve.slopes - curve.value)
        best = int(np.argmin(errors))
        assert 5 < best < 20
        assert min(errors[0], errors[-1]) > 1e6 * errors[best]
        assert np.all(np.diff(curve.steps) < 0)
    assert abs(right.claimed - right.value) <= right.bound  # type: ignore[union-attr, operator]  # a kind of picture that has these
    assert abs(wrong.claimed - wrong.value) > 1e6 * wrong.bound  # type: ignore[union-attr, operator]  # a kind of picture that has these


def test_what_cannot_be_had_is_left_blank() -> None:
    for gradient in (lambda dy: None, lambda dy: dy[:1], lambda dy: np.full(3, np.nan), lambda dy: 1j * dy):
        found = picture(smooth(gradient=gradient, shapes={"x": (3,)}))
        assert np.all(np.isnan(found.claimed))
        assert np.all(np.isfinite(found.numeric))
        assert found.curve is None
    zeros = {"x": lambda rng, shape, d: np.zeros(shape)}
    kinked = picture(
        cg.Layer(lambda x: (np.abs(x), lambda dy: (0 * dy,)), ("x",), "abs", shapes={"x": (2,)}, draw=zeros)
    )
    assert np.all(np.isnan(kinked.numeric))
    assert kinked.curve is not None
    assert kinked.curve.value is None


def raises(dy: Any) -> Any:
    raise ValueError("no")


def test_a_layer_that_raises_has_none() -> None:
    layer = smooth(gradient=raises, shapes={"x": (3,)})
    assert pictures(layer, Case().point(layer)) == ()


def test_the_cases_worth_a_picture() -> None:
    small, large, huge, own = (Case((("n", n),)) for n in (2, 8, 999, 4))
    own = Case(values="file:x.npz")
    passed = [
        result(case=case, entries=entries) for case, entries in ((small, 4), (large, 64), (huge, 9999), (own, 100))
    ]
    assert telling_cases(passed) == (large,)
    assert telling_cases([*passed, failure(case=small)]) == (small, large)
    assert telling_cases([failure(case=small)]) == (small,)
    assert telling_cases([result(case=own)]) == ()
    assert telling_cases([]) == ()


def test_a_failure_is_drawn_a_second_time_only_where_there_is_more_to_see() -> None:
    layer = smooth(2.0, dims={"n": (1, 8)}, shapes=lambda d: {"x": (d.n,)})
    one, two, eight = (Case((("n", n),)) for n in (1, 2, 8))
    passed = result(name="x", case=two, entries=2)
    for case, drawn in ((one, [one, two]), (eight, [eight])):
        found = pictures_after(layer, [failure(name="x", case=case, entries=case.sizes["n"]), passed], one.point(layer))
        assert [each.case for each in found] == drawn


def test_pictures_are_made_on_demand_and_turn_no_verdict() -> None:
    calls = 0

    def vjp(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return 2 * x, lambda dy: (3 * dy,)

    layer = cg.Layer(vjp, ("x",), "wrong", dims={"n": (1, 4)}, shapes=lambda d: {"x": (d.n,)})
    report = cg.check(layer, raise_on_failure=False, effort="quick")
    before, text = calls, report.to_json()
    found, *_ = report.pictures
    assert calls > before
    assert found.case == report.failures[0].case
    made = calls
    assert report.pictures[0] is found
    assert (calls, report.to_json()) == (made, text)
    assert Report("bare", ()).pictures == ()


def test_arrays_of_the_users_own() -> None:
    (found,) = cg.check(cg.layers.relu, np.array([[1.0, -2.0]]), effort="quick").pictures
    assert found.shape == (1, 2)
    assert found.claimed[0, 1] == found.numeric[0, 1] == 0


def test_a_declared_domain_is_not_left() -> None:
    def vjp(x: Any) -> Any:
        if np.any(np.real(x) <= 0):
            raise ValueError("the logarithm of a negative number")
        return np.log(x), lambda dy: (dy / x,)

    found = picture(cg.Layer(vjp, ("x",), "log", shapes={"x": (3,)}, domain={"x": (0.0, 4.0)}))
    assert found.curve is not None
    assert np.all(np.isfinite(found.curve.slopes))
    assert np.all(np.abs(found.claimed - found.numeric) <= found.bound)
