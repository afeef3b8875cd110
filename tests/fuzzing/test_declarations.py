"""Whatever the adapters' keywords are given, a layer or a refusal comes of it; then a report or a refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import cnngrad as cg
from tests.fuzzing.fuzz import NAMES, QUICK_AND_LONG, VALUES, fuzz

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


FACTS: dict[str, st.SearchStrategy[Any]] = {
    name: VALUES
    for name in ("name", "constants", "dims", "shapes", "config", "where", "draw", "domain", "batch_axis", "in_place")
} | {
    name: VALUES
    for name in ("zero_gradient", "contiguous", "precision", "reference", "random", "shared", "features", "target")
}
FACTS |= {name: VALUES for name in ("conventions", "reduction", "sign", "cotangent", "activation", "surrogate")}
FACTS["dims"] |= st.dictionaries(NAMES, st.tuples(st.integers(-2, 3), st.integers(-2, 3)), max_size=2)
FACTS["shapes"] |= st.fixed_dictionaries({"x": st.tuples(st.integers(-1, 3)), "w": st.tuples(st.integers(-1, 3))})
FACTS["domain"] |= st.dictionaries(NAMES, st.tuples(st.floats(), st.floats()), max_size=2)
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
    few = st.lists(st.sampled_from(sorted(every)), max_size=3, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({"shapes": right, **{name: every[name] for name in names}}))


def made(adapter: str, given: dict[str, Any]) -> cg.Layer:
    if adapter == "Layer":
        return cg.Layer(vjp, **{"inputs": ("x", "w"), **given})
    if adapter == "from_functions":
        return cg.from_functions(forward, **{"backward": backward, "inputs": ("x", "w"), **given})
    if adapter == "from_class":
        return cg.from_class(Scale, **{"params": {"W": "dW"}, **given})
    return cg.adapt((forward, backward), show=lambda line: None, **given)


@QUICK_AND_LONG
@pytest.mark.parametrize("adapter", list(OWN))
def test_keywords_are_taken_or_refused(adapter: str, times: int) -> None:
    reports = 0

    def body(given: dict[str, Any]) -> None:
        nonlocal reports
        try:
            layer = made(adapter, given)
            with np.errstate(all="ignore"):
                report = cg.check(layer, effort="quick", select=GRADIENTS, diagnose=False, raise_on_failure=False)
        except cg.UsageError:
            return
        reports += 1
        assert str(report)
        assert report.to_json()

    fuzz(keywords(adapter), 60 * times, body)
    assert reports


@QUICK_AND_LONG
def test_whatever_is_to_be_adapted(times: int) -> None:
    def body(given: Any) -> None:
        with pytest.raises(cg.UsageError):
            cg.adapt(given, show=lambda line: None)

    fuzz(VALUES, 60 * times, body)
