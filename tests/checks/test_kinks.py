"""At a kink the claim is held against the one-sided derivatives, one output at a time, and the sum over each tie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.core.layer import Layer
from tests.checks.judging import NORMAL, elementwise, judge, layer_of, sized, spoilt, statuses

AT_ZERO = np.array([1.0, 0.0, -2.0])


def relu(at_zero: float, factor: float = 1.0) -> Layer:
    return elementwise(
        lambda x: np.maximum(x, 0), lambda x: factor * np.where(x > 0, 1.0, np.where(x == 0, at_zero, 0.0))
    )


def absolute(at_zero: float) -> Layer:
    return elementwise(np.abs, lambda x: np.where(x == 0, at_zero, np.sign(x)))


# One kink.


@pytest.mark.parametrize(("taken", "shown"), [(0.0, "0"), (1.0, "1"), (0.5, "0.5"), (0.25, "0.25")])
def test_relu_may_take_any_slope_between_its_two(taken: float, shown: str) -> None:
    result = judge(relu(taken), NORMAL, AT_ZERO)["x"]
    assert (str(result.status), result.how, result.entries) == ("passed", "one-sided", 3)
    assert result.reason.startswith(f"kinks met: 1; {shown} taken where the slopes go from ")
    assert result.reason.endswith(" to 1")


@pytest.mark.parametrize("taken", [1.5, -0.1, 1.01, -0.01])
def test_relu_may_take_no_slope_outside(taken: float) -> None:
    result = judge(relu(taken), NORMAL, AT_ZERO)["x"]
    assert (str(result.status), result.index, result.analytic) == ("failed", (1,), taken)
    assert result.reason == "for dy = 1 at output entry 1 alone, outside the one-sided derivatives"
    assert result.numeric == pytest.approx(0.5)
    assert result.bound == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("taken", "status"), [(0.0, "passed"), (1.0, "passed"), (-1.0, "passed"), (1.1, "failed"), (-2.0, "failed")]
)
def test_abs(taken: float, status: str) -> None:
    assert statuses(judge(absolute(taken), NORMAL, AT_ZERO)) == {"x": status}


@pytest.mark.parametrize("x", [AT_ZERO, np.zeros(3), np.array([0.0, 5.0, 7.0])])
@pytest.mark.parametrize("factor", [2.0, 0.0, -1.0])
def test_a_wrong_layer_at_a_kink_is_failed(x: Any, factor: float) -> None:
    assert statuses(judge(relu(0.0), NORMAL, x)) == {"x": "passed"}
    assert statuses(judge(relu(0.0, factor), NORMAL, x)) == {"x": "failed"}


def test_a_right_neighbour_of_a_wrong_input_passes_at_a_kink() -> None:
    def vjp(factor: float) -> Any:
        return lambda x, w: (
            np.maximum(x, 0) * w,
            lambda dy: (dy * w * (x > 0), factor * dy * np.maximum(x, 0)),
        )

    arrays = (AT_ZERO, np.array([2.0, 3.0, 4.0]))
    assert statuses(judge(layer_of(vjp(1.0), ("x", "w")), NORMAL, *arrays)) == {"x": "passed", "w": "passed"}
    assert statuses(judge(layer_of(vjp(3.0), ("x", "w")), NORMAL, *arrays)) == {"x": "passed", "w": "failed"}


# Ties.

Share = Callable[[Any], Any]


def first(tied: Any) -> Any:
    return np.eye(tied.shape[1])[tied.argmax(axis=1)]


def last(tied: Any) -> Any:
    return first(tied[:, ::-1])[:, ::-1]


def equal(tied: Any) -> Any:
    return tied / tied.sum(axis=1, keepdims=True)


def both(tied: Any) -> Any:
    return tied


def neither(tied: Any) -> Any:
    return tied * (tied.sum(axis=1, keepdims=True) == 1)


def row_max(share: Share) -> Layer:
    """The maximum of each row; ``share`` says who among the tied gets how much."""

    def vjp(x: Any) -> Any:
        y = x.max(axis=1)
        return y, lambda dy: (share((x == y[:, None]).astype(float)) * dy[:, None],)

    return layer_of(vjp, shapes={"x": (2, 3)})


TIES = {
    "two of three": (np.array([[1.0, 3.0, 3.0], [2.0, 0.0, -1.0]]), 2, (0, 1)),
    "all": (np.ones((2, 3)), 3, (0, 0)),
}
every_tie = pytest.mark.parametrize(("x", "tied", "place"), TIES.values(), ids=TIES)


@every_tie
@pytest.mark.parametrize("share", [first, last, equal])
def test_a_tie_may_be_paid_in_any_way_once(x: Any, tied: int, place: tuple[int, ...], share: Share) -> None:
    result = judge(row_max(share), NORMAL, x)["x"]
    assert result.status == "passed"
    assert result.reason.startswith("kinks met: ")


@every_tie
@pytest.mark.parametrize("share", [both, neither])
def test_a_tie_paid_twice_or_not_at_all_fails(x: Any, tied: int, place: tuple[int, ...], share: Share) -> None:
    result = judge(row_max(share), NORMAL, x)["x"]
    assert (str(result.status), result.index) == ("failed", place)
    assert result.reason == f"the sum over the {tied} tied entries of output entry 0, of which this is the first"
    assert result.analytic == (tied if share is both else 0)
    assert result.numeric == pytest.approx(1.0)


def test_max_pooling_with_ties_everywhere() -> None:
    pool = sized(layers.max_pool, x=(1, 2, 4, 4)).configured(window=2, stride=1)
    x = np.array([[0.0, 1.0, 1.0, 0.0]] * 4)[None, None] * np.ones((1, 2, 1, 1))
    assert statuses(judge(pool, NORMAL, x)) == {"x": "passed"}
    twice = spoilt(pool, x=lambda seen: 2 * seen.right.x)
    assert statuses(judge(twice, NORMAL, x)) == {"x": "failed"}


# Several kinks.

RELU_CONV = sized(layers.relu_conv, x=(1, 1, 3, 3), w=(2, 1, 2, 2), b=(2,))


@pytest.mark.parametrize("first_seed", [0, 6, 12])
def test_many_zeros_under_cotangents_of_both_signs_never_fail(first_seed: int) -> None:
    judged = [judge(RELU_CONV, f"values=kink seed={seed}") for seed in range(first_seed, first_seed + 6)]
    assert "failed" not in {status for results in judged for status in statuses(results).values()}
    assert sum("kinks met" in result.reason for results in judged for result in results.values()) > 6


@pytest.mark.parametrize("name", ["x", "w", "b"])
def test_a_wrong_layer_with_many_zeros_is_never_passed(name: str) -> None:
    wrong = spoilt(RELU_CONV, **{name: lambda seen: -getattr(seen.right, name)})
    judged = [str(judge(wrong, f"values=kink seed={seed}")[name].status) for seed in range(5)]
    assert "passed" not in judged
    assert judged.count("failed") >= 3


@pytest.mark.parametrize("taken", [0.0, 1.0, 2.0, 0.5])
def test_two_kinks_that_cancel_are_never_failed(taken: float) -> None:
    """``relu(x) - relu(-x)`` is x, yet with relu'(0) = 0 its layers' backward gives 0 at 0, and each is right."""
    both_sides = elementwise(
        lambda x: np.maximum(x, 0) - np.maximum(-x, 0), lambda x: np.where(x == 0, taken, np.ones_like(x))
    )
    status = "passed" if taken == 1.0 else "inconclusive"
    assert statuses(judge(both_sides, NORMAL, AT_ZERO)) == {"x": status}


def composed(at_zero: float, factor: float = 1.0) -> Layer:
    """``|relu(a) - relu(b)|`` with the same choice of sign and slope at every 0."""

    def vjp(x: Any) -> Any:
        a, b = np.maximum(x, 0)
        slope = np.where(x > 0, 1.0, np.where(x == 0, at_zero, 0.0))
        sign = 1.0 if a == b else np.sign(a - b)
        return np.abs([a - b]), lambda dy: (factor * dy * sign * np.array([1.0, -1.0]) * slope,)

    return layer_of(vjp, shapes={"x": (2,)})


def test_composed_kinks_are_inconclusive() -> None:
    result = judge(composed(1.0), NORMAL, np.zeros(2))["x"]
    assert (str(result.status), result.reason) == ("inconclusive", "several kinks met at this point")


@pytest.mark.parametrize("x", [np.array([0.0, 1.0]), np.array([2.0, 1.0])])
def test_composed_kinks_of_a_wrong_layer_are_failed(x: Any) -> None:
    assert statuses(judge(composed(1.0), NORMAL, x)) == {"x": "passed"}
    assert statuses(judge(composed(1.0, factor=3.0), NORMAL, x)) == {"x": "failed"}


def test_composed_kinks_of_a_wrong_layer_are_never_passed() -> None:
    assert statuses(judge(composed(1.0, factor=3.0), NORMAL, np.zeros(2)))["x"] != "passed"


def test_a_point_too_large_for_pairs_is_inconclusive() -> None:
    result = judge(relu(0.0), NORMAL, np.zeros(500))["x"]
    assert result.status == "inconclusive"
    assert result.reason == (
        "several kinks met at this point; it is too large to look at every pair of output and input"
    )
