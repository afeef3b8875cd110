"""What a report makes of its results: one status, totals, what was not compared."""

from __future__ import annotations

import pytest

from cnngrad.core.case import Case
from cnngrad.core.result import Result
from cnngrad.report import Report, worst_status
from tests.report.results import failure, report, result

ZERO = result("inconclusive", reason="the gradient is zero everywhere at this point")
RAISED = result("error", name="", reason="backward raised")
APART = result("not_applicable", name="", check="samples_are_independent", reason="no batch_axis")


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ((result(),), "passed"),
        ((result(), APART), "passed"),
        ((result(), ZERO), "passed"),  # judged in at least one case
        ((ZERO,), "inconclusive"),
        ((), "inconclusive"),
        ((APART,), "inconclusive"),
        ((result(), RAISED), "error"),
        ((result(), RAISED, failure()), "failed"),
        ((failure(), result()), "failed"),
        ((result(), result("passed", "", "inputs_are_unchanged")), "passed"),
        ((result("passed", "", "inputs_are_unchanged"),), "inconclusive"),  # no gradient entry was compared
        ((result(), result("failed", "", "inputs_are_unchanged")), "failed"),
        ((result(), result("inconclusive", "", "inputs_are_unchanged")), "inconclusive"),
        ((result(entries=0),), "inconclusive"),
    ],
)
def test_one_status(results: tuple[Result, ...], status: str) -> None:
    assert report(*results).status == status
    assert report(*results).ok is (status == "passed")


def test_a_point_at_which_a_check_cannot_judge_takes_nothing_from_the_others() -> None:
    unfit = result("inconclusive", name="", check="gradients_agree_in_float32", reason="not finite in float32")
    fit = result(name="x", check="gradients_agree_in_float32")
    assert report(result(), unfit, fit).status == "passed"
    assert report(result(), unfit).status == "inconclusive"


def test_every_differentiable_input_must_be_compared() -> None:
    half = report(result("passed", "w"), differentiable=("x", "w"))
    assert (str(half.status), half.not_compared) == ("inconclusive", ("x",))
    whole = report(result("passed", "w"), result("passed", "x"), differentiable=("x", "w"))
    assert (str(whole.status), whole.not_compared) == ("passed", ())


def test_failures_are_what_failed_or_raised() -> None:
    assert report(result(), failure(), RAISED, ZERO).failures == (failure(), RAISED)


def test_a_wrong_gradient_is_told_before_other_failures() -> None:
    mutated = result("failed", "", "inputs_are_unchanged")
    assert report(mutated, failure(), RAISED).failures == (failure(), RAISED, mutated)


def test_features_not_met_are_named() -> None:
    assert report(result(), features={"stride > 1": 3, "padding": 0}).missing_features == ("padding",)


def test_calls_are_counted_once_a_point() -> None:
    both = [result("passed", name, forward_calls=7, backward_calls=1) for name in ("x", "w")]
    elsewhere = result("passed", "w", case=Case(seed=1), forward_calls=5, backward_calls=2)
    totals = report(*both, elsewhere).totals
    assert (totals.cases, totals.forward_calls, totals.backward_calls, totals.entries) == (2, 12, 3, 12)


def test_the_smallest_visible_error_is_the_median_of_the_worst_input() -> None:
    def rounded(name: str, detectable: float, seed: int) -> Result:
        return result("passed", name, how="ladder", detectable=detectable, scale=2.0, case=Case(seed=seed))

    totals = report(rounded("x", 2e-9, 0), rounded("x", 2e-12, 1), rounded("w", 4e-12, 0)).totals
    assert totals.detectable == pytest.approx(2e-12, abs=0)
    assert (totals.exact, totals.entries) == (0, 12)
    exact = result("passed", "x", case=Case(seed=1))
    assert report(exact).totals.detectable == 0
    assert report(rounded("x", 2e-9, 0), exact).totals.detectable == pytest.approx(1e-9, abs=0)
    once_exact = report(rounded("x", 2e-9, 0), exact, rounded("x", 4e-9, 2)).totals
    assert once_exact.detectable == pytest.approx(1e-9, abs=0)


def test_a_gradient_of_zeros_is_no_exact_comparison() -> None:
    """At a kink a claim of 0 may be all there is, or nothing but kinks: neither says how small an error was seen."""
    rounded = result(how="ladder", detectable=2e-12, scale=2.0)
    zeros = result(how="one-sided", detectable=0.0, scale=0.0, case=Case(seed=1))
    kinks = result(how="one-sided", detectable=0.0, scale=0.5, case=Case(seed=2))
    totals = report(rounded, zeros, kinks).totals
    assert totals.detectable == pytest.approx(1e-12, abs=0)
    assert totals.exact == 0


def test_failed_entries_are_not_counted_as_compared() -> None:
    assert report(failure()).totals.entries == 0


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ([], "passed"),
        ([report(result())], "passed"),
        ([report(result()), report(ZERO)], "inconclusive"),
        ([report(ZERO), report(RAISED)], "error"),
        ([report(RAISED), report(failure()), report(result())], "failed"),
    ],
)
def test_one_status_over_layers(members: list[Report], status: str) -> None:
    assert worst_status(members) == status
