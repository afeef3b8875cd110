"""calls_are_independent, for layers that keep their state on an object."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.calling import call, elsewhere
from cnngrad.checks.calls_are_independent import CHECK, _in_turn
from cnngrad.core.call import Evaluation
from tests.checks.behaviour import POINT, FirstForwardOnly, OneObject, failed, layer_of, passes, run
from tests.checks.independence import AFTER_A_AND_B, AGAIN, CACHE, NOT_THAT, TWICE


class Accumulates(OneObject):
    def backward(self, dy):
        dx, dw, db = super().backward(dy)
        self.dw = getattr(self, "dw", 0) + dw
        return dx, self.dw, db


class EveryFifthDoubled(OneObject):
    def backward(self, dy):
        dx, dw, db = super().backward(dy)
        return dx * (2 if self.calls % 5 == 0 else 1), dw, db


class OnTheClass(OneObject):
    """The cache is shared by all objects."""

    def forward(self, x, w, b):
        y = super().forward(x, w, b)
        type(self).kept = x
        return y

    def backward(self, dy):
        self.x = self.kept
        return super().backward(dy)


class StaleMask(OneObject):
    def forward(self, x, w, b):
        super().forward(x, w, b)
        if self.calls == 0:
            self.mask = x @ w > 0
        return np.maximum(x @ w, 0) + b

    def backward(self, dy):
        self.calls += 1
        hidden = dy * self.mask
        return hidden @ self.w.T, self.x.T @ hidden, dy.sum(axis=0)


ON_ONE_OBJECT = "on one object, forward and backward number "


@pytest.mark.parametrize(
    ("cls", "names", "reason"),
    [
        (FirstForwardOnly, {"w"}, f"{ON_ONE_OBJECT}2: {NOT_THAT}{CACHE}"),
        (Accumulates, {"w"}, f"{AGAIN}: {NOT_THAT}{TWICE}"),
        (EveryFifthDoubled, {"x"}, f"{ON_ONE_OBJECT}5: {NOT_THAT}{TWICE}"),
        (OnTheClass, {"w"}, f"{AFTER_A_AND_B}: {NOT_THAT}{CACHE}"),
        (StaleMask, {"x", "w"}, f"{ON_ONE_OBJECT}2: {NOT_THAT}{CACHE}"),
    ],
)
def test_objects(cls, names, reason) -> None:
    found = failed(CHECK, layer_of(cls))
    assert {name: result.reason for name, result in found.items()} == {name: reason.format(name=name) for name in names}


def test_two_points_take_turns_on_one_object() -> None:
    layer = layer_of(OneObject)
    at = Evaluation(layer, POINT.point(layer))
    a, b = call(at, at.point.inputs), call(at, elsewhere(at))
    assert ["ab"[expected is b] for expected, _, _ in _in_turn(at, a, b)] == ["a", "b", "a", "b", "a"]


def test_right_layers_pass() -> None:
    assert passes(CHECK, layer_of(OneObject))


def test_refused_second_backward_is_no_failure() -> None:
    class Once(OneObject):
        def backward(self, dy):
            gradients = super().backward(dy)
            self.x = None
            return gradients

    assert passes(CHECK, layer_of(Once))


def test_cost() -> None:
    assert run(CHECK, layer_of(OneObject))["x"].forward_calls == 9
