"""What a check is: where it applies, and what it says of code that raises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.checks.check import Check, finding
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.result import Result, Status
from tests.checks.behaviour import DY, of_x, twice

CASE = Case(seed=3)


def judge(at: Evaluation) -> list[Result]:
    """Calls the layer, and finds one of each."""
    at.gradients(DY, [np.ones(2)])
    at.output([np.ones(2)])
    found = [("", Status.PASSED), ("x", Status.PASSED), ("w", Status.FAILED), ("b", Status.INCONCLUSIVE)]
    return [finding(status, input=name, reason=f"of {name}") for name, status in found]


def check(why: str = "") -> Check:
    return Check("is_judged", "it is judged", judge, lambda layer: why and f"{layer.name} {why}")


def test_results_are_filled_in() -> None:
    layer = of_x(twice, (2,))
    whole, x, w, b = check().run(layer, CASE.point(layer))
    for result, name, status in (
        (whole, "", "passed"),
        (x, "x", "passed"),
        (w, "w", "failed"),
        (b, "b", "inconclusive"),
    ):
        assert result == Result(
            "layer",
            "is_judged",
            Status(status),
            name,
            f"of {name}",
            case=CASE,
            unaffected=("x",) if status == "failed" else (),
            forward_calls=2,
            backward_calls=1,
        )


def test_it_does_not_apply_where_there_is_a_reason_against_it() -> None:
    layer = of_x(twice, (2,))
    assert check().applies_to(layer)
    assert not check("has no samples").applies_to(layer)
    (result,) = check("has no samples").run(layer, CASE.point(layer))
    assert result == Result("layer", "is_judged", Status.NOT_APPLICABLE, reason="layer has no samples")
    assert Check("always", "it always applies", judge).applies_to(layer)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ZeroDivisionError("no such luck"), "forward raised ZeroDivisionError: no such luck"),
        (NotImplementedError("to do"), "forward is not implemented yet"),
    ],
)
def test_what_the_layer_raises_is_an_error_of_the_layer(error: Exception, text: str) -> None:
    def raising(x: Any) -> Any:
        raise error

    layer = of_x(raising, (2,))
    (result,) = check().run(layer, CASE.point(layer))
    assert result == Result("layer", "is_judged", Status.ERROR, reason=text, case=CASE, forward_calls=1)


def test_a_finding_names_no_layer_and_no_check_before_the_run() -> None:
    assert finding(Status.PASSED, input="x") == Result("", "", Status.PASSED, "x")


def test_wrong_use_is_told_to_the_user() -> None:
    layer = of_x(lambda x: x, (2,))
    with pytest.raises(UsageError, match="vjp returned ndarray, not"):
        check().run(layer, CASE.point(layer))
