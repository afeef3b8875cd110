"""What pictures are drawn from: the numbers of the check itself, few forwards, and nothing that turns a verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.checks.pictures import CELLS, pictures
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.case import Case
from cnngrad.core.picture import Picture
from cnngrad.search import explicit_cases


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
    assert (found.input, found.case) == ("x", Case(values="normal"))
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


def test_how_fine_a_picture_is_depends_on_all_inputs() -> None:
    """128 entries in all are drawn one by one; of more every input has its share of 128 cells."""

    def vjp(*inputs: Any) -> Any:
        return inputs, lambda dy: dy

    for sizes, blocks in (((128,), [1]), ((129,), [2]), ((100, 28), [1, 1]), ((100, 29), [2, 1]), ((20,) * 9, [2] * 9)):
        names = tuple("abcdefghi"[: len(sizes)])
        layer = cg.Layer(vjp, names, "same", shapes={name: (size,) for name, size in zip(names, sizes, strict=True)})
        found = pictures(layer, Case(values="integers").point(layer))
        assert [each.input for each in found] == list(names)
        assert [each.block for each in found] == [(block,) for block in blocks], sizes


def test_a_gradient_that_can_be_had_exactly_costs_few_forwards_and_allows_for_rounding_alone() -> None:
    calls = 0

    def vjp(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return 2 * x, lambda dy: (2 * dy,)

    ones = {"x": lambda rng, shape, d: np.ones(shape)}
    found = picture(cg.Layer(vjp, ("x",), "double", shapes={"x": (60,)}, draw=ones), "lattice")
    assert np.array_equal(found.claimed, found.numeric)
    assert np.array_equal(found.bound, 2.0**-46 * np.abs(found.claimed))
    assert calls < 60 + 52  # the curve alone takes 52


@pytest.mark.parametrize(("claimed", "found_again"), [(2.0, True), (4.0, False)])
def test_a_difference_that_misleads_is_taken_again(claimed: float, found_again: bool) -> None:
    """At steps neither too short nor too long the layer falls as it ought to rise, and the difference is exact."""
    at = np.array([1.0, -1.0])
    sign = 1.0 if found_again else -1.0

    def falling(longest: float) -> Picture:
        def vjp(x: Any) -> Any:
            slope = -claimed if 2.0**-27 < np.max(np.abs(x - at)) <= longest else 2.0
            return 2 * at + slope * (x - at), lambda dy: (claimed * dy,)

        return picture(cg.Layer(vjp, ("x",), "falling", shapes={"x": (2,)}, draw={"x": lambda rng, shape, d: at}))

    each = falling(np.inf)
    assert np.array_equal(each.numeric, sign * each.claimed)
    curve = falling(2.0**-26).curve
    assert curve is not None
    assert (curve.value, curve.bound, curve.how) == (sign * curve.claimed, 0.0, "exact")


def test_a_block_is_the_mean_of_its_entries() -> None:
    found = picture(
        cg.Layer(lambda x: (x @ np.arange(300.0), lambda dy: (dy * np.arange(300.0),)), ("x",), shapes={"x": (300,)})
    )
    cells = np.arange(300.0).reshape(-1, found.block[0]).mean(axis=1)
    assert np.allclose(found.claimed / found.claimed[1] * cells[1], cells)
    assert np.allclose(found.numeric, found.claimed)


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
        assert curve.how == "complex step"
        errors = np.abs(curve.slopes - curve.value)
        best = int(np.argmin(errors))
        assert 5 < best < 20
        assert min(errors[0], errors[-1]) > 1e6 * errors[best]
        assert np.all(np.diff(curve.steps) < 0)
    assert abs(right.claimed - right.value) <= right.bound  # type: ignore[union-attr, operator]  # a kind of picture that has these
    assert abs(wrong.claimed - wrong.value) > 1e6 * wrong.bound  # type: ignore[union-attr, operator]  # a kind of picture that has these


def test_what_cannot_be_had_is_left_blank() -> None:
    for returned in (
        None,
        np.ones(1),
        np.full(3, np.nan),
        np.ones(3) * 1j,
        [[1.0], [1.0, 2.0], 3.0],
        np.array(["a"] * 3),
    ):
        found = picture(smooth(gradient=lambda dy, returned=returned: returned, shapes={"x": (3,)}))
        assert np.all(np.isnan(found.claimed))
        assert np.all(np.isfinite(found.numeric))
        assert found.curve is None
    zeros = {"x": lambda rng, shape, d: np.zeros(shape)}
    kinked = picture(
        cg.Layer(lambda x: (np.abs(x), lambda dy: (0 * dy,)), ("x",), "abs", shapes={"x": (2,)}, draw=zeros)
    )
    assert np.all(np.isnan(kinked.numeric))
    assert kinked.curve is not None
    assert (kinked.curve.value, kinked.curve.bound, kinked.curve.how, kinked.curve.claimed) == (None, None, "", 0.0)
    assert np.array_equal(kinked.curve.slopes, np.zeros(26))
    assert np.array_equal(kinked.curve.steps, 2 * 0.25 ** np.arange(26))


def raises(dy: Any) -> Any:
    raise ValueError("no")


def test_a_layer_that_raises_has_none() -> None:
    layer = smooth(gradient=raises, shapes={"x": (3,)})
    assert pictures(layer, Case().point(layer)) == ()


def test_a_declared_domain_is_not_left() -> None:
    def vjp(x: Any) -> Any:
        if np.any(np.real(x) <= 0):
            raise ValueError("the logarithm of a negative number")
        return np.log(x), lambda dy: (dy / x,)

    found = picture(cg.Layer(vjp, ("x",), "log", shapes={"x": (3,)}, domain={"x": (0.0, 4.0)}))
    assert found.curve is not None
    assert np.all(np.isfinite(found.curve.slopes))
    assert np.all(np.abs(found.claimed - found.numeric) <= found.bound)
