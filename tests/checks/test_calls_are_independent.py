"""calls_are_independent: caches, sums and counts that outlive a call; objects have a file of their own."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.calls_are_independent import CHECK, _how
from cnngrad.checks.comparing import Gap
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.result import Status
from tests.checks.behaviour import dense, dense_layer, failed, finite_numbers, of_x, passes, run
from tests.checks.independence import AFTER_A_AND_B, AGAIN, AND_BACKWARD_OF_A, CACHE, NOT_THAT, TWICE


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


def every_nth(n, change):
    """Every n-th backward returns something else."""
    calls = []

    def vjp(x, w, b):
        y, back = dense(x, w, b)

        def backward(dy):
            calls.append(1)
            return tuple(g if len(calls) % n else change(g) for g in back(dy))

        return y, backward

    return dense_layer(vjp)


def doubled(g):
    return 2 * g


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
    ("make", "names", "reason"),
    [
        (module_level_cache, {"x", "w"}, f"{AFTER_A_AND_B}: {NOT_THAT}{CACHE}"),
        (
            first_forward_in_a_module,
            {"x"},
            "the backward gives the same at a second point, where it is wrong: the cache is that of the first forward",
        ),
        (added_up, {"w"}, f"{AFTER_A_AND_B}: {NOT_THAT}{CACHE}"),
        (lambda: every_nth(3, doubled), {"x", "w", "b"}, f"{AFTER_A_AND_B}: {NOT_THAT}{TWICE}"),
        (lambda: every_nth(4, doubled), {"x", "w", "b"}, f"{AND_BACKWARD_OF_A}: {NOT_THAT}{TWICE}"),
        (lambda: every_nth(5, doubled), {"x", "w", "b"}, f"{AGAIN}: {NOT_THAT}{TWICE}"),
        (lambda: every_nth(5, lambda g: g * np.inf), {"x", "w", "b"}, f"{AGAIN}: {NOT_THAT}{CACHE}"),
        (lambda: dense_layer(added_in_the_closure), {"b"}, f"{AGAIN}: {NOT_THAT}{TWICE}"),
    ],
)
def test_functions(make, names, reason) -> None:
    found = failed(CHECK, make())
    assert {name: result.reason for name, result in found.items()} == {name: reason.format(name=name) for name in names}
    assert all(result.index is not None and result.bound is not None for result in found.values())


def test_a_gradient_that_goes_missing() -> None:
    found = failed(CHECK, every_nth(4, lambda g: None if g.ndim == 1 else g))
    assert list(found) == ["b"]
    assert found["b"].reason == f"{AND_BACKWARD_OF_A}: {NOT_THAT.format(name='b')}: shapes (0,) and (2,)"


@pytest.mark.parametrize(
    ("got", "expected", "how"),
    [
        ([2.0, -4.0, 0.0], [1.0, -2.0, 0.0], TWICE),
        ([0.0, 2.0 + 1e-9], [0.0, 1.0], TWICE),
        ([6.0, 3.0], [2.0, 1.0], TWICE.replace("2 times", "3 times")),
        ([1.0, 2.5], [1.0, 1.0], CACHE),
        ([2.0, 2.5], [1.0, 1.0], CACHE),
        ([0.5, 0.5], [1.0, 1.0], CACHE),
        ([1.0 + 1e-9], [1.0], CACHE),
        ([-2.0], [1.0], CACHE),
        ([5.0, 5.0], [0.0, 0.0], CACHE),
        ([np.inf, np.inf], [1.0, 2.0], CACHE),
        ([1e300], [1e-300], CACHE),
        ([1.0], [1.0, 1.0], ""),
    ],
)
def test_what_would_explain_it(got, expected, how) -> None:
    assert _how(Gap(np.array(got), np.array(expected), 0.0)) == how


def test_failures_at_the_second_point_keep_their_numbers() -> None:
    """They are those of the gradient check there, and its calls count."""
    result = failed(CHECK, first_forward_in_a_module())["x"]
    assert finite_numbers(result)
    assert (result.entries, result.differing is not None, bool(result.how)) == (12, True, True)
    assert result.forward_calls > 10


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())


def test_linear_layers_give_the_same_twice_rightly() -> None:
    assert passes(CHECK, of_x(lambda x: (2 * x, lambda dy: (2 * dy,))))
    assert passes(CHECK, of_x(lambda x: (x.mean(), lambda dy: (np.full(x.shape, dy / x.size),))))


def test_plainly_wrong_layer_is_left_to_the_forward() -> None:
    assert passes(CHECK, of_x(lambda x: (2 * x, lambda dy: (3 * dy,))))


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
    def nowhere(x):
        return x / 0, lambda dy: (dy / 0,)

    def log_of_the_first(x):
        return x * np.log(x[0]), lambda dy: (dy * np.log(x[0]),)

    layer = of_x(log_of_the_first)
    point = point_from_arrays(layer, (np.array([1.0, -2.0]),), {}, Case(values="file:x.npz"))  # turned round: NaN
    for result in (*run(CHECK, of_x(nowhere)).values(), *CHECK.run(layer, point)):
        assert (result.input, result.status) == ("x", Status.INCONCLUSIVE)
        assert result.reason == "the output or a gradient is not finite at one of two points"


def test_no_gradient_is_nothing_to_judge() -> None:
    (result,) = run(CHECK, of_x(lambda x: (x, lambda dy: (None,)))).values()
    assert result.status == Status.NOT_APPLICABLE
    assert result.reason == "backward returned no gradient that is an array of numbers"


def test_cost() -> None:
    assert run(CHECK, dense_layer())["x"].forward_calls == 4
