"""Every coordinate from a few forwards, and no trust in the pattern that says which ones share no output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation.colours import coloured, colours_of

RNG = np.random.default_rng


def test_no_two_columns_of_a_colour_share_a_row() -> None:
    pattern = RNG(0).random((40, 60)) < 0.1
    chosen = colours_of(pattern)
    for colour in range(chosen.max() + 1):
        assert pattern[:, chosen == colour].sum(axis=1).max() <= 1
    assert chosen.max() + 1 <= 2 * pattern.sum(axis=1).max()


def test_the_densest_column_chooses_first_and_takes_the_first_colour_that_is_free() -> None:
    for seed in range(5):
        pattern = RNG(seed).random((30, 80)) < 0.08
        chosen: dict[int, int] = {}
        for column in sorted(range(80), key=lambda column: -int(pattern[:, column].sum())):
            taken = {colour for other, colour in chosen.items() if (pattern[:, other] & pattern[:, column]).any()}
            chosen[column] = next(colour for colour in range(80) if colour not in taken)
        assert colours_of(pattern).tolist() == [chosen[column] for column in range(80)]


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
    halves = coloured(f, at, dy, matrix != 0, [slice(0, 20), slice(20, 50)], RNG(2))  # each confirmed by itself
    assert halves is not None
    assert np.array_equal(halves, dy @ matrix)


def test_a_pattern_that_lies_gives_its_colours_away() -> None:
    matrix, every = banded(20), slice(0, 20)
    at, dy = np.ones(20) / 2, np.ones(20)
    # The first output stands by itself, and no input is claimed for it: whatever moves it has its colour left open.
    stray = np.vstack([matrix[8], matrix])
    pattern = stray != 0
    pattern[0] = False
    found = coloured(lambda x: stray @ x, at, np.ones(21), pattern, [every], RNG(0))
    assert found is not None
    assert np.isnan(found).all()
    stray[0] = 0
    stray[0, 8] = 1.0
    found = coloured(lambda x: stray @ x, at, np.ones(21), pattern, [every], RNG(0))
    assert found is not None
    of_its_colour = colours_of(pattern) == colours_of(pattern)[8]
    assert np.array_equal(np.isnan(found), of_its_colour)
    assert np.array_equal(found[~of_its_colour], (np.ones(21) @ stray)[~of_its_colour])
    # An entry that is missing where another input of its colour owns the output shows when all are moved at once.
    pattern = matrix != 0
    pattern[7, 8] = False
    assert coloured(lambda x: matrix @ x, at, dy, pattern, [every], RNG(0)) is None
    assert coloured(lambda x: x + x[::-1], at[:2], dy[:2], np.eye(2, dtype=bool), [slice(0, 2)], RNG(0)) is None


def test_the_inputs_of_a_colour_are_moved_by_odd_numbers_of_their_own() -> None:
    steps: list[Any] = []

    def f(x: Any) -> Any:
        steps.append(2.0**26 * (x - 1))
        return 0.5 * x

    found = coloured(f, np.ones(64), np.ones(64), np.eye(64, dtype=bool), [slice(0, 64)], RNG(0))
    assert found is not None
    assert found.tolist() == [0.5] * 64
    # One forward at the point, one for the only colour, two for all at once, one for the precision.
    assert len(steps) == 5
    assert set(steps[1]) == {1.0, 3.0, 5.0, 7.0}


def test_no_input_has_no_colour_and_costs_the_point_alone() -> None:
    nothing = coloured(lambda x: np.ones(2), np.empty(0), np.ones(2), np.ones((2, 0), dtype=bool), [], RNG(0))
    assert nothing is not None
    assert nothing.size == 0


@pytest.mark.parametrize(
    "f", [np.sin, lambda x: x / 3, lambda x: np.maximum(x - 0.5, 0)], ids=["sine", "third", "kink"]
)
def test_what_cannot_be_exact_is_left_to_others(f: Any) -> None:
    assert coloured(f, np.ones(3) / 2, np.ones(3), np.eye(3, dtype=bool), [slice(0, 3)], RNG(0)) is None
