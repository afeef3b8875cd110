"""The steps of the judgement by themselves: what settles a lead, when a complex step is believed, what a pass saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.checks import gradients
from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim, Comparison
from cnngrad.checks.localise import SECOND_LADDER
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.result import Status
from cnngrad.differentiation import Estimate
from tests.checks.judging import LATTICE, NORMAL, elementwise, judge, layer_of, statuses
from tests.checks.known_errors import ALL, DY, EACH, TRUE, Function, X, claim_of, refuses_complex, thirds

# A lead.


def settled(monkeypatch: pytest.MonkeyPatch, claim: Claim, first: Comparison, second: Comparison | None) -> Any:
    """What becomes of a lead with this second answer: a result, ``None``, or what the entries are asked with."""

    def compared(*question: object) -> Comparison | None:
        assert question == (claim, ["x"], SECOND_LADDER)
        return second

    monkeypatch.setattr(gradients, "compare", compared)
    monkeypatch.setattr(gradients, "worst_entry", lambda *question: question)
    return gradients._settle(claim, "x", first)


def test_a_lead_is_a_failure_only_if_a_second_answer_agrees_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = claim_of({}, lambda x: refuses_complex(x) / 3, TRUE / 3)

    def answer(value: float, bound: float) -> Comparison:
        return Comparison(EACH, 8.0, Estimate(value, bound, "ladder"), bound)

    def with_slack(claim: Claim, direction: Array, found: Estimate, slack: float = 0.0) -> Comparison:
        return replace(answer(found.value, found.bound), bound=found.bound + slack)

    monkeypatch.setattr(Claim, "holds", with_slack)
    claim.noise = 0 * EACH
    first = answer(4.0, 1.0)
    failure = (claim, "x", "ladder", first)
    assert settled(monkeypatch, claim, first, None) is None
    assert settled(monkeypatch, claim, first, answer(4.5, 1.0)) == failure
    assert settled(monkeypatch, claim, first, answer(6.0, 1.0)) == failure  # as far apart as both may be
    assert settled(monkeypatch, claim, first, answer(6.5, 1.0)) is None
    facts: dict[str, Any] = {"input": "x", "entries": 8, "how": "ladder", "scale": float(np.max(np.abs(TRUE / 3)))}
    passes = settled(monkeypatch, claim, first, answer(4.5, 4.0))
    assert passes == finding(Status.PASSED, bound=4.0, detectable=4.0 / 512, **facts)
    claim.noise = 4 / 1000 * (ALL == 5)  # whose weight is 1000
    passes = settled(monkeypatch, claim, first, None)
    assert passes == finding(Status.PASSED, bound=5.0, detectable=5.0 / 512, **facts)


def test_a_failure_costs_few_forwards_where_one_entry_is_wrong() -> None:
    def forwards(*places: int) -> int:
        def slopes(x: Any) -> Any:
            return np.cos(x) + 0.5 * np.isin(ALL, places)

        return judge(elementwise(np.sin, slopes, shapes={"x": (8,)}), NORMAL)["x"].forward_calls

    assert (forwards(), forwards(3)) == (6, 30)
    assert forwards(3, 4) > 100


# Whether a complex step is believed.


def curved(x: Any) -> Any:
    return x * np.abs(x)  # complex numbers see half of its slope


def test_a_complex_step_that_agrees_with_real_ones_beside_the_point_is_believed() -> None:
    def agrees(f: Function, true: Any, errors: dict[int, float] | None = None, **facts: Any) -> bool:
        claim = claim_of(errors or {}, f, DY * true, **facts)
        return gradients._complex_step_agrees(claim, Comparison(EACH, 0.0, Estimate(0.0, 0.0, "ladder"), 0.0))

    assert agrees(thirds, TRUE / DY / 3)
    assert agrees(np.sin, np.cos(X))
    assert not agrees(thirds, TRUE / DY / 3, {5: 1e-3})
    assert not agrees(lambda x: refuses_complex(x) / 3, TRUE / DY / 3)
    assert not agrees(curved, np.abs(X))
    assert agrees(lambda x: np.where(np.abs(x) < 1, thirds(x), np.nan), TRUE / DY / 3)


def test_real_steps_beside_the_point_stay_inside_the_domain() -> None:
    low, high = 1 - 2.0**-30, 1 + 2.0**-30

    def believed(**facts: Any) -> bool:
        layer = elementwise(lambda x: np.where((low < x) & (x < high), np.sin(x), np.nan), np.cos, **facts)
        at = Evaluation(layer, point_from_arrays(layer, (np.ones(3),), {}, Case.parse(LATTICE)))
        claim = Claim(at, np.sin(np.ones(3)), DY[:3], {"x": DY[:3] * np.cos(1.0)}, ("x",))
        return gradients._complex_step_agrees(claim, Comparison(EACH[:3], 0.0, Estimate(0.0, 0.0, "ladder"), 0.0))

    assert believed(domain={"x": (low, high)})
    assert not believed()  # where nobody said how narrow it is


def test_a_constant_among_the_inputs_is_not_moved_aside() -> None:
    def vjp(x: Any, t: Any) -> Any:
        return np.sin(x) * t, lambda dy: (dy * np.cos(x) * t, None)

    layer = layer_of(vjp, ("x", "t"), constants=("t",))
    x, t = X[:3], np.array([0.5, 2.0, 3.0])
    at = Evaluation(layer, point_from_arrays(layer, (x, t), {}, Case.parse(LATTICE)))
    for factor in (1.0, 1.5):
        claim = Claim(at, np.sin(x) * t, DY[:3], {"x": factor * DY[:3] * np.cos(x) * t}, ("x",))
        lead = Comparison(EACH[:3], 0.0, Estimate(0.0, 0.0, "ladder"), 0.0)
        assert gradients._complex_step_agrees(claim, lead) == (factor == 1)


# A pass beside the point.


@pytest.mark.parametrize(
    ("beside", "here", "sharp_enough"),
    [
        ((0.0, 1.0), (1e-9, 1.0), True),
        ((0.5, 1.0), (1.0, 1.0), False),
        ((0.5, 1.0), (-1.25, 1.0), True),
        ((1.0, 4.0), (0.75, 1.0), True),  # shares of the largest entry are what is held against each other
        ((1.0, 1.0), (3.0, 4.0), False),
        ((0.5, 0.0), (0.75, 1.0), False),  # nothing but zeros: the numbers themselves
        ((0.5, 1.0), (1.25, 0.0), True),
    ],
)
def test_a_pass_counts_against_a_failure_only_if_it_could_have_seen_it(
    beside: tuple[float, float], here: tuple[float, float], sharp_enough: bool
) -> None:
    def would(status: Status = Status.PASSED, **missing: None) -> bool:
        error, scale = here
        there = finding(status, detectable=beside[0], scale=beside[1])
        failed = {"analytic": 7 + error, "numeric": 7.0, "scale": scale, **missing}
        return gradients._would_have_failed(there, finding(Status.FAILED, **failed))

    assert would() == sharp_enough
    assert not would(Status.INCONCLUSIVE)
    assert not would(Status.FAILED)
    assert not would(analytic=None)
    assert not would(numeric=None)


def test_what_is_unsettled_and_what_is_doubtful_go_to_the_kinks_together() -> None:
    """``b`` has two kinks that cancel: each has slope 0 at 0, by the usual rule, and their difference has slope 1."""

    def vjp(a: Any, b: Any) -> Any:
        y = np.abs(a), np.maximum(b, 0) - np.maximum(-b, 0)
        return y, lambda dy: (dy[0] * np.sign(a), dy[1] * (1.0 * (b > 0) + 1.0 * (b < 0)))

    layer = layer_of(vjp, ("a", "b"))
    met = "kinks met: 1; 0 taken where the slopes go from -1 to 1", "several kinks met at this point"
    for a, b in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0)):
        judged = judge(layer, NORMAL, np.array([a, 1.0, 2.0]), np.array([b, 1.0, 2.0]))
        assert statuses(judged) == {"a": "passed", "b": "passed" if b else "inconclusive"}
        assert (judged["a"].reason, judged["b"].reason) == ("" if a else met[0], "" if b else met[1])
