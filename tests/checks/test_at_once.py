"""All kinked outputs at once: which of them need a closer look, and what is said of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks.at_once import (
    BLUR,
    _convention,
    _directions,
    _single,
    _smooth_ones_agree,
    _values,
    kinks_met,
    look,
)
from cnngrad.core.layer import Layer
from cnngrad.differentiation.line import EPS
from tests.checks.judging import claim_at, layer_of


def up(a: Any) -> Any:
    return 1.0 * (a > 0)


def layer_with(slopes: Any, at_zero: Any = None, factor: float = 1.0, **domain: Any) -> Layer:
    """Outputs ``slopes(x) @ x``, whose slopes are the same all along a ray; at 0 others may be claimed."""
    low, high = domain.get("x", (-np.inf, np.inf))

    def vjp(x: Any) -> Any:
        rows = factor * np.array(slopes(*x))
        claimed = rows if at_zero is None or x[:3].any() else factor * np.array(at_zero)
        inside = np.all((x > low) & (x < high))
        return np.where(inside, rows @ x, np.nan), lambda dy: (dy @ claimed,)

    return layer_of(vjp, shapes={"x": (4,)}, domain=domain)


def seen(layer: Layer, last: float = 0.0) -> tuple[list[int], str]:
    """What is seen at 0, with a fourth entry that sets the size of the point."""
    found = look(claim_at(layer, np.array([0.0, 0.0, 0.0, last])), "x")
    return found.doubtful.tolist(), found.convention


# Which outputs are doubtful.


def test_nothing_is_doubtful_and_nothing_is_said_where_all_is_smooth() -> None:
    smooth = layer_with(lambda *x: [[1.0, 2, 3, 4], [5, 6, 7, 8]])
    assert seen(smooth) == ([], "")
    claim = claim_at(smooth, np.zeros(4))
    calls = claim.at.calls.forward
    none = _single(claim, _directions(claim, "x"), np.zeros(0, dtype=np.int64), np.zeros(0))
    assert (none.shape, none.dtype, claim.at.calls.forward) == ((0,), bool, calls)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_the_worst_leads_and_those_with_several_kinks_come_last(factor: float) -> None:
    layer = layer_with(
        lambda a, b, c, d: [
            [np.sign(a), np.sign(b), 0, 0],  # several kinks
            [0, up(b), 0, 0],
            [0, 0, up(c), 0],
            [up(a), 0, 0, 0],
            [0, 0, 0, 3],
        ],
        [[0, 0, 0, 0], [0, 1.2, 0, 0], [0, 0, -0.5, 0], [1, 0, 0, 0], [0, 0, 0, 3]],
        factor,
    )
    said = f"kinks met: 1; {factor:g} taken where the slopes go from 0 to {factor:g}"
    assert seen(layer) == ([2, 1, 0], said)


def test_all_are_doubtful_where_each_is_right_and_all_together_are_not() -> None:
    def vjp(x: Any) -> Any:
        return 2 * x, lambda dy: (2 * dy * (1 + np.all(dy != 0)),)

    assert seen(layer_of(vjp, shapes={"x": (4,)})) == ([0, 1, 2, 3], "")


def test_smooth_ones_beside_a_wrong_one_are_not_called_kinks() -> None:
    rows = [[2.0, 0, 0, 0], [0, 1, 0, 0]]
    layer = layer_with(lambda a, b, c, d: [*rows, [0, 0, up(c), 0]], [rows[0], [0, 5, 0, 0], [0, 0, 0, 0]])
    assert seen(layer) == ([1], "kinks met: 1; 0 taken where the slopes go from 0 to 1")


@pytest.mark.parametrize(("large", "doubtful"), [(1e-8, [0, 1]), (1e-3, [1])])
def test_a_slope_lost_in_rounding_is_doubtful_unless_it_is_lost_in_others_too(large: float, doubtful: Any) -> None:
    def vjp(x: Any) -> Any:
        y = np.array([100 + 1e-9 * x[0], large * (abs(x[1]) + abs(x[2]))])
        return y, lambda dy: (np.append(dy[[0, 1, 1]] * [1e-9, *large * np.sign(x[1:3])], 0),)

    assert seen(layer_of(vjp, shapes={"x": (4,)})) == (doubtful, "")


NEXT_TO_THE_BORDER = 1 - 2.0**-30


@pytest.mark.parametrize(("factor", "last"), [(1e-3, 1e-3), (1e3, 1e3), (1e-3, NEXT_TO_THE_BORDER)])
def test_a_tie_of_any_size_is_one_kink_and_three_slopes_with_other_sums_are_several(factor: float, last: float) -> None:
    def slopes(a: float, b: float, c: float, d: float) -> Any:
        largest = [*np.eye(3)[np.argmax([a, b, c])], 0]
        of_four = [*np.eye(4)[np.argmax([0, a, b, c])][1:], 0]
        return [largest, np.multiply(5, largest), [up(a), 0, 0, 0], of_four, [np.sign(a), np.sign(b), 0, 0]]

    domain = {"x": (-1, 1)} if last == NEXT_TO_THE_BORDER else {}
    doubtful, said = seen(layer_with(slopes, factor=factor, **domain), last)
    assert doubtful == [3, 4]
    kinks = f"kinks met: 1; 0 taken where the slopes go from 0 to {factor:g}"
    assert said == f"{kinks}; ties met: 2; each is paid {factor:g}, {5 * factor:g} in all"


# The outputs without a kink, taken together.


@pytest.mark.parametrize(
    ("slopes", "off", "width", "agree"),
    [
        (1.0, 0.0, 0.0, True),
        (1.0, 32 * EPS, 0.0, True),
        (1e6, 32 * EPS, 0.0, True),
        (1e6, 128 * EPS, 0.0, False),
        (1e-6, 32 * EPS, 0.0, True),
        (1e-6, 128 * EPS, 0.0, False),
        (1.0, 0.4e-3, 1e-3, True),
        (1.0, 0.6e-3, 1e-3, False),
        (1e3, 0.0, BLUR, True),
        (1e3, 0.0, 3 * BLUR, False),
        (1e-3, 0.0, 3 * BLUR, False),
    ],
)
def test_smooth_ones_agree_if_their_sum_fits_and_is_sharp(slopes: float, off: float, width: float, agree: bool) -> None:
    """Two outputs have these slopes, claimed with an error and seen with a width, each as a share; the third a kink."""
    claimed = slopes * np.array([1 + off, 1 + off, 77.0])
    claim = claim_at(layer_of(lambda x: (slopes * x, lambda dy: (dy * claimed,))), np.ones(3))
    claim.dy = np.array([1.0, 3.0, -5.0])
    directions = [np.array([1.0, 1.0, 1.0]), np.array([-2.0, 1.0, -1.0])]
    middle = slopes * np.array(directions).T
    half = slopes * width / 2 * np.abs(np.array(directions).T)
    size = np.array([1.0, 1.0, 0.0])[:, None]
    kinked = np.array([False, False, True])
    found = _smooth_ones_agree(claim, directions, size * (middle - half), size * (middle + half), kinked)
    assert found is agree


def test_each_direction_moves_one_input_and_none_of_its_entries_little() -> None:
    def vjp(v: Any, x: Any) -> Any:
        return x, lambda dy: (0 * v, dy)

    claim = claim_at(layer_of(vjp, ("v", "x"), shapes={"v": (2,), "x": (5,)}), np.ones(2), np.ones(5))
    ones, *others = _directions(claim, "x")
    assert ones.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert len(others) == 8
    for direction in others:
        assert direction[:2].tolist() == [0, 0]
        assert np.all((np.abs(direction[2:]) >= 0.5) & (np.abs(direction[2:]) <= 1))
    assert {-1, 1} == set(np.sign(np.ravel([direction[2:] for direction in others])))


# What is said.


def test_values_are_told_apart_in_six_digits_and_three_of_them_are_shown() -> None:
    shown = [
        _values(np.array(values))
        for values in ([1, 1 + 4e-7, 1], [-0.0, 0.0], [3, 1, 2.5], [4, 3, 2, 1], [1e-6, 2e-6], [1, 2, 3, 4, 5])
    ]
    assert shown == ["1", "0", "1, 2.5, 3", "1, 2, 3, ...", "1e-06, 2e-06", "1, 2, 3, ..."]


def test_kinks_and_ties_are_told_one_after_the_other() -> None:
    claimed, low, high = np.array([[0.5, 0, 1], [1, 0, 1], [5, 5, 5]]).T
    jump = np.array([1.0, 1.0, 4.0])
    for factor in (1e-3, 1.0, 1e3):
        kinks = f"kinks met: 2; {0.5 * factor:g}, {factor:g} taken where the slopes go from 0 to {factor:g}"
        ties = f"ties met: 1; each is paid {5 * factor:g} in all"
        scaled = np.array([claimed, low, high, jump]) * factor
        assert _convention(*scaled) == f"{kinks}; {ties}"
        assert _convention(*scaled[:, :2]) == kinks
        assert _convention(*scaled[:, 2:]) == ties
    assert kinks_met(claimed, low, high) == "kinks met: 3; 0.5 taken at the first, where the slopes go from 0 to 1"
