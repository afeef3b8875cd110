"""A claim beside numbers of the forward: along which direction, within what bound, and what a zero says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim, Comparison, precision_inside
from cnngrad.checks.compare import compare, direction_over, passed
from cnngrad.checks.flat import judge_flat
from cnngrad.checks.vacuous import ZERO, why_zero
from cnngrad.core.arrays import Array, round_to_bits
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.differentiation import Estimate
from cnngrad.differentiation.line import EPS

F = Callable[[Any], Any]


def claims(f: F, *, seed: int = 0, dy: float = 1.0, domain: Any = None, **inputs: tuple[Any, Any]) -> Claim:
    """A claim for a forward of its inputs end to end: each input's numbers, and the gradient that is claimed for it."""
    layer = Layer(
        lambda *parts: (f(np.concatenate(parts)), lambda dy: tuple(np.array(g) for _, g in inputs.values())),
        tuple(inputs),
        "layer",
        domain=domain or {},
    )
    at = Evaluation(
        layer, point_from_arrays(layer, tuple(np.array(x) for x, _ in inputs.values()), {}, Case(seed=seed))
    )
    y0 = np.asarray(at.output())
    return Claim(at, y0, np.full(y0.size, dy), {name: g for name, (_, g) in inputs.items()}, tuple(inputs))


def zero_for(f: F, *x: float, seed: int = 0) -> Claim:
    return claims(f, seed=seed, x=(x, np.zeros(len(x))))


@pytest.mark.parametrize(
    ("gradient", "direction", "how", "slack", "bound"),
    [
        ([2.0, 1 / 3], [1.0, 0.0], "exact", 0.0, 0.5),
        ([2.0, 1 / 3], [0.0, 1.0], "exact", 0.0, 0.5 + 64 * EPS / 3),
        ([2.0, 1 / 3], [3.0, 0.0], "ladder", 0.0, 0.5 + 64 * EPS * 6),
        ([3.0, 1.0], [1.0, 4.0], "complex step", 0.25, 0.75 + 64 * EPS * 5),
    ],
)
def test_a_bound_holds_the_rounding_of_the_backward_where_it_may_have_rounded(
    gradient: Any, direction: Any, how: str, slack: float, bound: float
) -> None:
    claim = claims(np.cos, x=([1.0, 2.0], gradient))
    found = claim.holds(np.array(direction), Estimate(1.0, 0.5, how), slack)
    assert found.bound == pytest.approx(bound, rel=0, abs=EPS)
    assert found.claimed == pytest.approx(np.dot(gradient, direction), rel=1e-15, abs=0)
    assert found.agrees == (abs(found.claimed - 1) <= bound)


def test_a_nan_agrees_with_nothing() -> None:
    for claimed, value in ((np.nan, 1.0), (1.0, np.nan), (np.nan, np.nan)):
        assert not Comparison(np.ones(1), claimed, Estimate(value, 1.0, "ladder"), 1.0).agrees
    assert Comparison(np.ones(1), 2.0, Estimate(1.0, 1.0, "ladder"), 1.0).agrees


def test_an_error_where_nothing_was_moved_is_not_detectable() -> None:
    comparison = Comparison(np.array([0.0, 0.5, -2.0, 0.0]), 1.0, Estimate(1.0, 0.0, "ladder"), 1.0)
    assert comparison.detectable(slice(0, 3)) == 2
    assert comparison.detectable(slice(3, 4)) == np.inf


def test_a_line_knows_what_the_claim_knows() -> None:
    claim = claims(np.cos, x=([1.0, 2.0], [0.0, 0.0]), domain={"x": (0, 5)})
    claim.bits = 24
    line = claim.line(np.ones(2))
    assert (line.known_bits, line.known_y0 is claim.y0, line.dy is claim.dy) == (24, True, True)
    assert (line.room is not None and line.room.tolist()) == [1.0, 2.0]


@pytest.mark.parametrize(("size", "scale"), [(1e-6, 1.0), (0.25, 1.0), (1.0, 1.0), (3.0, 4.0), (5.0, 8.0), (8.0, 8.0)])
def test_a_direction_has_short_entries_of_either_sign_and_of_its_inputs_size(size: float, scale: float) -> None:
    x = np.linspace(-size, size, 100)
    claim = claims(np.cos, v=([1.0], [0.0]), x=(x, x), w=([1.0], [0.0]))
    direction = direction_over(claim, ["x"])
    assert direction[0] == direction[-1] == 0
    weights = direction[1:-1] / scale
    assert set(np.sign(weights)) == {-1.0, 1.0}
    assert 0.5 <= np.min(np.abs(weights)) < 0.55 < 0.95 < np.max(np.abs(weights)) <= 1
    assert np.array_equal(weights, round_to_bits(weights))
    assert np.array_equal(direction, direction_over(claim, ["x"]))


def forwards(claim: Claim, **options: Any) -> int:
    before = claim.at.calls.forward
    assert compare(claim, ["x"], **options) is not None
    return claim.at.calls.forward - before


def test_a_lead_costs_no_more_than_a_pass() -> None:
    x = np.array([0.5, 2.0])
    right, wrong = (claims(np.sin, x=(x, share * np.cos(x))) for share in (1.0, 1.25))
    assert forwards(wrong, lead=True) == forwards(right) < forwards(wrong)


