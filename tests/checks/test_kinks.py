"""At a kink the claim is held against the one-sided derivatives, one output at a time, and the sum over each tie."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks import kinks
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
    assert result.reason == f"kinks met: 1; {shown} taken where the slopes go from 0 to 1"


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
    assert re.fullmatch("ties met: [12]; each is paid 1 in all", result.reason)


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


# Hundreds of kinks at once, under cotangents of both signs.

MANY = np.where(np.random.default_rng(0).permutation(2000) < 1000, 0.0, np.random.default_rng(1).normal(size=2000))
ZEROS = np.flatnonzero(MANY == 0)
HIDDEN = int(ZEROS[777])


def taken_at_zeros(taken: Any, hidden: float | None = None) -> Layer:
    slopes = np.broadcast_to(taken, MANY.shape).copy()
    slopes[HIDDEN] = slopes[HIDDEN] if hidden is None else hidden
    return relu(slopes)


@pytest.mark.parametrize(
    ("taken", "shown"),
    [
        (0.0, "0 taken"),
        (1.0, "1 taken"),
        (np.arange(2000) % 2, "0, 1 taken"),
        (np.arange(2000) % 5 / 4, "0, 0.25, 0.5, ... taken"),
    ],
)
def test_a_thousand_kinks_of_a_right_layer_pass_at_once(taken: Any, shown: str) -> None:
    result = judge(taken_at_zeros(taken), NORMAL, MANY)["x"]
    assert (str(result.status), result.entries) == ("passed", 2000)
    assert result.reason == f"kinks met: 1000; {shown} where the slopes go from 0 to 1"
    assert result.forward_calls < 300
    assert result.backward_calls < 20


@pytest.mark.parametrize("taken", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("hidden", [1.01, -0.01, 5.0])
def test_one_wrong_kink_among_a_thousand_fails(taken: float, hidden: float) -> None:
    result = judge(taken_at_zeros(taken, hidden), NORMAL, MANY)["x"]
    assert (str(result.status), result.index, result.analytic) == ("failed", (HIDDEN,), hidden)
    assert result.reason == f"for dy = 1 at output entry {HIDDEN} alone, outside the one-sided derivatives"


def test_a_thousand_wrong_kinks_fail_at_the_price_of_one() -> None:
    result = judge(taken_at_zeros(2.0), NORMAL, MANY)["x"]
    assert (str(result.status), result.analytic) == ("failed", 2.0)
    assert result.forward_calls < 400


PAIRS = np.repeat(np.random.default_rng(2).normal(size=(500, 1)), 2, axis=1)


def paired_max(share: Share, hidden: tuple[float, float] | None = None) -> Layer:
    """The maximum of each of 500 tied pairs, one of which may be shared out in another way."""

    def vjp(x: Any) -> Any:
        y = x.max(axis=1)

        def backward(dy: Any) -> Any:
            tied = (x == y[:, None]).astype(float)
            given = share(tied)
            if hidden is not None and tied[123].all():
                given[123] = hidden
            return (given * dy[:, None],)

        return y, backward

    return layer_of(vjp, shapes={"x": PAIRS.shape})


@pytest.mark.parametrize("share", [first, last, equal])
@pytest.mark.parametrize("hidden", [None, (1.0, 0.0), (0.3, 0.7)])
def test_hundreds_of_ties_paid_once_pass_at_once(share: Share, hidden: tuple[float, float] | None) -> None:
    result = judge(paired_max(share, hidden), NORMAL, PAIRS)["x"]
    assert (str(result.status), result.reason) == ("passed", "ties met: 500; each is paid 1 in all")
    assert result.forward_calls < 300


@pytest.mark.parametrize("share", [first, equal])
@pytest.mark.parametrize("hidden", [(1.0, 1.0), (0.0, 0.0), (1.5, -0.5), (1.02, -0.02), (1.01, 0.0), (0.0, 0.99)])
def test_one_tie_among_hundreds_not_paid_once_fails(share: Share, hidden: tuple[float, float]) -> None:
    result = judge(paired_max(share, hidden), NORMAL, PAIRS)["x"]
    assert result.status == "failed"
    assert result.index is not None
    assert result.index[0] == 123


def test_windows_that_share_inputs_are_told_apart() -> None:
    pool = sized(layers.max_pool, x=(1, 1, 24, 24)).configured(window=2, stride=1)
    x = np.random.default_rng(3).integers(0, 2, (1, 1, 24, 24)).astype(float)
    assert statuses(judge(pool, NORMAL, x)) == {"x": "passed"}

    def one_more(seen: Any) -> Any:
        gradient = np.array(seen.right.x)
        gradient[0, 0, 10, 10] += seen.dy[0, 0, 10, 10] if np.ptp(x[0, 0, 10:12, 10:12]) == 0 else 0.0
        return gradient

    x[0, 0, 10:12, 10:12] = 1.0
    judged = judge(spoilt(pool, x=lambda seen: one_more(seen) if np.all(seen.x % 1 == 0) else seen.right.x), NORMAL, x)
    assert statuses(judged) == {"x": "failed"}


def test_kinks_of_different_slopes_are_named_by_the_first() -> None:
    scaled = layer_of(
        lambda x, w: (np.maximum(x, 0) * w, lambda dy: (dy * w * (x >= 0), dy * np.maximum(x, 0))), ("x", "w")
    )
    judged = judge(scaled, NORMAL, np.array([0.0, 0.0, 1.0]), np.array([2.0, 3.0, 4.0]))
    assert statuses(judged) == {"x": "passed", "w": "passed"}
    assert judged["x"].reason == "kinks met: 2; 2 taken at the first, where the slopes go from 0 to 2"


# Beside a kink.


def wrong_side_within(distance: float, places: Any = True) -> Layer:
    """The slopes of the other side of the kink, at some places, up to this distance from it."""

    def slope(x: Any) -> Any:
        return np.where(places & (np.abs(x) <= distance), x < 0, x > 0).astype(float)

    return elementwise(lambda x: np.maximum(x, 0), slope)


@pytest.mark.parametrize("distance", [1e-8, 1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_wrong_side_beside_a_kink_fails(distance: float, side: float) -> None:
    """Though the claim is right farther away: kinks that cancel each other are wrong at the point alone."""
    x = np.array([1.0, side * distance, -2.0])
    assert statuses(judge(relu(0.0), NORMAL, x)) == {"x": "passed"}
    result = judge(wrong_side_within(2 * distance), NORMAL, x)["x"]
    assert (str(result.status), result.index) == ("failed", (1,))


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_one_wrong_side_among_a_thousand_fails(side: float) -> None:
    x = np.where(MANY == 0, side * np.random.default_rng(0).uniform(5e-9, 1e-8, MANY.size), MANY)
    assert statuses(judge(relu(0.0), NORMAL, x)) == {"x": "passed"}
    hidden = wrong_side_within(2e-8, np.arange(2000) == HIDDEN)
    assert statuses(judge(hidden, NORMAL, x)) == {"x": "failed"}


def in_float32(layer: Layer) -> Layer:
    """The same layer computing in float32, with float64 arrays outside."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*(x.astype(np.float32) for x in inputs), **config)
        return y.astype(float), lambda dy: [g.astype(float) for g in backward(dy.astype(np.float32))]

    return replace(layer, vjp=vjp)


