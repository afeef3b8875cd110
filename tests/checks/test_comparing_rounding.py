"""How much of a call's results is rounding: measured at cotangents and inputs next to its own, and unsaturated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.comparing import _last_bits, _noise, _second_difference, _unsaturated, gaps
from cnngrad.core.arrays import Array
from tests.checks.behaviour import DY, called, twice

EPS = 2.0**-52


def in_single(x: Array) -> Any:
    """Computed in float32 and handed back in float64."""
    third = np.float32(1 / 3)
    return (x.astype(np.float32) * third).astype(float), lambda dy: ((dy.astype(np.float32) * third).astype(float),)


def test_a_measured_rounding_widens_the_bound_by_the_factor_it_came_in_with() -> None:
    at, first = called(in_single, np.array([1.0, -0.625]))
    noise = _noise(at, first, False)
    assert 0 < noise["x"] < 2.0**-20
    assert noise["output"] == 0
    got = {"x": first.gradients["x"] + 64 * 3.5 * noise["x"]}
    assert gaps(at, got, first.gradients, [(1.0, first), (-3.0, first)]) == {}
    (gap,) = gaps(at, got, first.gradients, [(1.0, first), (-2.0, first)]).values()
    assert gap.bound == pytest.approx(64 * 3 * noise["x"], rel=1e-6, abs=0)


def test_the_rounding_of_the_forward_counts_where_inputs_move() -> None:
    at, first = called(in_single, np.array([1.0, -0.625]))
    noise = _noise(at, first, True)
    assert 0 < noise["output"] < 2.0**-20
    got = {"output": first.output + 8 * noise["output"]}
    assert gaps(at, got, {"output": first.output}, [(1.0, first)], move_inputs=True) == {}
    assert set(gaps(at, got, {"output": first.output}, [(1.0, first)])) == {"output"}


def test_the_same_places_are_tried_every_time() -> None:
    seen: list[Array] = []
    at, first = called(lambda x: (x, lambda dy: (seen.append(x + dy), dy)[1:]), np.ones(2))
    for _ in range(2):
        _noise(at, first, True)
    _, *later = seen
    assert np.array_equal(later[: len(later) // 2], later[len(later) // 2 :])


def test_an_input_without_entries_has_no_rounding() -> None:
    at, first = called(lambda x, w: (w, lambda dy: (x, dy)), np.empty(0), np.ones(2), inputs=("x", "w"))
    assert _noise(at, first, True)["x"] == 0


def test_the_second_difference_is_taken_close_by_and_exactly() -> None:
    cotangents = []

    def vjp(x: Array) -> Any:
        return x, lambda dy: (cotangents.append(dy.copy()), np.abs(dy))[1:]

    at, first = called(vjp, np.ones(2))
    assert _second_difference(at, first, np.random.default_rng(0)) == {"x": 0.0}  # a sign is no rounding
    _, above, below = cotangents
    share = (above - DY) / DY
    assert np.array_equal(above - DY, DY - below)
    assert np.all((share >= 2.0**-23) & (share < 2.0**-22))
    assert share[0] != share[1]


def test_the_second_difference_is_the_largest_rounding_seen() -> None:
    """The backward drops a half of what is beyond 5: so it does at one neighbour of -5, not at -5 itself."""
    at, first = called(lambda x: (x, lambda dy: (np.where(np.abs(dy) > 5, dy - 0.5, dy),)), np.ones(2))
    assert _second_difference(at, first, np.random.default_rng(0)) == {"x": 0.5}


def after(calls: int, raises: bool) -> Callable[[Array], Any]:
    """A layer that raises, or has gradients of another shape, after some calls."""
    count = iter(range(100))

    def vjp(x: Array) -> Any:
        late = next(count) >= calls
        if late and raises:
            raise ValueError("no more")
        return 2 * x, lambda dy: (2 * dy[None] if late else 2 * dy,)

    return vjp


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("calls", [1, 2])
def test_nothing_is_measured_where_the_layer_refuses(calls: int, raises: bool) -> None:
    at, first = called(after(calls, raises), np.full(2, 3.0))
    assert _second_difference(at, first, np.random.default_rng(0)) == {}
    assert _unsaturated(at, first) == ({} if raises else {"output": 4 * EPS * 1.5})
    assert _last_bits(at, first, np.random.default_rng(0))["x"] == 0


def steep(x: Array, w: Array) -> Any:
    """Larger gradients at smaller inputs, as those of a sigmoid are."""
    return x * w, lambda dy: (dy / x, None)


def test_where_a_function_is_saturated_a_rounding_of_1_is_as_large_as_the_result_elsewhere() -> None:
    at, first = called(steep, np.array([6.0, -5.0]), np.array([8.0, 8.0]), inputs=("x", "w"), constants=("w",))
    # 6 is scaled down by 8; w stays as it is.
    assert _unsaturated(at, first) == {"x": 8 * EPS * 8.0, "output": 8 * EPS * 6.0}


@pytest.mark.parametrize(
    ("x", "domain"), [([0.5, -1.0], (-np.inf, np.inf)), ([6.0, 5.0], (1.0, 9.0)), ([-6.0, -5.0], (-9.0, -0.75))]
)
def test_inputs_that_are_small_or_cannot_be_are_not_scaled_down(x: list[float], domain: tuple[float, float]) -> None:
    at, first = called(twice, np.array(x), domain={"x": domain})
    assert _unsaturated(at, first) == {}


def recorded(f: Callable[[Array], Array]) -> tuple[list[Any], Callable[[Array, Array], Any]]:
    """A layer of x and w that keeps what it was called with."""
    seen: list[Any] = []

    def vjp(x: Array, w: Array) -> Any:
        seen.append((x, w))
        return f(x), lambda dy: (dy, None)

    return seen, vjp


def test_last_bits_move_every_entry_to_either_side_and_no_constant() -> None:
    seen, vjp = recorded(lambda x: x)
    w = np.array([7.0, 9.0])
    at, first = called(vjp, np.ones(2), w, inputs=("x", "w"), constants=("w",))
    assert _last_bits(at, first, np.random.default_rng(0)) == {"output": 2.0**-51, "x": 0.0}
    moves = [x - 1 for x, _ in seen[1:]]
    assert np.array_equal(np.abs(moves), np.repeat([[2.0**-51] * 2, [2.0**-22] * 2], 3, axis=0))
    assert {sign for move in moves for sign in np.sign(move)} == {-1.0, 1.0}
    assert any(move[0] != move[1] for move in moves)
    assert all(np.array_equal(kept, w) for _, kept in seen)


def test_last_bits_are_those_of_the_precision_that_is_computed_in() -> None:
    seen, vjp = recorded(lambda x: x.astype(np.float32))
    at, first = called(vjp, np.ones(2, dtype=np.float32), np.ones(2), inputs=("x", "w"), constants=("w",))
    assert _last_bits(at, first, np.random.default_rng(0))["output"] == 2.0**-22
    assert {x.dtype for x, _ in seen} == {np.dtype(np.float32)}


def test_last_bits_are_left_alone_once_every_result_has_moved() -> None:
    at, first = called(lambda x: (x * x, lambda dy: (2 * x * dy,)), np.array([2.0, 0.25]))
    found = _last_bits(at, first, np.random.default_rng(0))
    assert found == {"output": pytest.approx(2 * 4 * 2.0**-51, abs=0), "x": pytest.approx(12 * 2.0**-51, abs=0)}
    assert at.calls.forward == 1 + 3
