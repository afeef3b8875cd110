"""What the gradients near a point tell: one kink, a tie, several kinks, or a claim that is wrong there too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.pairs import _all_one_way, _apart, _several_kinks, _wrong_very_near
from tests.checks.judging import claim_at, elementwise, layer_of

Slopes = Callable[..., list[float]]


def several(slopes: Slopes, kinked: list[int], x: list[float], factor: float = 1.0) -> bool:
    """What is said of one output with these slopes, of which the entries named have a kink at the point."""

    def vjp(x: Any) -> Any:
        return np.zeros(1), lambda dy: (dy[0] * factor * np.array(slopes(*x)),)

    claim = claim_at(layer_of(vjp, shapes={"x": (len(x),)}), np.array(x, dtype=float))
    return _several_kinks(claim, 0, np.array(kinked))


def up(a: float) -> float:
    return 1.0 * (a > 0)


def largest(*values: float) -> list[float]:
    return np.eye(len(values))[int(np.argmax(values))].tolist()


def middle(*values: float) -> list[float]:
    return np.eye(len(values))[int(np.argsort(values)[1])].tolist()


def lower_hinge(a: float, b: float) -> list[float]:
    """``min(relu(a), relu(b))``, which has no kink along either axis."""
    return [up(a) * (a < b), up(b) * (b <= a)]


ONE = {
    "relu": (lambda a, b: [up(a), 1.0], [0], [0, 1]),
    "abs": (lambda a: [np.sign(a)], [0], [0]),
    "a relu beside what is bent": (lambda a, b: [up(a), 21 * b**20], [0], [0, 1]),
    "the maximum of three": (largest, [0, 1, 2], [1, 1, 1]),
    "the minimum of three": (lambda *x: largest(*np.negative(x)), [0, 1, 2], [1, 1, 1]),
    "a maximum beside what it is added to": (lambda a, b, c: [*largest(a, b), 1.0], [0, 1], [1, 1, 3]),
    "kinks below a millionth of the rest": (
        lambda a, b, c, d: [np.sign(a), *np.multiply(0.1, lower_hinge(b, c)), 1e6],
        [0],
        [0, 0, 0, 1],
    ),
    "kinks as slight as a smooth change": (lambda a, b: [1e7 + np.sign(a), -np.sign(b)], [0, 1], [0, 0]),
}
SEVERAL = {
    "two relus": (lambda a, b: [up(a), up(b)], [0, 1], [0, 0]),
    "two relus of both signs": (lambda a, b: [up(a), -up(b)], [0, 1], [0, 0]),
    "two that make the sum larger or smaller": (lambda a, b: [10 + np.sign(a), np.sign(b)], [0, 1], [0, 0]),
    "the middle one of three": (middle, [0, 1, 2], [1, 1, 1]),
    "one that shows and one that does not": (lambda a, b, c: [np.sign(a), *lower_hinge(b, c)], [0], [0, 0, 0]),
    "one on one side of another": (lambda a, b: [up(a), up(a) * up(b)], [0], [0, 0]),
    "two slight ones": (lambda a, b: [5e6 + np.sign(a), -np.sign(b)], [0, 1], [0, 0]),
    "a slight middle of three": (
        lambda a, b: np.add([5e6, 0], np.multiply(3, middle(0, a, b)[1:])).tolist(),
        [0, 1],
        [0, 0],
    ),
}


@pytest.mark.parametrize("factor", [1e-9, 1e3])
@pytest.mark.parametrize(("expected", "table"), [(False, ONE), (True, SEVERAL)], ids=["one", "several"])
def test_one_kink_is_told_from_several_at_any_size(expected: bool, table: dict[str, Any], factor: float) -> None:
    for name, (slopes, kinked, x) in table.items():
        assert several(slopes, kinked, x, factor) is expected, name


def test_rows_are_apart_beyond_both_an_absolute_and_a_relative_bound() -> None:
    rows = [np.array(row) for row in ([0.0, 100.0], [0.0, 100.5], [0.2, 100.0], [0.2, 99.5], [0.0, 100.0])]
    assert [_apart(rows, least, share) for least, share in ((0.1, 0.0), (0.1, 0.01), (0.4, 0.0), (0.6, 0.0))] == [
        4,
        2,
        3,
        1,
    ]
    assert _apart(rows, 0.6) == 1
    assert _apart([], 0.1) == 0


def test_gradients_of_a_maximum_all_grow_with_the_place_and_those_of_a_minimum_all_fall() -> None:
    places = 1 + 2.0**-24 * np.random.default_rng(0).uniform(-1, 1, (16, 3))
    greatest, least, median = (np.array([np.eye(3)[np.argsort(place)[rank]] for place in places]) for rank in (2, 0, 1))
    saddle = np.sign(places - 1) * [1, -1, 0]
    judged = [_all_one_way(list(places), list(rows)) for rows in (greatest, least, 0 * places, median, saddle)]
    assert judged == [True, True, True, False, False]


@pytest.mark.parametrize("slope", [1e-12, 1.0, -1.0, 1e6])
def test_a_claim_is_wrong_very_near_where_it_is_off_there_and_the_slope_is_sharp(slope: float) -> None:
    def judged(claimed: float, f: Any = lambda x: slope * x, size: float = 1.0, **domain: Any) -> bool:
        layer = elementwise(f, lambda x: np.full_like(x, claimed), **domain)
        return _wrong_very_near(claim_at(layer, size * np.array([0.5, 0.25, 0.75])), 0, 0)

    assert [judged(factor * slope) for factor in (2.0, 0.5, -1.0, 1.0)] == [True, True, True, False]
    assert not judged(slope, size=0.0), "it is right in all but its rounding"
    assert not judged(2 * slope, lambda x: slope * (1e12 + x)), "the slope is lost in rounding"
    assert not judged(2 * slope, lambda x: (slope * x).astype(np.float32).astype(float)), "nothing is seen from so near"
    bordered = {"domain": {"x": (0.0, 1.0)}}
    assert judged(2 * slope, lambda x: np.where(x > 0, slope * x, np.nan), 2.0**-20, **bordered), "steps stay inside"
