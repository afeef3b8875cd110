"""same_call_same_result: memory that was never set, counts of calls, random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks.same_call_same_result import CHECK
from cnngrad.core.result import Status
from tests.checks.behaviour import POINT, dense, dense_layer, failed, of_x, passes, run


def unfilled_gradient(x):
    """The last row is never written, as when a window loop stops early."""

    def backward(dy):
        dx = np.empty(x.shape)
        dx[:-1] = 2 * dy[:-1]
        return (dx,)

    return 2 * x, backward


def unfilled_output(x):
    y = np.empty(x.shape)
    y[1:] = x[1:]
    return y, lambda dy: (dy * [[0], [1], [1]],)


def added_to_unfilled(x, w, b):
    def backward(dy):
        dw = np.empty_like(w)
        dw += x.T @ dy
        return dy @ w.T, dw, dy.sum(axis=0)

    return x @ w + b, backward


@pytest.mark.parametrize(
    ("layer", "name", "sentence"),
    [
        (of_x(unfilled_gradient), "x", "the gradient of x is not the same in two equal calls and holds what stood"),
        (of_x(unfilled_output), "output", "an array from np.empty is not filled; use np.zeros"),
        (dense_layer(added_to_unfilled), "w", "an array from np.empty is not filled"),
    ],
)
def test_uninitialised_memory(layer, name, sentence) -> None:
    found = failed(CHECK, layer)
    assert list(found) == [name]
    assert sentence in found[name].reason
    assert found[name].index is not None


def counting():
    calls = []

    def vjp(x, w, b):
        calls.append(1)
        y, backward = dense(x, w, b)
        return y * len(calls), backward

    return dense_layer(vjp)


def dropout(rng, **declared):
    def vjp(x):
        kept = rng().random(x.shape) < 0.5
        return x * kept, lambda dy: (dy * kept,)

    return of_x(vjp, (8, 8), **declared)


def test_state_between_calls() -> None:
    found = failed(CHECK, counting())
    assert list(found) == ["output"]
    assert "state is kept between calls, or random numbers are drawn" in found["output"].reason
    assert abs(found["output"].analytic) == pytest.approx(2 * abs(found["output"].numeric))


def test_dropout_passes_once_it_is_reseeded() -> None:
    state = {"rng": np.random.default_rng(0)}

    def reseed():
        state["rng"] = np.random.default_rng(0)

    loose = failed(CHECK, dropout(lambda: state["rng"]))
    assert set(loose) == {"output", "x"}
    assert "declare random=<a function that reseeds>" in loose["x"].reason
    assert passes(CHECK, dropout(lambda: state["rng"], random=reseed))


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert passes(CHECK, of_x(lambda x: (np.sum(x), lambda dy: (np.full(x.shape, dy),))))


def test_sums_in_another_order_pass_and_are_told() -> None:
    turn = []

    def vjp(x):
        turn.append(1)
        order = slice(None, None, -1 if len(turn) % 2 else 1)
        total = float(np.add.accumulate((x / 3)[order])[-1])
        return total * np.ones(2), lambda dy: (np.full(x.shape, dy.sum()),)

    found = run(CHECK, of_x(vjp, (500,)), POINT)
    assert found["output"].status == Status.PASSED
    assert "sums in another order" in found["output"].reason


def test_numbers_that_are_not_finite_are_inconclusive() -> None:
    found = run(CHECK, of_x(lambda x: (x / 0, lambda dy: (dy / 0,))), POINT)
    assert {result.status for result in found.values()} == {Status.INCONCLUSIVE}
    assert "not finite" in found["x"].reason
