"""A diagnosis survives every layer, keeps its budget, changes no verdict and can be left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cnngrad.diagnosis as diagnosis
from cnngrad.cli import main
from cnngrad.core.case import Case
from cnngrad.core.conventions import ACTIVATIONS
from cnngrad.core.layer import Layer
from cnngrad.diagnosis import BUDGET, Diagnosis, diagnosis_of, measured
from cnngrad.diagnosis.scene import Meter
from cnngrad.layers import conv, conv1d, dense, half_squared_error, relu_conv, sigmoid, sigmoid_conv
from cnngrad.pytest_plugin import OPTIONS
from cnngrad.runner import check

POINT = Case((("n", 2), ("features", 3), ("outputs", 2)), values="normal").point(dense)
GRADIENTS = ("gradients_match_forward",)


def spoiled(backward: Callable[..., Any], layer: Layer = dense) -> Layer:
    def vjp(*inputs: Any, **config: Any) -> Any:
        y, right = layer.vjp(*inputs, **config)
        return y, lambda dy: backward(right(dy), dy)

    return replace(layer, vjp=vjp, shared=None)


def halved(right: Any, dy: Any) -> Any:
    return right[0], right[1] / 2, right[2]


def raising(right: Any, dy: Any) -> Any:
    raise RuntimeError("no")


def not_numbers(right: Any, dy: Any) -> Any:
    return right[0], np.array([["a"]]), right[2]


def of_nan(right: Any, dy: Any) -> Any:
    return right[0], right[1] * np.nan, right[2]


def of_no_shape(right: Any, dy: Any) -> Any:
    return right[0], np.zeros((7, 1, 5)), right[2]


@pytest.mark.parametrize("backward", [raising, not_numbers, of_nan, of_no_shape])
def test_survives_a_strange_backward(backward: Callable[..., Any]) -> None:
    assert isinstance(diagnosis_of(spoiled(backward), POINT, "w"), Diagnosis)


def test_survives_a_forward_that_raises_later() -> None:
    calls = []

    def vjp(*inputs: Any, **config: Any) -> Any:
        calls.append(1)
        if len(calls) > 20:
            raise MemoryError
        return dense.vjp(*inputs, **config)

    assert diagnosis_of(replace(dense, vjp=vjp), POINT, "w") == Diagnosis()


def test_a_slow_layer_only_ends_the_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "SECONDS", 0.1)

    def vjp(*inputs: Any, **config: Any) -> Any:
        time.sleep(0.03)
        return spoiled(halved).vjp(*inputs, **config)

    started = time.monotonic()
    assert diagnosis_of(replace(dense, vjp=vjp), POINT, "w") == Diagnosis()
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("budget", [0, 1, 10, 100, BUDGET])
def test_the_budget_is_kept(budget: int) -> None:
    calls = {"forward": 0, "backward": 0}
    wrong = spoiled(lambda right, dy: (right[0], right[1] * np.cos(right[1]), right[2]), conv)

    def vjp(*inputs: Any, **config: Any) -> Any:
        calls["forward"] += 1
        y, backward = wrong.vjp(*inputs, **config)

        def counted(dy: Any) -> Any:
            calls["backward"] += 1
            return backward(dy)

        return y, counted

    sizes = dict.fromkeys(conv.dims or {}, 1) | {"n": 2, "width": 5, "kw": 2, "rank": 2, "height": 4}
    layer = replace(conv, vjp=vjp)
    point = Case(tuple(sizes.items()), values="normal").point(layer)
    meter = Meter(budget, 60.0)
    measured(layer, point, "w", meter)
    assert calls["forward"] + calls["backward"] == meter.used <= budget


def test_the_message_names_the_mistake_and_stays_short() -> None:
    report = check(spoiled(halved), select=GRADIENTS, raise_on_failure=False)
    text = str(report)
    assert "  looks like: the gradient of w is multiplied by 1/2; claimed / numerical is 0.5 in" in text
    assert "  change: it must be 2 times as large: a 1/2 is kept that the derivative cancels" in text
    assert len(text.splitlines()) <= 15
    assert report.failures[0].suspects[0].mistake == "the gradient of w is multiplied by 1/2"


def test_without_diagnosis_the_verdict_is_the_same_and_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    named = check(spoiled(halved), select=GRADIENTS, raise_on_failure=False)
    silent = check(spoiled(halved), select=GRADIENTS, diagnose=False, raise_on_failure=False)
    assert [replace(r, suspects=(), where=None) for r in named.results] == list(silent.results)
    assert "looks like" not in str(silent)
    monkeypatch.setitem(OPTIONS, "diagnose", False)
    assert "looks like" not in str(check(spoiled(halved), select=GRADIENTS, raise_on_failure=False))
    assert "looks like" in str(check(spoiled(halved), select=GRADIENTS, diagnose=True, raise_on_failure=False))


def test_the_command_line_can_leave_it_out(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "halved.py"
    file.write_text(
        "import cnngrad as cg\n"
        "square = cg.Layer(lambda x: (x * x, lambda dy: (x * dy,)), ('x',), 'square', shapes={'x': (3,)})\n"
    )
    assert main(["check", f"{file}:square"]) == 1
    assert "looks like: the gradient of x is multiplied by 1/2" in capsys.readouterr().out
    assert main(["check", f"{file}:square", "--no-diagnosis"]) == 1
    assert "looks like" not in capsys.readouterr().out


def test_conventions_are_named_with_the_line_that_declares_them() -> None:
    averaged = spoiled(lambda right, dy: (right[0], right[1] / len(dy), right[2]))
    (lead, *_) = diagnosis_of(averaged, POINT, "w").suspects
    assert 'declare reduction="mean"' in lead.advice
    descending = spoiled(lambda right, dy: (right[0], -right[1], right[2]))
    (lead, *_) = diagnosis_of(descending, POINT, "w").suspects
    assert 'declare sign="descent"' in lead.advice


def test_deltas_before_the_activation_are_named_with_the_line_that_declares_them() -> None:
    point = Case((("rank", 1), ("n", 2), ("c", 2), ("f", 2), ("width", 4), ("kw", 2)), values="normal")
    for layer, name in ((relu_conv, "relu"), (sigmoid_conv, "sigmoid")):
        _, slope = ACTIVATIONS[name]

        def vjp(x: Any, w: Any, b: Any, slope: Any = slope, layer: Layer = layer, **config: Any) -> Any:
            _, backward = conv.vjp(x, w, b, **config)
            return layer.vjp(x, w, b, **config)[0], lambda dy: ((g := backward(dy))[0] * slope(x), *g[1:])

        before = replace(layer, vjp=vjp)
        sizes = dict.fromkeys(layer.dims or {}, 1) | dict(point.dims)
        at = Case(tuple(sizes.items()), values="normal").point(before)
        for of in ("x", "w", "b"):
            (lead, *_) = diagnosis_of(before, at, of).suspects
            assert f'declare cotangent="preactivation", activation="{name}"' in lead.advice, (name, of, lead)
        declared = replace(before, cotangent="preactivation", activation=name)
        assert check(declared, effort="quick", select=GRADIENTS).ok


def test_a_claim_that_is_not_a_number_here_and_there_is_named_by_what_it_is_elsewhere() -> None:
    def vjp(y: Any, t: Any) -> Any:
        e, backward = half_squared_error.vjp(y, t)

        def of_the_norm(de: Any) -> Any:
            with np.errstate(all="ignore"):
                return backward(de)[0] / np.sqrt(np.sum((y - t) ** 2)), None

        return e, of_the_norm

    point = Case((("n", 2), ("outputs", 3)), values="normal").point(half_squared_error)
    same = replace(point, inputs=(point.inputs[1], point.inputs[1]))
    for also in ((), (same,)):
        (lead, *_) = diagnosis_of(replace(half_squared_error, vjp=vjp), point, "y", also=also).suspects
        assert lead.mistake == "the gradient of y is divided by the norm of y - t"
    only_there = replace(
        sigmoid, vjp=lambda x: (sigmoid.vjp(x)[0], lambda dy: (_nan_at_one(sigmoid.vjp(x)[1](dy)[0]),))
    )
    (lead, *_) = diagnosis_of(only_there, Case((("n", 2), ("width", 3)), values="normal").point(sigmoid), "x").suspects
    assert lead.family == "not a number"


def _nan_at_one(g: Any) -> Any:
    return np.where(np.arange(g.size).reshape(g.shape) == 0, np.nan, g)


def test_a_point_of_the_users_own_is_diagnosed_without_declared_configurations() -> None:
    own = replace(
        spoiled(lambda right, dy: (right[0], right[1], right[2] / len(dy)), conv), dims=None, shapes=None, config=None
    )
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((5, 3, 6, 6), (2, 3, 2, 2), (2,))]
    report = check(own, *arrays, select=GRADIENTS, raise_on_failure=False)
    suspect = report.failures[0].suspects[0]
    assert suspect.mistake == "the gradient of b is divided by the number of samples"


def test_an_input_too_large_costs_no_calls() -> None:
    large = Layer(lambda x: (x * x, lambda dy: (x * dy,)), ("x",), "square", shapes={"x": (BUDGET,)})
    meter = Meter(BUDGET, 60.0)
    assert measured(large, Case(values="normal").point(large), "x", meter) == Diagnosis()
    assert meter.used == 2


def test_an_overflow_is_told_from_a_division_by_zero() -> None:
    """e^-x / (1 + e^-x)² is ∞/∞ where x is very negative; y/x is 0/0 at 0 alone."""

    def with_slope(slope: Callable[[Any], Any]) -> Layer:
        return replace(sigmoid, vjp=lambda x: (sigmoid.vjp(x)[0], lambda dy: (dy * slope(np.asarray(x)),)), shared=None)

    def of(layer: Layer, *x: float) -> str:
        point = replace(Case((("n", 1), ("width", len(x)))).point(layer), inputs=(np.array([x]),))
        with np.errstate(all="ignore"):
            return diagnosis_of(layer, point, "x").suspects[0].mistake

    overflowing = with_slope(lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2)
    assert of(overflowing, -800.0, 1.0).startswith("the gradient of x is not a number where |x| is above 300: exp")
    dividing = with_slope(lambda x: sigmoid.vjp(x)[1](x)[0] / x)
    assert of(dividing, 0.0, 1.0).startswith("the gradient of x is not a number where x is 0: 0/0")


def test_a_mistake_that_a_condition_calls_forth_need_not_explain_the_cases_without() -> None:
    """``range(0, size - k, stride)`` misses the last window, where there is no remainder."""

    def vjp(x: Any, w: Any, b: Any, **config: Any) -> Any:
        y, right = conv1d.vjp(x, w, b, **config)
        reach = config["dilation"] * (w.shape[2] - 1) + 1

        def backward(dy: Any) -> Any:
            if (x.shape[2] + 2 * config["pad"] - reach) % config["stride"] == 0:
                dy = np.concatenate([dy[..., :-1], 0 * dy[..., -1:]], axis=-1)
            return right(dy)

        return y, backward

    found = check(replace(conv1d, vjp=vjp), select=GRADIENTS, effort="quick", raise_on_failure=False).failures[0]
    assert found.suspects[0].mistake == f"the gradient of {found.input} leaves out the last place of each map"
    assert found.where is not None
    assert found.where.only == ("no remainder",)
