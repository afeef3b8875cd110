"""The sizes of the steps along a line, and what it is contracted with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Line
from cnngrad.differentiation.line import EPS


def line(at: Any, direction: Any, room: Any = None) -> Line:
    at = np.array(at, dtype=float)
    return Line(lambda x: x, at, np.array(direction, dtype=float), np.ones(at.size), room=room and np.array(room))


@pytest.mark.parametrize(
    ("at", "direction", "scale", "near"),
    [
        ([3.0, -0.5], [2.0, 0.5], 2.0, 2.0),
        ([3.0, -0.5], [0.0, 0.5], 2.0, 1.0),
        ([1e-6], [1.0], 1.0, 2.0**-19),
        ([1.0, 1e-12], [0.0, -1.0], 1.0, 2.0**-6),
        ([0.0], [4.0], 0.25, 0.25),
        ([0.0, 8.0], [4.0, 0.0], 0.25, 2.0**-5),
        ([5.0], [0.0], 1.0, 1.0),
        ([-5.0], [1.0], 8.0, 8.0),
    ],
)
def test_a_step_is_a_power_of_two_of_the_size_of_what_is_moved(
    at: Any, direction: Any, scale: float, near: float
) -> None:
    asked = line(at, direction)
    assert (asked.scale, asked.longest, asked.near, asked.limit) == (scale, scale, near, np.inf)


@pytest.mark.parametrize(
    ("direction", "room", "limit", "longest"),
    [
        ([1.0, 2.0], [8.0, 0.25], 2.0**-4, 2.0**-4),
        ([1.0, 0.0], [8.0, 0.25], 4.0, 1.0),
        ([-1.0, 0.0], [0.3, 8.0], 0.125, 0.125),
        ([1.0, 1.0], [np.inf, np.inf], np.inf, 1.0),
        ([1.0, 1.0], [np.inf, 1.0], 0.5, 0.5),
        ([0.0, 0.0], [0.3, 8.0], np.inf, 1.0),
    ],
)
def test_a_step_leaves_half_the_room(direction: Any, room: Any, limit: float, longest: float) -> None:
    asked = line([0.5, 0.5], direction, room)
    assert (asked.limit, asked.longest) == (limit, longest)
    assert asked.near <= longest


def test_outputs_are_contracted_with_dy() -> None:
    asked = Line(lambda x: 2 * x, np.array([0.5, 1.0]), np.array([1.0, -1.0]), np.array([3.0, 2.0]))
    assert asked.contract(np.array([1.0, 10.0])) == 23.0
    assert asked(0.25).tolist() == [1.5, 1.5]
    assert asked.y0.tolist() == [1.0, 2.0]
    assert asked.rounding == EPS * 5.0
