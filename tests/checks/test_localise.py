"""A failure names the worst entry and says how many differ, in small inputs and in large ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim
from cnngrad.checks.localise import FOUND, TABLE, worst_entry
from cnngrad.core.call import Calls, Evaluation
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.judging import LATTICE, NORMAL, elementwise, judge, sized, spoilt, statuses


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


CONV = sized(layers.conv2d, x=(2, 6, 12, 12), w=(12, 6, 5, 5), b=(12,))
DENSE = sized(layers.dense, x=(16, 192), w=(10, 192), b=(10,))
KINKED = sized(layers.relu_conv, x=(2, 6, 12, 12), w=(12, 6, 5, 5), b=(12,))


def with_wrong_weights(layer: Layer, shares: dict[int, float]) -> Layer:
    """Entries of w off by these shares of the largest."""

    def wrong(seen: Any) -> Any:
        gradient = np.array(seen.right.w)
        for place, share in shares.items():
            gradient.flat[place] += share * np.max(np.abs(gradient))
        return gradient

    return spoilt(layer, w=wrong)


@pytest.mark.parametrize("share", [1e-1, 1e-6])
@pytest.mark.parametrize(("layer", "case", "more"), [(CONV, LATTICE, 16), (CONV, NORMAL, 26), (DENSE, NORMAL, 26)])
@pytest.mark.parametrize("place", [0, 1234, 1799])
def test_one_wrong_entry_among_thousands_costs_about_twenty_forwards(
    layer: Layer, case: str, more: int, share: float, place: int
) -> None:
    passed, failed = judge(layer, case)["w"], judge(with_wrong_weights(layer, {place: share}), case)
    found = failed["w"]
    assert statuses(failed) == {"x": "passed", "w": "failed", "b": "passed"}
    assert found.index == tuple(np.unravel_index(place, dict(layer.shapes)["w"]))  # type: ignore[arg-type]  # a dict here
    assert found.differing == 1
    assert found.forward_calls <= passed.forward_calls + more
    assert found.backward_calls <= passed.backward_calls + 4


def test_one_wrong_entry_where_no_complex_number_is_taken() -> None:
    found = judge(with_wrong_weights(KINKED, {777: 1e-3}), NORMAL)["w"]
    assert (str(found.status), found.differing) == ("failed", 1)
    assert found.index == tuple(np.unravel_index(777, (12, 6, 5, 5)))


@pytest.mark.parametrize(("layer", "case"), [(CONV, LATTICE), (DENSE, NORMAL)])
@pytest.mark.parametrize("wrong", [{3: 1e-3, 4: 1e-3}, {0: -1e-2, 900: 3e-2, 901: 1e-3, 1799: 1e-2, 17: 1e-4}])
def test_several_wrong_entries_are_all_found_by_halving(layer: Layer, case: str, wrong: dict[int, float]) -> None:
    found = judge(with_wrong_weights(layer, wrong), case)["w"]
    assert found.differing == len(wrong)
    assert found.index in [np.unravel_index(place, dict(layer.shapes)["w"]) for place in wrong]  # type: ignore[arg-type]  # a dict here
    assert found.forward_calls < 100 + 100 * len(wrong)


def test_many_wrong_entries_are_all_found_where_differences_are_exact() -> None:
    """A backward that adds its own terms at 40 places: they depend on ``dy``, so the claimed pattern is that of w."""
    conv = sized(layers.conv2d, x=(1, 6, 8, 8), w=(4, 6, 5, 5), b=(4,))
    doubled = np.random.default_rng(0).permutation(600) < 40

    def wrong(seen: Any) -> Any:
        return seen.right.w * np.where(doubled.reshape(4, 6, 5, 5), 2.0, 1.0)

    found = judge(spoilt(conv, w=wrong))["w"]
    assert (str(found.status), found.differing, found.how) == ("failed", 40, "exact")
    assert found.analytic == 2 * (found.numeric or 0.0)


@pytest.mark.parametrize("place", [0, 3210, 4999])
def test_one_wrong_entry_among_thousands_of_a_smooth_layer(place: int) -> None:
    result = judge(with_errors(wave(5_000), {place: 1e-4}), NORMAL)["x"]
    assert (str(result.status), result.index, result.entries) == ("failed", (place,), 5_000)
    assert result.forward_calls < 100


def test_a_few_wrong_entries_among_thousands_give_the_worst() -> None:
    result = judge(with_errors(wave(50, 100), {(0, 3): 1e-4, (7, 7): 3e-4, (49, 99): 2e-4}), NORMAL)["x"]
    assert result.index == (7, 7)
    assert result.differing == 3


def test_thousands_of_wrong_entries_are_not_all_looked_at() -> None:
    wrong = spoilt(wave(5_000), x=lambda seen: 1.25 * seen.right.x)
    result = judge(wrong, NORMAL)["x"]
    assert (str(result.status), result.differing) == ("failed", None)
    assert result.analytic == pytest.approx(1.25 * (result.numeric or 0.0))
    assert result.forward_calls < 100 * FOUND


def test_nothing_is_located_where_it_is_not_asked_for() -> None:
    claim = Claim(Evaluation(CONV, Case.parse(LATTICE).point(CONV)), np.zeros(1), np.zeros(1), {}, (), located=False)
    found = worst_entry(claim, "w", "exact")
    assert found == finding(Status.FAILED, input="w", how="exact")
    assert claim.at.calls == Calls()


def test_an_index_has_the_axes_of_its_input() -> None:
    conv = sized(layers.conv2d, x=(2, 2, 5, 6), w=(3, 2, 2, 3), b=(3,))

    def wrong(seen: Any) -> Any:
        gradient = np.array(seen.right.w)
        gradient[2, 1, 0, 2] += 1.0
        return gradient

    result = judge(spoilt(conv, w=wrong), LATTICE)["w"]
    assert (result.index, result.differing, result.entries) == ((2, 1, 0, 2), 1, 36)
    assert result.how == "exact"