def test_a_kink_has_no_smooth_estimate() -> None:
    assert compare(claims(np.abs, x=([0.0], [0.0])), ["x"]) is None


def test_a_pass_says_how_small_an_error_would_have_shown() -> None:
    claim = claims(lambda z: z[:2], x=([1.0, 2.0], [0.25, -0.5]), w=([1.0, 2.0], [0.5, -0.75]), b=([], []))
    comparison = Comparison(np.array([2.0, 1.0, -4.0, 0.0]), 0.0, Estimate(0.0, 0.0, "ladder"), 0.5)
    facts = {"how": "ladder", "scale": 0.5}
    assert passed(claim, "x", comparison) == finding(
        Status.INCONCLUSIVE,
        input="x",
        detectable=0.5,
        reason="its largest entry, 0.5, is below the smallest visible error, 0.5",
        **facts,
    )
    assert passed(claim, "w", comparison) == finding(
        Status.PASSED, input="w", detectable=0.125, entries=2, bound=0.5, how="ladder", scale=0.75
    )
    assert passed(claim, "b", comparison) == finding(Status.INCONCLUSIVE, input="b", reason="b has no entries")


@pytest.mark.parametrize(
    ("f", "eps"),
    [
        (lambda x: x / 3, EPS),
        (lambda x: (x / 3).astype(np.float32), 2.0**-23),
        (lambda x: np.append((x / 3).astype(np.float32), [np.nan, 100.0]), 2.0**-23),
        (lambda x: 96 * np.sign(x), 0.0),
        (lambda x: np.full(2, np.inf), 0.0),
    ],
)
def test_the_precision_inside_is_seen_from_what_fills_its_bits(f: F, eps: float) -> None:
    assert precision_inside(zero_for(f, 1.0, 2.0).at) == eps


def test_the_precision_inside_is_not_known_where_the_layer_refuses() -> None:
    def f(x: Array) -> Array:
        if np.any(x % 1):
            raise ValueError("whole numbers only")
        return x

    assert precision_inside(zero_for(f, 1.0, 2.0).at) == 0


NEVER = f"{ZERO}: the output does not change with x; if it never does, declare zero_gradient=('x',)"
CANCEL = f"{ZERO}, though the output changes with x: for this dy the changes cancel"
FLAT = f"{ZERO}: the output is flat here (saturated?) and changes with x only farther away"


@pytest.mark.parametrize(
    ("f", "x", "reason"),
    [
        (lambda x: 0 * x, [1.0, 2.0], NEVER),
        (lambda x: 0 * x + 1e9 + 1e-6 * x, [1.0, 2.0], NEVER),  # less than the rounding of 1e9
        (lambda x: np.array([x.sum(), -x.sum()]), [1.0, 2.0], CANCEL),
        (lambda x: 1e-20 * np.array([x.sum(), -x.sum()]), [1.0, 2.0], CANCEL),
        (lambda x: np.array([x[0], -x[0] + np.maximum(x[0] - 1, 0)]), [2.0**-20], CANCEL),
        (lambda x: np.maximum(x, 0), [-0.5], FLAT),
        (lambda x: np.minimum(x, 0), [0.5], FLAT),
    ],
)
def test_a_zero_has_a_reason(f: F, x: list[float], reason: str) -> None:
    for seed in range(4):  # directions of either sign
        assert why_zero(zero_for(f, *x, seed=seed), "x") == reason, seed


@pytest.mark.parametrize(
    ("f", "x", "flat"),
    [
        (np.sign, 0.5, True),
        (lambda x: 1 + np.round(127 * x), 2.0**-20, True),
        (lambda x: 1 + 0 * x, 0.5, True),
        (lambda x: 0 * x, 0.5, False),  # an output of 0 may be the right end of a relu
        (lambda x: 1 + np.minimum(x, 0), 0.0, False),
        (lambda x: 1 + np.maximum(x, 0), 0.0, False),
        (np.sin, 0.5, False),
        (lambda x: 2.0**30 + 2.0**-30 * x, 0.5, False),  # the step is lost in an output this large
        (lambda x: 2.0**10 + 2.0**-20 * x, 0.5, False),  # here it is the slope that is lost, but not in a larger step
        (lambda x: 1.0 + (np.abs(x - 2.0**-12) > 2.0**-25), 2.0**-12, True),  # a jump a little farther away
    ],
)
def test_flat_is_what_stands_still_or_jumps(f: F, x: float, flat: bool) -> None:
    for seed in range(4):
        found = judge_flat(zero_for(f, x, seed=seed))
        assert {name: str(result.status) for name, result in found.items()} == ({"x": "inconclusive"} if flat else {})
        assert all(result.reason.startswith(ZERO) for result in found.values())


def test_only_a_claim_of_zero_is_flat() -> None:
    found = judge_flat(claims(np.sign, x=([0.5], [0.0]), w=([0.5], [1.0]), v=([0.5], [0.0])))
    assert list(found) == ["x", "v"]
    assert [result.input for result in found.values()] == ["x", "v"]
