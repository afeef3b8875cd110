"""same_call_same_result: memory that was never set, counts of calls, random numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cnngrad.checks import same_call_same_result
from cnngrad.checks.same_call_same_result import CHECK, _litter, _reason
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import dense, dense_layer, failed, of_x, passes, run


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


AGAIN = "is not the same in two equal calls"
UNFILLED = f"{AGAIN} and holds what stood in memory before: an array from np.empty is not filled; use np.zeros"
STATE = (
    f"{AGAIN}: state is kept between calls, or random numbers are drawn; "
    "for those declare random=<a function that reseeds>"
)


@pytest.mark.parametrize(
    ("layer", "name", "reason"),
    [
        (of_x(unfilled_gradient), "x", f"the gradient of x {UNFILLED}"),
        (of_x(unfilled_output), "output", f"the output {UNFILLED}"),
        (dense_layer(added_to_unfilled), "w", f"the gradient of w {UNFILLED}"),
    ],
)
def test_uninitialised_memory(layer, name, reason) -> None:
    found = failed(CHECK, layer)
    assert {name: result.reason for name, result in found.items()} == {name: reason}
    assert found[name].index is not None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([1.0, 2.0], [1.0, np.nan], UNFILLED),
        ([1.0, -1e30], [1.0, 2.0], UNFILLED),
        ([1.0, 1e30], [1.0, np.nan], UNFILLED),
        ([1.0, np.nan], [2.0, np.nan], STATE),
        ([1.0, np.nan], [1.0, 2.0], STATE),
        ([1.0, 2.0], [1.0, 3.0], STATE),
        ([1.0, 2.0], [1.0, 1e30], STATE),
    ],
)
def test_what_would_explain_it(before, after, said) -> None:
    assert _reason("w", np.array(before), np.array(after)) == f"the gradient of w {said}"


def test_memory_is_littered_in_the_sizes_a_call_may_ask_for(monkeypatch) -> None:
    """Before either forward with the sizes of the inputs; the second time those of the results are known too."""
    littered = []
    monkeypatch.setattr(same_call_same_result, "_litter", lambda *laid: littered.append(laid))

    def vjp(x, scale):
        return np.tile(scale * x, (2, 1)), lambda dy: (scale * (dy[:3] + dy[3:]), np.sum(dy * np.tile(x, (2, 1))))

    layer = Layer(vjp, ("x", "scale"), shapes={"x": (3, 4), "scale": ()})
    assert passes(CHECK, layer)
    first, second = {96, 8}, {96, 8, 192}
    assert [sizes for _, sizes in littered] == [first, first, second, second]
    assert [value for value, _ in littered[:2]] == [1e30, 1e30]
    assert all(np.isnan(value) for value, _ in littered[2:])


def test_litter_comes_in_every_small_size_and_plentifully_in_those_asked_for(monkeypatch) -> None:
    laid = Counter()
    monkeypatch.setattr(np, "full", lambda count, value: laid.update({(count, value): 1}))
    _litter(7.5, {80, 80_000})
    assert set(laid) == {(count, 7.5) for count in (*range(1, 128), 10_000)}
    assert min(laid.values()) >= 2
    assert laid[10, 7.5] == laid[10_000, 7.5] == 24


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


def missing_the_second_time():
    calls = []

    def vjp(x):
        return 2 * x, lambda dy: (calls.append(1), (2 * dy if len(calls) == 1 else None,))[1]

    return of_x(vjp)


def test_state_between_calls() -> None:
    found = failed(CHECK, counting())
    assert {name: result.reason for name, result in found.items()} == {"output": f"the output {STATE}"}
    assert abs(found["output"].analytic) == pytest.approx(2 * abs(found["output"].numeric))
    missing = failed(CHECK, missing_the_second_time())
    assert {name: result.reason for name, result in missing.items()} == {
        "x": f"the gradient of x {STATE}: shapes (0,) and (3, 4)"
    }


def test_dropout_passes_once_it_is_reseeded() -> None:
    state = {"rng": np.random.default_rng(0)}

    def reseed():
        state["rng"] = np.random.default_rng(0)

    loose = failed(CHECK, dropout(lambda: state["rng"]))
    assert set(loose) == {"output", "x"}
    assert loose["x"].reason == f"the gradient of x {STATE}"
    assert passes(CHECK, dropout(lambda: state["rng"], random=reseed))


def test_right_layers_pass() -> None:
    assert passes(CHECK, dense_layer())
    assert {result.reason for result in run(CHECK, dense_layer()).values()} == {""}
    assert passes(CHECK, of_x(lambda x: (np.sum(x), lambda dy: (np.full(x.shape, dy),))))


def test_sums_in_another_order_pass_and_are_told() -> None:
    """With the largest difference, which every result that passes is told with."""
    turn = []

    def vjp(x):
        turn.append(1)
        return x * (1 + len(turn) % 2 * 2.0**-50), lambda dy: (dy,)

    ones = {"x": lambda rng, shape, d: np.full(shape, 4.0)}
    found = run(CHECK, of_x(vjp, draw=ones))
    assert {(result.status, result.reason) for result in found.values()} == {
        (Status.PASSED, f"equal up to {2.0**-48:.1e}: sums in another order")
    }


def test_numbers_that_are_not_finite() -> None:
    """Are not judged, but for those that differ; infinities may stand beside what is rounded otherwise."""
    turn = []

    def vjp(x, other):
        turn.append(1)
        y = np.array([np.inf, 1 + len(turn) % 2 * 2.0**-52]) * x
        return y, lambda dy: (dy, dy * changing ** len(turn))

    layer = Layer(vjp, ("x", "other"), shapes={"x": (2,), "other": (2,)})
    changing = 1
    assert {(result.status, result.reason) for result in run(CHECK, layer).values()} == {
        (Status.INCONCLUSIVE, "the output or a gradient is not finite at this point")
    }
    changing = 2
    assert {name: (result.status, result.reason) for name, result in run(CHECK, layer).items()} == {
        "output": (Status.PASSED, ""),
        "x": (Status.PASSED, ""),
        "other": (Status.FAILED, f"the gradient of other {STATE}"),
    }


def test_keywords_are_handed_on_and_calls_are_counted() -> None:
    layer = of_x(lambda x, *, times: (times * x, lambda dy: (times * dy,)), config={"times": 2})
    result = run(CHECK, layer)["x"]
    assert (result.status, result.forward_calls, result.backward_calls) == (Status.PASSED, 2, 2)
