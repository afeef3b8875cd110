"""The chain rule over stages: names, order, the trace, and what a wrong stage or wrong input is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.networks import StageError, chain, inputs_for


def _dense(x: Any, w: Any) -> tuple[Any, Any]:
    return x @ w.T, lambda dy: (dy @ w, dy.T @ x)


def _cube(x: Any) -> tuple[Any, Any]:
    return x**3, lambda dy: (3 * x**2 * dy,)


def _error(y: Any, t: Any) -> tuple[Any, Any]:
    return 0.5 * np.sum((y - t) ** 2), lambda de: (de * (y - t), None)


DENSE = Layer(_dense, ("x", "w"), "dense", zero_gradient=("x",), domain={"w": (0.0, 1.0)})
CUBE = Layer(_cube, ("x",), "cube")
ERROR = Layer(_error, ("y", "t"), "error", constants=("t",), draw={"t": lambda rng, shape, d: np.ones(shape)})
NET = chain(A=DENSE, F=CUBE, B=DENSE, E=ERROR)


def _values(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    shapes = {"x": (2, 4), "A.w": (3, 4), "B.w": (2, 3), "E.t": (2, 2)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def test_inputs_and_declared_facts_carry_the_stage_names() -> None:
    assert NET.inputs == ("x", "A.w", "B.w", "E.t")
    assert NET.constants == ("E.t",)
    assert NET.parameters == ("A.w", "B.w")
    assert NET.domain == {"A.w": (0.0, 1.0), "B.w": (0.0, 1.0)}
    assert NET.zero_gradient == ("x",)  # of the first stage; the second dense layer's x is no input of the chain
    assert list(NET.draw) == ["E.t"]
    assert "stages" not in NET.facts


def test_gradients_are_those_of_the_composition(wrong_gradients: Any) -> None:
    assert wrong_gradients(NET, inputs_for(NET, _values())) == []


@pytest.mark.parametrize(("stage", "name", "wrong"), [("B", "w", ["B.w"]), ("F", "x", ["x", "A.w"])])
def test_a_spoilt_stage_is_seen_in_the_chain_and_found_in_the_trace(
    stage: str, name: str, wrong: list[str], wrong_gradients: Any, spoil: Any
) -> None:
    net = spoil(NET, stage, name)
    inputs = inputs_for(net, _values())
    assert wrong_gradients(net, inputs) == wrong
    alone = {traced.name: wrong_gradients(traced.layer, traced.inputs) for traced in net.trace(*inputs)}
    assert {found: names for found, names in alone.items() if names} == {stage: [name]}


def test_trace_holds_every_output_and_cotangent() -> None:
    values = _values()
    trace = NET.trace(*inputs_for(NET, values))
    a = values["x"] @ values["A.w"].T
    delta = trace["B"].output - values["E.t"]
    np.testing.assert_array_equal(trace["A"].output, a)
    np.testing.assert_array_equal(trace["B"].inputs[0], a**3)
    np.testing.assert_array_equal(trace["B"].cotangent, delta)
    np.testing.assert_allclose(trace["A"].cotangent, 3 * a**2 * (delta @ values["B.w"]))
    assert trace["E"].cotangent == 1.0
    assert list(trace.gradients) == ["x", "A.w", "B.w", "E.t"]
    assert trace.gradients["E.t"] is None
    assert trace["A"].alone.name == "A.dense"
    assert trace["A"].alone.vjp is DENSE.vjp
    assert trace.output == NET(*inputs_for(NET, values))[0]
    with pytest.raises(UsageError, match="no stage 'C'; the stages are A, F, B, E"):
        trace["C"]


def test_trace_needs_a_cotangent_for_an_array() -> None:
    net = NET.until("B")
    assert net.inputs == ("x", "A.w", "B.w")
    inputs = inputs_for(net, _values())
    dy = np.array([[1.0, -2.0], [3.0, 0.5]])
    np.testing.assert_allclose(net.trace(*inputs, dy=dy).gradients["B.w"], dy.T @ net.trace(*inputs, dy=dy)["F"].output)
    with pytest.raises(UsageError, match=r"an array of shape \(2, 2\), so trace needs its cotangent"):
        net.trace(*inputs)


def test_a_chain_is_a_stage_like_any_other(wrong_gradients: Any) -> None:
    net = chain(N=chain(A=DENSE, F=CUBE), B=DENSE)
    assert net.inputs == ("x", "N.A.w", "B.w")
    values = _values()
    assert wrong_gradients(net, (values["x"], values["A.w"], values["B.w"])) == []


def test_shapes_are_declared_by_replace() -> None:
    declared = replace(NET, shapes={name: value.shape for name, value in _values().items()})
    assert declared.shapes_at({})["B.w"] == (2, 3)
    assert list(declared.stages) == ["A", "F", "B", "E"]


def test_keywords_a_stage_declares_reach_it() -> None:
    scaled = Layer(lambda x, k=1.0: (k * x, lambda dy: (k * dy,)), ("x",), "scale", config={"k": 3.0})
    assert chain(A=scaled, B=replace(scaled, config=lambda d: {"k": d.k}))(np.ones(1))[0].tolist() == [3.0]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: chain(), "a chain needs at least one stage"),
        (
            lambda: chain(A=_dense),  # type: ignore[arg-type]  # the mistake that is tested
            "stage A is function, not a Layer",
        ),
        (
            lambda: chain(A=DENSE, E=replace(ERROR, constants=("y",), draw={})),
            r"stage E \(error\) declares its first input",
        ),
        (lambda: NET(np.ones(2)), r"the chain takes 4 inputs \(x, A.w, B.w, E.t\), 1 were given"),
        (lambda: NET.configured(stride=2), r"a chain takes no keywords \(stride given\): configure the stage"),
        (lambda: NET.until("Z"), "no stage 'Z'; the stages are A, F, B, E"),
        (lambda: inputs_for(NET, {"x": 1}), "no value for A.w, B.w, E.t; the network takes x, A.w"),
    ],
)
def test_bad_input_is_told_in_a_sentence(build: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build()


def _raising(error: Exception, backwards: bool) -> Layer:
    def fail(*_: Any) -> Any:
        raise error

    return Layer(lambda x: (x, fail) if backwards else fail(), ("x",), "own")


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ZeroDivisionError("oops"), StageError, r"stage C \(own\): (for|back)ward raised ZeroDivisionError: oops"),
        (UsageError("too small"), UsageError, r"stage C \(own\): too small"),
        (NotImplementedError("later"), NotImplementedError, r"stage C \(own\): later"),
    ],
)
def test_what_a_stage_raises_names_it(error: Exception, kind: type, message: str, backwards: bool) -> None:
    net = chain(A=CUBE, C=_raising(error, backwards))
    with pytest.raises(kind, match=message):
        net.trace(np.ones(2), dy=np.ones(2))


def test_a_missing_gradient_names_the_stage() -> None:
    net = chain(A=CUBE, C=Layer(lambda x: (x, lambda dy: ()), ("x",), "own"))
    with pytest.raises(StageError, match=r"stage C \(own\): backward raised ValueError"):
        net.trace(np.ones(2), dy=np.ones(2))
    net = chain(A=CUBE, C=Layer(lambda x: (x, lambda dy: (None,)), ("x",), "own"))
    with pytest.raises(StageError, match=r"stage C \(own\): backward gave None for its first input"):
        net.trace(np.ones(2), dy=np.ones(2))
