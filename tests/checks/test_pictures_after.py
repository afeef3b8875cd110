"""Which cases of a run are drawn, at which points, and that drawing turns no verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import cnngrad as cg
from cnngrad.checks.pictures import pictures_after, telling_cases
from cnngrad.core.case import Case, Point, point_from_arrays
from cnngrad.report import Report
from tests.checks.judging import elementwise
from tests.report.results import failure, result

TANH = elementwise(np.tanh, lambda x: 1 - np.tanh(x) ** 2)


def test_the_cases_worth_a_picture() -> None:
    small, large, huge, own = (Case((("n", n),)) for n in (2, 8, 999, 4))
    own = Case(values="file:x.npz")
    passed = [
        result(case=case, entries=entries) for case, entries in ((small, 4), (large, 64), (huge, 9999), (own, 100))
    ]
    assert telling_cases(passed) == (large,)
    assert telling_cases([*passed, failure(case=small)]) == (small, large)
    assert telling_cases([failure(case=small)]) == (small,)
    assert telling_cases([failure(case=small), failure(case=huge, entries=9999)]) == (small,)
    assert telling_cases([result(case=own)]) == ()
    assert telling_cases([]) == ()


def test_a_case_counts_with_the_entries_of_all_its_gradients() -> None:
    case, other = Case((("n", 2),)), Case((("n", 3),))
    for sizes, drawn in (
        ((0,), ()),
        ((1,), (case,)),
        ((128,), (case,)),
        ((129,), ()),
        ((64, 64), (case,)),
        ((1, 128), ()),
    ):
        assert telling_cases([result(case=case, entries=size) for size in sizes]) == drawn, sizes
    assert telling_cases([result(case=case, entries=9), *(result(case=other, entries=5) for _ in "xw")]) == (other,)
    elsewhere = failure(case=other, check="same_call_same_result")
    assert telling_cases([elsewhere, result(case=case)]) == (case,)


def test_a_failure_is_drawn_a_second_time_only_where_there_is_more_to_see() -> None:
    layer = replace(TANH, dims={"n": (1, 8)}, shapes=lambda d: {"x": (d.n,)})
    one, two, eight = (Case((("n", n),)) for n in (1, 2, 8))
    passed = result(name="x", case=two, entries=2)
    for case, drawn in ((one, [one, two]), (eight, [eight])):
        found = pictures_after(layer, [failure(name="x", case=case, entries=case.sizes["n"]), passed], one.point(layer))
        assert [each.case for each in found] == drawn
    for case, drawn in ((eight, [eight]), (two.with_values("normal"), [two.with_values("normal")]), (one, [one, two])):
        found = pictures_after(layer, [failure(name="x", case=case, entries=0), passed], one.point(layer))
        assert [each.case for each in found] == drawn


def test_a_point_is_drawn_as_it_was_judged() -> None:
    own = point_from_arrays(TANH, (np.array([0.25, 3.0]),), {}, Case(values="normal"))
    judged = [result(name="x", case=own.case, entries=2)]
    dy = own.cotangent(2)

    def doubled(point: Point) -> Point:
        return replace(point, inputs=(2 * point["x"],))

    for results in (judged, []):  # the first point's own arrays stand for its case, and for want of any other
        for as_judged, x in ((None, own["x"]), (doubled, 2 * own["x"])):
            (found,) = pictures_after(TANH, results, own, as_judged)
            assert np.array_equal(found.claimed, (1 - np.tanh(x) ** 2) * dy)
    lost = result(name="x", case=Case(values="file:/nowhere/x.npz"), entries=2, status="failed")
    assert pictures_after(TANH, [lost], own) == ()


def test_pictures_are_made_on_demand_and_turn_no_verdict() -> None:
    calls = 0

    def vjp(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return 2 * x, lambda dy: (3 * dy,)

    layer = cg.Layer(vjp, ("x",), "wrong", dims={"n": (1, 4)}, shapes=lambda d: {"x": (d.n,)})
    report = cg.check(layer, raise_on_failure=False, effort="quick")
    before, text = calls, report.to_json()
    found, *_ = report.pictures
    assert calls > before
    assert found.case == report.failures[0].case
    made = calls
    assert report.pictures[0] is found
    assert (calls, report.to_json()) == (made, text)
    assert Report("bare", ()).pictures == ()


def test_arrays_of_the_users_own() -> None:
    (found,) = cg.check(cg.layers.relu, np.array([[1.0, -2.0]]), effort="quick").pictures
    assert found.shape == (1, 2)
    assert found.claimed[0, 1] == found.numeric[0, 1] == 0
