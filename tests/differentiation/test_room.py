"""No step leaves the room an entry has, and the answers near a border are as right as elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad.differentiation import Line, coordinates, one_sided
from cnngrad.differentiation.colours import coloured
from cnngrad.differentiation.exact import exact
from cnngrad.differentiation.ladder import ladder

AT = np.array([2.0**-30, 0.5, 1 - 2.0**-12])
ROOM = np.minimum(AT, 1 - AT)


def inside(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function on the open unit interval; it raises elsewhere."""

    def strict(x: Any) -> Any:
        if not np.all((x > 0) & (x < 1)):
            raise ValueError("outside")
        return f(x)

    return strict


def line(f: Callable[[Any], Any], direction: Any, room: Any = ROOM) -> Line:
    return Line(inside(f), AT, np.asarray(direction, dtype=float), np.ones(3), room=room)


ASKED: dict[str, Callable[[Any], Any]] = {
    "ladder": lambda room: ladder(line(np.sqrt, [1, 1, 1], room)),
    "ladder, one entry": lambda room: ladder(line(np.sqrt, [0, 0, 1], room)),
    "one-sided": lambda room: one_sided(line(np.sqrt, [1, -1, 1], room)),
    "exact": lambda room: exact(line(lambda x: 3 * x, [4095, 1, 3], room)),
    "coordinates": lambda room: coordinates(inside(np.sqrt), AT, np.ones(3), room=room),
    "coordinates, exactly": lambda room: coordinates(inside(lambda x: 3 * x), AT, np.ones(3), room=room),
    "coloured": lambda room: coloured(
        inside(lambda x: 3 * x), AT, np.ones(3), np.eye(3, dtype=bool), [slice(0, 3)], np.random.default_rng(0), room
    ),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_no_step_leaves_the_room(ask: Callable[[Any], Any]) -> None:
    assert ask(ROOM) is not None
    with pytest.raises(ValueError, match="outside"):
        ask(None)


def test_nor_does_a_step_of_all_inputs_of_a_colour() -> None:
    at = np.array([0.5, 1 - 2.0**-28])

    def ask(room: Any) -> Any:
        f, eye = inside(lambda x: 3 * x), np.eye(2, dtype=bool)
        return coloured(f, at, np.ones(2), eye, [], np.random.default_rng(0), room)

    assert ask(1 - at).tolist() == [3.0, 3.0]
    with pytest.raises(ValueError, match="outside"):
        ask(None)


def test_the_answers_are_right() -> None:
    slopes = 0.5 / np.sqrt(AT)
    found = ladder(line(np.sqrt, [1, 1, 1]))
    assert found is not None
    assert abs(found.value - slopes.sum()) <= found.bound < 1e-3 * slopes.sum()
    each = coordinates(inside(np.sqrt), AT, np.ones(3), room=ROOM)
    assert np.all(np.abs(each.value - slopes) <= each.bound)
    assert np.all(each.bound < 1e-9 * slopes)
    sides = one_sided(line(np.sqrt, [0, 1, 0]))
    assert not sides.kinked.any()
    assert sides.low[1] <= slopes[1] <= sides.high[1]


def test_without_a_border_the_longest_step_is_the_natural_one() -> None:
    free = line(np.sqrt, [1, 2, 1], None)
    assert free.longest == free.scale == 1
    assert line(np.sqrt, [1, 2, 1], np.full(3, np.inf)).longest == 1
    assert line(np.sqrt, [1, 2, 1], np.array([8.0, 0.25, 8.0])).longest == 2.0**-4
    assert line(np.sqrt, [1, 0, 1], np.array([8.0, 0.25, 8.0])).longest == 1
