"""Results are data, and many of them make one status."""

from __future__ import annotations

import json
from itertools import permutations, product

import pytest

from cnngrad.core.case import Case
from cnngrad.core.result import Result, Status, Suspect, combine

ORDER = (Status.FAILED, Status.ERROR, Status.PASSED, Status.INCONCLUSIVE, Status.NOT_APPLICABLE)


def test_failed_then_error_then_passed_then_inconclusive() -> None:
    for few in (seen for size in (1, 2, 3) for seen in product(ORDER, repeat=size)):
        assert combine(few) == min(few, key=ORDER.index)


def test_the_order_of_the_cases_does_not_matter_and_none_is_no_pass() -> None:
    assert {combine(order) for order in permutations(ORDER)} == {Status.FAILED}
    assert combine([]) == Status.NOT_APPLICABLE
    assert combine(iter([Status.INCONCLUSIVE])) == Status.INCONCLUSIVE


@pytest.mark.parametrize(
    ("status", "accepted"),
    [
        (Status.PASSED, True),
        (Status.NOT_APPLICABLE, True),
        (Status.FAILED, False),
        (Status.ERROR, False),
        (Status.INCONCLUSIVE, False),
    ],
)
def test_what_a_gate_lets_through(status: Status, accepted: bool) -> None:
    assert Result("layer", "check", status).accepted is accepted


def test_plain_data_for_json() -> None:
    suspect = Suspect("sign", "times -1 matches", "negate it")
    case = Case((("n", 1),), values="integers", seed=7)
    result = Result("demo", "agrees", Status.FAILED, "x", index=(0, 1), analytic=4.0, case=case, suspects=(suspect,))
    data = json.loads(json.dumps(result.to_dict()))
    assert data["status"] == "failed"
    assert data["case"] == "n=1 values=integers seed=7"
    assert data["index"] == [0, 1]
    assert data["suspects"] == [
        {"mistake": "sign", "evidence": "times -1 matches", "advice": "negate it", "family": "", "link": ""}
    ]
    assert Case.parse(data["case"]) == case
    assert Result("demo", "agrees", Status.PASSED).to_dict()["case"] is None
