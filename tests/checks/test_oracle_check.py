"""agrees_with_<oracle>: what is right passes, what is wrong in forward, backward or both is named with its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks import gradients
from cnngrad.checks.oracle import agrees_with, oracle_checks, wrong_side
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result
from cnngrad.oracles import Oracle
from cnngrad.oracles.oracle import always
from tests.checks.judging import layer_of, spoilt

SUMS = Oracle(
    "running sums",
    ("demo",),
    lambda inputs, config: inputs["x"] + inputs["x"],
    lambda inputs, config, dy: {"x": dy + dy},
    exact=always,
)
POINT = "values=lattice seed=0"


def doubling(forward: float = 2.0, backward: float = 2.0) -> Layer:
    return layer_of(lambda x: (forward * x, lambda dy: (backward * dy,)))


def run(layer: Layer, oracle: Oracle = SUMS, case: str = POINT) -> list[Result]:
    return agrees_with(oracle).run(layer, Case.parse(case).point(layer))


def test_the_name_is_a_statement() -> None:
    assert agrees_with(SUMS).name == "agrees_with_running_sums"
    assert agrees_with(SUMS).statement == "forward and backward are those of running sums"


@pytest.mark.parametrize(
    ("forward", "backward", "expected"),
    [
        (2.0, 2.0, ["passed", "passed"]),
        (2.0, 3.0, ["passed", "failed"]),
        (3.0, 2.0, ["failed", "passed"]),
        (3.0, 3.0, ["failed", "failed"]),  # wrong together: the gradient check passes
        (2.0, 2.0 + 2.0**-50, ["passed", "failed"]),
    ],
)
def test_output_and_gradients_are_judged_apart(forward: float, backward: float, expected: list[str]) -> None:
    layer = doubling(forward, backward)
    found = run(layer)
    assert [str(result.status) for result in found] == expected
    told = {r.reason for r in found if r.status == "passed"}
    assert told <= {"y of demo is that of running sums", "dx of demo is that of running sums"}
    assert {(r.forward_calls, r.backward_calls) for r in found} == {(2, 2)}
    if forward == backward:
        (result,) = gradients.CHECK.run(layer, Case.parse(POINT).point(layer))
        assert result.status == "passed"


def test_a_disagreement_names_the_worst_place() -> None:
    x = Case.parse(POINT).point(doubling())["x"]
    place = int(np.argmin(np.abs(x)))

    def vjp(x: Any) -> Any:
        y = 2 * x
        y[place] += 0.5
        return y, lambda dy: (2 * dy,)

    failed, passed = run(layer_of(vjp))
    assert (str(passed.status), passed.reason) == ("passed", "dx of demo is that of running sums")
    assert failed.reason == (
        f"not so: y of demo is that of running sums: {2 * x[place] + 0.5:.7g} here, {2 * x[place]:.7g} there, "
        f"at [{place}]"
    )


def test_a_nan_never_agrees_and_is_the_worst() -> None:
    layer = layer_of(lambda x: (2 * x, lambda dy: (np.array([1.5 * dy[0], 2 * dy[1], np.nan]),)))
    failed = run(layer)[1]
    dy = Case.parse(POINT).point(layer).cotangent(3)
    assert failed.status == "failed"
    assert failed.reason == f"not so: dx of demo is that of running sums: nan here, {2 * dy[2]:.7g} there, at [2]"


def test_a_wrong_shape_never_agrees() -> None:
    result = run(layer_of(lambda x: (2 * x, lambda dy: (2 * dy[None],))))[1]
    assert result.status == "failed"
    assert result.reason == "not so: dx of demo is that of running sums: shapes (1, 3) and (3,)"


def test_a_point_not_covered_is_not_applicable() -> None:
    nowhere = replace(SUMS, covers=lambda inputs, config: False)
    (result,) = run(doubling(), nowhere)
    assert str(result.status) == "not_applicable"
    assert result.reason == "running sums does not cover this point"


@pytest.mark.parametrize(
    ("vjp", "reason"),
    [
        (lambda x: 1 / 0, "forward raised ZeroDivisionError: division by zero"),
        (lambda x: (2 * x, lambda dy: 1 / 0), "backward raised ZeroDivisionError: division by zero"),
        (lambda x: (2 * x, lambda dy: (dy, dy)), "backward raised ValueError: returned 2 gradients for 1 inputs (x)"),
    ],
)
def test_what_the_layer_raises_is_an_error(vjp: Any, reason: str) -> None:
    (result,) = run(layer_of(vjp))
    assert (str(result.status), result.reason) == ("error", reason)


def test_what_the_oracle_raises_is_not_blamed_on_the_layer() -> None:
    def broken(inputs: Any, config: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(doubling(), replace(SUMS, forward=broken))


def test_every_reference_layer_has_an_oracle_and_no_other_layer_has_one() -> None:
    assert [layer.name for layer in layers.ALL if not oracle_checks(layer)] == []
    assert oracle_checks(doubling()) == ()


def test_a_reference_layer_beside_its_spoilt_twin() -> None:
    case = "n=2 features=3 outputs=2 values=lattice seed=1"
    point = Case.parse(case).point(layers.dense)
    wrong = spoilt(layers.dense, w=lambda seen: seen.right.w[::-1])
    for check in oracle_checks(layers.dense):
        assert {str(result.status) for result in check.run(layers.dense, point)} == {"passed"}
        failed = [result.reason for result in check.run(wrong, point) if result.status == "failed"]
        assert [reason.split(" is that of ")[0] for reason in failed] == ["not so: dw of dense"]


def side(layer: Layer, monkeypatch: pytest.MonkeyPatch, *oracles: Oracle) -> str:
    """Which side is off, by these oracles alone."""
    monkeypatch.setattr("cnngrad.checks.oracle.ALL", oracles)
    return wrong_side(layer, Case.parse(POINT).point(layer))


FORWARD_OFF = "the gradients are those of running sums: the forward is off"
BACKWARD_OFF = "the forward is that of running sums: the backward is off"


@pytest.mark.parametrize(
    ("forward", "backward", "told"),
    [
        (2.0, 3.0, BACKWARD_OFF),
        (3.0, 2.0, FORWARD_OFF),
        (3.0, 3.0, ""),  # another function, then
    ],
)
def test_the_side_that_is_off(forward: float, backward: float, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert side(doubling(forward, backward), monkeypatch, SUMS) == told


def test_the_side_is_told_with_the_configuration_of_the_point(monkeypatch: pytest.MonkeyPatch) -> None:
    def vjp(x: Any, *, times: float) -> Any:
        return times * x, lambda dy: ((times + 1) * dy,)

    assert side(layer_of(vjp, config={"times": 2.0}), monkeypatch, SUMS) == BACKWARD_OFF
    assert side(layer_of(vjp, config={"times": 1.0}), monkeypatch, SUMS) == FORWARD_OFF


def test_only_a_name_that_holds_the_reference_layers_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is spelt; beside the name of an activation or the like, the forward is not blamed."""
    sums = replace(SUMS, layers=("other", "max_pool"))
    for name, backward_off, forward_off in (
        ("max_pool", BACKWARD_OFF, FORWARD_OFF),
        ("MyMaxPool", BACKWARD_OFF, FORWARD_OFF),
        ("my_MAX_pool_2", BACKWARD_OFF, FORWARD_OFF),
        ("max_pool_relu", BACKWARD_OFF, ""),
        ("NormedMaxPool", BACKWARD_OFF, ""),
        ("pool", "", ""),
        ("demo", "", ""),
    ):
        assert side(replace(doubling(2, 3), name=name), monkeypatch, sums) == backward_off, name
        assert side(replace(doubling(3, 2), name=name), monkeypatch, sums) == forward_off, name


def test_an_oracle_that_cannot_tell_leaves_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_two_inputs(inputs: Any, config: Any) -> Any:
        return inputs["x"] + inputs["w"]

    raises = replace(SUMS, forward=of_two_inputs)
    elsewhere = replace(SUMS, covers=lambda inputs, config: False)
    no_forward = replace(SUMS, forward=None)
    no_gradients = replace(SUMS, gradients=None)
    wrong = doubling(3, 2)
    for silent in (raises, elsewhere, no_forward, no_gradients):
        assert side(wrong, monkeypatch, silent) == ""
        assert side(wrong, monkeypatch, silent, SUMS) == FORWARD_OFF


def test_the_side_of_a_reference_layer() -> None:
    point = Case.parse("n=2 features=3 outputs=2 values=normal seed=0").point(layers.dense)
    wrong = spoilt(layers.dense, w=lambda seen: 2 * seen.right.w)
    assert wrong_side(wrong, point) == "the forward is that of connection matrix: the backward is off"
    assert wrong_side(replace(wrong, name="gadget"), point) == ""
    assert wrong_side(replace(wrong, vjp=lambda x: (x.sum(), None), inputs=("x",), shapes={"x": (3,)}), point) == ""
