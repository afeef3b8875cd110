"""A gradient in blocks: what each cell holds, and a second answer that shares no step with the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.checks.cells import Cells, confirming, look_again, numeric_means
from cnngrad.checks.claim import Claim
from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.differentiation import estimate
from tests.checks.judging import elementwise, layer_of

AT = np.array([1.0, -1.0, 1.0, 1.0])
PAIRS = Cells((4,), (2,))
ALL = np.ones(4)


def claim_of(layer: Layer, x: Any = AT) -> Claim:
    """The claim of a layer of one input at a point."""
    at = Evaluation(layer, point_from_arrays(layer, (x,), {}, Case(values="normal")))
    y, backward = at.vjp(at.point.inputs)
    y0 = flatten(outputs_of(y))
    dy = at.point.cotangent(y0.size)
    return Claim(at, y0, dy, at.by_name(at.pull(y, backward, dy)), ("x",))


def tanh(factor: float = 1.0) -> Layer:
    return elementwise(np.tanh, lambda x: factor * (1 - np.tanh(x) ** 2))


def misleading(claimed: float = 2.0, rough: float = -2.0) -> Layer:
    """``y = 2 x``, but farther than ``2^-27`` from the point it rises otherwise: a difference there misleads."""

    def vjp(x: Any) -> Any:
        slope = 2.0 if np.max(np.abs(x - AT)) < 2.0**-27 else rough
        return 2 * AT + slope * (x - AT), lambda dy: (claimed * dy,)

    return layer_of(vjp)


def test_blocks_cover_every_shape() -> None:
    for shape, most, block in (
        ((), 16, ()),
        ((5,), 16, (1,)),
        ((40,), 16, (4,)),
        ((3, 1, 9), 9, (1, 1, 4)),
        ((99, 99), 99**2, (1, 1)),
    ):
        assert Cells.at_most(most, shape).block == block, shape


def test_a_cell_has_the_mean_of_the_derivatives_and_of_their_bounds() -> None:
    claim = claim_of(tanh())
    values, bounds = numeric_means(claim, "x", PAIRS)
    for cell in (0, 1):
        found = estimate(claim.line(np.repeat(np.arange(2) == cell, 2) * 1.0))
        assert found is not None
        assert found.bound > 0
        assert (values[cell], bounds[cell]) == (found.value / 2, found.bound / 2)
        mean = claim.gradient[2 * cell : 2 * cell + 2].mean()
        assert abs(values[cell] - mean) <= bounds[cell] + 1e-15


def test_a_cell_over_a_kink_has_no_derivative() -> None:
    claim = claim_of(elementwise(np.abs, np.sign), np.array([0.0, 1.0, 2.0, -1.0]))
    values, bounds = numeric_means(claim, "x", PAIRS)
    assert np.isnan(values[0])
    assert np.isinf(bounds[0])
    assert values[1] == claim.gradient[2:].mean()
    assert bounds[1] == 0


def test_another_answer_takes_the_place_of_the_first_in_the_cells_that_are_asked_for() -> None:
    claim = claim_of(tanh())
    values, bounds = np.array([7.0, 7.0]), np.array([9.0, 9.0])
    again, within = look_again(claim, "x", PAIRS, [1], values, bounds)
    second = confirming(claim, np.array([0.0, 0.0, 1.0, 1.0]))
    assert second is not None
    assert second.bound > 0
    assert again.tolist() == [7.0, second.value / 2]
    assert within.tolist() == [9.0, second.bound / 2]
    assert values.tolist() == [7.0, 7.0]  # what was handed in stays
    unconfirmed = look_again(claim_of(tanh(1.5)), "x", PAIRS, [0, 1], values, bounds)
    assert [found.tolist() for found in unconfirmed] == [[7.0, 7.0], [9.0, 9.0]]


def test_an_exact_difference_is_asked_again_with_a_smaller_step() -> None:
    for rough in (2.0, -2.0, 3.0):
        right, wrong = claim_of(misleading(rough=rough)), claim_of(misleading(claimed=2.5, rough=rough))
        first = estimate(right.line(ALL))
        assert first is not None
        assert (first.value, first.how) == (rough * right.dy.sum(), "exact")
        second = confirming(right, ALL)
        assert second is not None
        assert (second.value, second.bound, second.how) == (2 * right.dy.sum(), 0.0, "exact")
        assert confirming(wrong, ALL) is None


def test_a_second_ladder_shares_no_step_with_the_first() -> None:
    for factor, agree in ((1.0, True), (1.5, False)):
        distances: set[float] = set()

        def vjp(x: Any, seen: set[float] = distances, factor: float = factor) -> Any:
            if np.isrealobj(x):
                seen.add(float(np.max(np.abs(x - AT))))
            return np.tanh(x), lambda dy: (factor * (1 - np.tanh(x) ** 2) * dy,)

        claim = claim_of(layer_of(vjp))
        distances.clear()
        estimate(claim.line(ALL))
        first = set(distances)
        distances.clear()
        assert (confirming(claim, ALL) is not None) == agree
        assert len(first) > 3
        assert len(distances) > 3
        assert not first & distances


def test_where_there_is_no_second_answer_none_confirms() -> None:
    assert confirming(claim_of(elementwise(np.abs, np.sign), np.zeros(4)), ALL) is None
