"""Where a backward is written is found through every way in which it may be wrapped."""

from __future__ import annotations

import cProfile
import functools
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.core.case import Case
from cnngrad.core.source import backward_source

HERE = Path(__file__)


def forward(x: Any) -> Any:
    return 2 * x, x


def helper(dy: Any) -> Any:
    return 2 * dy


def backward(dy: Any, cache: Any) -> Any:
    return helper(dy)


def raising(dy: Any, cache: Any) -> Any:
    raise KeyError("cache")


class Scale:
    def forward(self, x: Any) -> Any:
        return 2 * x

    def backward(self, dy: Any) -> Any:
        return helper(dy)


def plain_vjp(x: Any) -> Any:
    def pull(dy: Any) -> Any:
        return (2 * dy,)

    return 2 * x, pull


SHAPES = {"x": (2,)}
LAMBDA = cg.Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "lambda", shapes=SHAPES)


@pytest.mark.parametrize(
    ("layer", "written"),
    [
        (cg.from_functions(forward, backward, inputs=("x",), shapes=SHAPES), backward),
        (cg.from_functions(forward, functools.partial(backward), inputs=("x",), shapes=SHAPES), backward),
        (cg.from_functions(forward, lambda dy, cache: backward(dy, cache), inputs=("x",), shapes=SHAPES), backward),
        (cg.from_functions(forward, raising, inputs=("x",), shapes=SHAPES), raising),
        (cg.from_class(Scale, params={}, shapes=SHAPES), Scale.backward),
        (cg.from_class(Scale, params={}, shapes=SHAPES, batch_axis=0, reduction="mean"), Scale.backward),
    ],
)
def test_the_line_of_the_users_function(layer: cg.Layer, written: Any) -> None:
    found = backward_source(layer, Case().point(layer))
    assert found is not None
    assert (Path(found.path).resolve(), found.line) == (HERE, inspect.getsourcelines(written)[1])


def test_a_function_with_no_telling_name() -> None:
    for layer, line in (
        (cg.Layer(plain_vjp, ("x",), shapes=SHAPES), "    def pull(dy"),
        (LAMBDA, "LAMBDA = cg.Layer("),
    ):
        found = backward_source(layer, Case().point(layer))
        assert found is not None
        assert HERE.read_text().splitlines()[found.line - 1].startswith(line)


def test_what_cannot_be_pointed_at_is_none() -> None:
    names: dict[str, Any] = {}
    exec("made = lambda x: (x, lambda dy: (dy,))", names)
    for vjp in (names["made"], lambda x: (x, np.atleast_1d)):
        layer = cg.Layer(vjp, ("x",), "made", shapes=SHAPES)
        assert backward_source(layer, Case().point(layer)) is None


def test_only_a_layer_with_failures_has_a_source() -> None:
    wrong = cg.from_functions(forward, lambda dy, cache: 3 * dy, inputs=("x",), shapes=SHAPES)
    found = cg.check(wrong, raise_on_failure=False).source
    assert found is not None
    assert Path(found.path).resolve() == HERE
    assert cg.check(LAMBDA).source is None


def test_a_profiler_of_the_users_is_left_in_place() -> None:
    with cProfile.Profile() as profile:
        report = cg.check(LAMBDA, effort="quick", raise_on_failure=False)
        assert backward_source(LAMBDA, Case().point(LAMBDA)) is None
    assert report.ok
    assert profile.getstats()
