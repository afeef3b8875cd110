"""calls_are_independent: caches, sums and counts that outlive a call, in functions and on objects."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.calls_are_independent import CHECK
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.result import Status
from tests.checks.behaviour import (
    FirstForwardOnly,
    OneObject,
    dense,
    dense_layer,
    failed,
    finite_numbers,
    layer_of,
    of_x,
    passes,
    run,
)


def module_level_cache():
    """Every forward overwrites the cache that all backwards read."""
    cache = {}

    def vjp(x, w, b):
        cache["x"], cache["w"] = x, w
        return x @ w + b, lambda dy: (dy @ cache["w"].T, cache["x"].T @ dy, dy.sum(axis=0))

    return dense_layer(vjp)


def first_forward_in_a_module(shape=(3, 4)):
    """The cache is filled once: every gradient is that of the first point."""
    cache = {}

    def vjp(x):
        cache.setdefault("mask", x > 0)
        return np.maximum(x, 0), lambda dy: (dy * cache["mask"],)

    return of_x(vjp, shape)


def added_up():
    total = np.zeros((4, 2))

    def vjp(x, w, b):
        y, back = dense(x, w, b)

        def backward(dy):
            nonlocal total
            dx, dw, db = back(dy)
            total = total + dw
            return dx, total, db

        return y, backward

    return dense_layer(vjp)


def every_fifth_doubled():
    calls = []

    def vjp(x, w, b):
        y, back = dense(x, w, b)

        def backward(dy):
            calls.append(1)
            return tuple(g * (2 if len(calls) % 5 == 0 else 1) for g in back(dy))

        return y, backward

    return dense_layer(vjp)


def added_in_the_closure(x, w, b):
    """Only a second backward after one forward shows it."""
    y, back = dense(x, w, b)
    db = np.zeros(b.shape)

    def backward(dy):
        nonlocal db
        db = db + dy.sum(axis=0)
        return (*back(dy)[:2], db)

    return y, backward


@pytest.mark.parametrize(
    ("layer", "names", "sentence"),
    [
        (
            module_level_cache(),
            {"x", "w"},
            "after forward A and forward B, backward of A: the backward works with what",
        ),
        (first_forward_in_a_module(), {"x"}, "where it is wrong: the cache is that of the first forward"),
        (added_up(), {"w"}, "is not that of calls by themselves"),
        (every_fifth_doubled(), {"x", "w", "b"}, "a second backward after one forward"),
        (dense_layer(added_in_the_closure), {"b"}, "but 2 times as large: if gradients are added up, set them to zero"),
    ],
)
def test_functions(layer, names, sentence) -> None:
    found = failed(CHECK, layer)
    assert set(found) == names
    assert all(sentence in result.reason for result in found.values())
    assert all(finite_numbers(result) for result in found.values())


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


@pytest.mark.parametrize(
    ("cls", "names", "sentence"),
    [
        (
            FirstForwardOnly,
            {"w"},
            "on one object, forward and backward number 2: the gradient of w is not that of calls",
        ),
        (Accumulates, {"w"}, "set them to zero in backward, or declare accumulates=True"),
        (EveryFifthDoubled, {"x"}, "on one object, forward and backward number 5"),
        (OnTheClass, {"w"}, "each forward must return a cache of its own"),
        (StaleMask, {"x", "w"}, "is a cache filled by the first forward only"),
    ],
)
def test_objects(cls, names, sentence) -> None:
    found = failed(CHECK, layer_of(cls))
    assert set(found) == names
    assert all(sentence in result.reason for result in found.values())


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert passes(CHECK, layer_of(OneObject))


def test_linear_layers_give_the_same_twice_rightly() -> None:
    assert passes(CHECK, of_x(lambda x: (2 * x, lambda dy: (2 * dy,))))
    assert passes(CHECK, of_x(lambda x: (x.mean(), lambda dy: (np.full(x.shape, dy / x.size),))))


def test_plainly_wrong_layer_is_left_to_the_forward() -> None:
    assert passes(CHECK, of_x(lambda x: (2 * x, lambda dy: (3 * dy,))))


def test_refused_second_backward_is_no_failure() -> None:
    class Once(OneObject):
        def backward(self, dy):
            gradients = super().backward(dy)
            self.x = None
            return gradients

    assert passes(CHECK, layer_of(Once))


def test_points_of_the_users_own_are_turned_round() -> None:
    layer = first_forward_in_a_module()
    point = point_from_arrays(layer, (np.array([[1.0, -2.0], [3.0, 4.0]]),), {}, Case(values="file:x.npz"))
    (result,) = CHECK.run(layer, point)
    assert (result.status, "first forward" in result.reason) == (Status.FAILED, True)


def test_one_number_has_no_other_point() -> None:
    layer = of_x(lambda x: (2 * x, lambda dy: (2 * dy,)), (1,), draw={"x": lambda rng, shape, d: np.zeros(shape)})
    result = run(CHECK, layer)["x"]
    assert (result.status, result.reason) == (
        Status.INCONCLUSIVE,
        "there is no second point: the inputs cannot be varied here",
    )


def test_numbers_that_are_not_finite_are_inconclusive() -> None:
    result = run(CHECK, of_x(lambda x: (x / 0, lambda dy: (dy / 0,))))["x"]
    assert (result.status, "not finite" in result.reason) == (Status.INCONCLUSIVE, True)


def test_cost() -> None:
    assert run(CHECK, dense_layer())["x"].forward_calls == 4
    assert run(CHECK, layer_of(OneObject))["x"].forward_calls == 9
