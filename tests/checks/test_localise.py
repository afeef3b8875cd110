"""A failure names the worst entry and says how many differ, in small inputs and in large ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks.localise import FOUND, TABLE
from cnngrad.core.layer import Layer
from tests.checks.judging import LATTICE, NORMAL, elementwise, judge, sized, spoilt


def wave(*shape: int) -> Layer:
    return elementwise(np.sin, np.cos, shapes={"x": shape})


def with_errors(layer: Layer, errors: dict[Any, float]) -> Layer:
    def wrong(seen: Any) -> Any:
        gradient = np.array(seen.right.x)
        for place, error in errors.items():
            gradient[place] += error
        return gradient

    return spoilt(layer, x=wrong)


@pytest.mark.parametrize(
    ("errors", "worst"),
    [
        ({(0, 0): 1e-3}, (0, 0)),
        ({(7, 9): -1e-6}, (7, 9)),
        ({(3, 4): 1e-3, (5, 6): -2e-3, (7, 8): 1e-4}, (5, 6)),
        ({3: 1e-5}, None),
    ],
)
def test_every_entry_of_a_small_input_is_looked_at(errors: dict[Any, float], worst: tuple[int, int] | None) -> None:
    result = judge(with_errors(wave(8, 10), errors), NORMAL)["x"]
    assert result.status == "failed"
    assert result.entries == 80 <= TABLE
    wrong = np.zeros((8, 10), dtype=bool)
    for place in errors:
        wrong[place] = True
    assert result.differing == wrong.sum()
    assert result.index is not None
    assert wrong[result.index]
    assert worst in (None, result.index)


def test_the_two_numbers_are_those_of_the_named_entry() -> None:
    x = np.linspace(-1, 1, 7)
    result = judge(with_errors(wave(7), {4: 0.5}), NORMAL, x)["x"]
    assert result.index == (4,)
    assert result.analytic is not None
    assert result.numeric is not None
    assert result.analytic - result.numeric == pytest.approx(0.5)
    assert result.bound is not None
    assert 0 < result.bound < 1e-10


@pytest.mark.parametrize("place", [0, 3210, 4999])
def test_one_wrong_entry_among_thousands_is_found_by_halving(place: int) -> None:
    result = judge(with_errors(wave(5_000), {place: 1e-4}), NORMAL)["x"]
    assert (str(result.status), result.index, result.entries) == ("failed", (place,), 5_000)
    assert result.forward_calls < 1_000


def test_a_few_wrong_entries_among_thousands_give_the_worst() -> None:
    result = judge(with_errors(wave(50, 100), {(0, 3): 1e-4, (7, 7): 3e-4, (49, 99): 2e-4}), NORMAL)["x"]
    assert result.index == (7, 7)
    assert result.differing is None


def test_thousands_of_wrong_entries_are_not_all_looked_at() -> None:
    wrong = spoilt(wave(5_000), x=lambda seen: 1.25 * seen.right.x)
    result = judge(wrong, NORMAL)["x"]
    assert result.status == "failed"
    assert result.analytic == pytest.approx(1.25 * (result.numeric or 0.0))
    assert result.forward_calls < 200 * FOUND


def test_an_index_has_the_axes_of_its_input() -> None:
    conv = sized(layers.conv2d, x=(2, 2, 5, 6), w=(3, 2, 2, 3), b=(3,))

    def wrong(seen: Any) -> Any:
        gradient = np.array(seen.right.w)
        gradient[2, 1, 0, 2] += 1.0
        return gradient

    result = judge(spoilt(conv, w=wrong), LATTICE)["w"]
    assert (result.index, result.differing, result.entries) == ((2, 1, 0, 2), 1, 36)
    assert result.how == "exact"