def test_nothing_is_seen_from_very_near_in_float32() -> None:
    case = (
        "rank=3 n=3 c=3 f=3 depth=4 height=2 width=2 kd=1 kh=2 kw=2 stride_w=1 stride_rest=2 pad=0 dilation=1 "
        "values=normal seed=11028"
    )
    assert "failed" not in statuses(judge(in_float32(layers.relu_conv), case)).values()


# What cannot be told.


def test_a_tie_of_a_median_has_no_rule() -> None:
    """The second largest of four: the gradient of any of the tied lies outside the one-sided slopes somewhere."""

    def vjp(x: Any) -> Any:
        chosen = np.argsort(x, axis=1, kind="stable")[:, 2]
        rows = np.arange(len(x))

        def backward(dy: Any) -> Any:
            gradient = np.zeros_like(x)
            gradient[rows, chosen] = dy
            return (gradient,)

        return x[rows, chosen], backward

    layer = layer_of(vjp, shapes={"x": (2, 4)})
    assert statuses(judge(layer, NORMAL)) == {"x": "passed"}
    assert statuses(judge(layer, NORMAL, np.ones((2, 4)))) == {"x": "inconclusive"}


def sum_of_relus(taken: float) -> Layer:
    return layer_of(
        lambda x: (np.sum(np.maximum(x, 0)), lambda dy: (dy * np.where(x > 0, 1.0, np.where(x == 0, taken, 0.0)),)),
        shapes={"x": MANY.shape},
    )


def test_more_kinks_in_one_output_than_can_be_looked_at_are_inconclusive() -> None:
    result = judge(sum_of_relus(0.0), NORMAL, MANY)["x"]
    assert (str(result.status), result.reason) == (
        "inconclusive",
        "several kinks met at this point; it is too large to look at every pair of output and input",
    )
    assert statuses(judge(sum_of_relus(0.0), NORMAL, MANY[:50])) == {"x": "passed"}


def test_a_point_too_large_to_be_looked_at_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinks, "MOST", 3_999)
    result = judge(taken_at_zeros(0.0), NORMAL, MANY)["x"]
    assert (str(result.status), result.reason) == (
        "inconclusive",
        "kinks met at this point, and it has 4,000 inputs and outputs: they are looked at up to 3,999",
    )
