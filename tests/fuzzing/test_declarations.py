"""Whatever the adapters' keywords are given, a layer or a refusal comes of it; then a report or a refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import cnngrad as cg
from tests.fuzzing.fuzz import ANY_TEXT, NAMES, QUICK_AND_LONG, SAID, VALUES, Says, fuzz

GRADIENTS = ("gradients_match_forward",)


def forward(x: Any, w: Any) -> Any:
    return x * w, (x, w)


def backward(dy: Any, cache: Any) -> Any:
    return dy * cache[1], dy * cache[0]


def vjp(x: Any, w: Any) -> Any:
    return x * w, lambda dy: (dy * w, dy * x)


class Scale:
    """As people write them."""

    def __init__(self, W: Any) -> None:
        self.W, self.dW = W, None

    def forward(self, x: Any) -> Any:
        self.x = x
        return self.W * x

    def backward(self, dout: Any) -> Any:
        self.dW = dout * self.x
        return dout * self.W


INPUTS = st.sampled_from(["x", "w", "dy"])
FEW = st.lists(INPUTS, max_size=2, unique=True)
TWIN = cg.Layer(vjp, ("x", "w"), "twin")
# Each keyword's own kind, which mostly gets as far as a check; every other time it is given anything at all.
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("name", "target"), ANY_TEXT),
    **dict.fromkeys(("constants", "zero_gradient", "in_place"), FEW),
    **dict.fromkeys(("where", "random", "shared", "surrogate"), SAID),
    **dict.fromkeys(("draw", "features"), st.dictionaries(st.sampled_from("xw"), SAID, min_size=1)),
    "precision": st.sampled_from(["float32", "tf32"]) | ANY_TEXT,
    "contiguous": st.booleans(),
    "conventions": st.lists(ANY_TEXT, max_size=2).map(tuple),
    "dims": st.dictionaries(NAMES, st.tuples(st.integers(-2, 3), st.integers(-2, 3)), max_size=2),
    "shapes": SAID | st.fixed_dictionaries({name: st.tuples(st.integers(-1, 3)) for name in "xwW"}),
    "config": SAID | st.dictionaries(NAMES, VALUES, max_size=1),
    "domain": st.dictionaries(st.sampled_from("xw"), st.tuples(st.floats(), st.floats()), min_size=1),
    "batch_axis": st.integers(-3, 3) | st.dictionaries(st.sampled_from("xwy"), st.integers(-2, 2), min_size=1),
    "reference": st.just(TWIN) | SAID.map(lambda said: cg.Layer(said, ("x", "w"), "odd")),
    "reduction": st.just("mean"),
    "sign": st.just("descent"),
    "cotangent": st.just("preactivation"),
    "activation": st.sampled_from(["relu", "tanh"]) | st.tuples(SAID, SAID),
}
FACTS = {name: right | VALUES for name, right in RIGHT.items()}
OWN: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "Layer": {"inputs": VALUES},
    "from_functions": {
        name: VALUES for name in ("inputs", "forward_returns", "backward_takes", "backward_returns", "backward")
    },
    "from_class": {
        name: VALUES
        for name in ("params", "forward", "backward", "input", "input_gradient", "update", "setup", "backward_takes")
    }
    | {name: VALUES for name in ("rate", "accumulates")},
    "adapt": {"inputs": VALUES},
}


def keywords(adapter: str) -> st.SearchStrategy[dict[str, Any]]:
    """A few of them; the shapes are mostly right, so that something is reached."""
    every = {**FACTS, **OWN[adapter]}
    right = st.just({"x": (2,), "w": (2,)} if adapter != "from_class" else {"x": (2,), "W": (2,)})
    # Lists, not sets: the order of a set is another one in every process, and the examples with it.
    few = st.lists(st.sampled_from(sorted(every)), min_size=1, max_size=2, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({"shapes": right, **{name: every[name] for name in names}}))


def made(adapter: str, given: dict[str, Any]) -> cg.Layer:
    if adapter == "Layer":
        return cg.Layer(vjp, **{"inputs": ("x", "w"), **given})
    if adapter == "from_functions":
        return cg.from_functions(forward, **{"backward": backward, "inputs": ("x", "w"), **given})
    if adapter == "from_class":
        return cg.from_class(Scale, **{"params": {"W": "dW"}, **given})
    return cg.adapt((forward, backward), show=lambda line: None, **given)


def checked(layer: cg.Layer, select: tuple[str, ...] = ()) -> bool:
    """Whether there is a report, which can be shown; else there is a refusal."""
    try:
        with np.errstate(all="ignore"):
            report = cg.check(layer, effort="quick", select=select, diagnose=False, raise_on_failure=False)
    except cg.UsageError:
        return False
    return bool(str(report) and report.to_json())


@QUICK_AND_LONG
@pytest.mark.parametrize("adapter", list(OWN))
def test_keywords_are_taken_or_refused(adapter: str, times: int) -> None:
    reports = 0

    def body(given: dict[str, Any]) -> None:
        nonlocal reports
        try:
            layer = made(adapter, given)
        except cg.UsageError:
            return
        reports += checked(layer, GRADIENTS if "batch_axis" not in given else ())

    fuzz(keywords(adapter), 60 * times, body)
    assert reports


@QUICK_AND_LONG
def test_whatever_a_layer_returns(times: int) -> None:
    """From its forward, from its backward, in the places where there are arrays and gradients elsewhere."""
    reports = 0

    def body(returned: Any) -> None:
        nonlocal reports
        layers = (
            cg.Layer(Says(returned), ("x", "w"), "whole"),
            cg.Layer(lambda x, w: (returned, vjp(x, w)[1]), ("x", "w"), "forward"),
            cg.Layer(lambda x, w: (x * w, lambda dy: returned), ("x", "w"), "backward"),
            cg.Layer(lambda x, w: (x * w, lambda dy: (returned, dy * x)), ("x", "w"), "gradient"),
            cg.from_functions(lambda x, w: returned, backward, ("x", "w")),
            cg.from_functions(forward, lambda dy, cache: returned, ("x", "w")),
        )
        reports += sum(checked(replace(layer, shapes={"x": (2,), "w": (2,)})) for layer in layers)

    fuzz(VALUES, 15 * times, body)
    assert reports


@QUICK_AND_LONG
def test_whatever_is_to_be_adapted(times: int) -> None:
    def body(given: Any) -> None:
        with pytest.raises(cg.UsageError):
            cg.adapt(given, show=lambda line: None)

    fuzz(VALUES, 60 * times, body)
