"""backward_is_linear_in_dy: clipping, signs, masks and rounding of dy, and a dy that is not used."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.checks import computes_in_the_inputs_precision
from cnngrad.checks.backward_is_linear_in_dy import CHECK
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.behaviour import POINT, dense, dense_layer, failed, finite_numbers, of_x, passes, run


def wrong(change):
    """The dense layer with its dy changed first."""

    def vjp(x, w, b):
        y, backward = dense(x, w, b)
        return y, lambda dy: backward(change(dy))

    return dense_layer(vjp)


SCALED = "is dy clipped, compared, rounded, its sign dropped, or added to?"
NOT_THE_SUM = "backward(dy1 - 2 dy2) is not backward(dy1) - 2 backward(dy2)"


@pytest.mark.parametrize("case", [POINT, Case(values="lattice"), Case(values="scale:1e6")], ids=str)
@pytest.mark.parametrize(
    "change",
    [
        lambda dy: np.clip(dy, -5, 5),
        lambda dy: np.clip(dy, -1e5, 1e5),
        np.abs,
        lambda dy: dy * (dy > 0),
        lambda dy: np.where(np.abs(dy) < 1e-4, 0, dy),
        lambda dy: np.round(dy, 3),
        lambda dy: dy / np.linalg.norm(dy),
        lambda dy: dy + 1e-6,
        lambda dy: dy * (1 + 1e-9 * np.abs(dy)),
    ],
    ids=["clip 5", "clip 1e5", "abs", "mask", "threshold", "round", "normalised", "offset", "slightly curved"],
)
def test_changed_dy(change, case) -> None:
    found = failed(CHECK, wrong(change), case)
    assert set(found) == {"x", "w", "b"}
    for name, result in found.items():
        assert SCALED in result.reason
        assert f"the gradient of {name}" in result.reason
        assert finite_numbers(result)
        assert abs(result.analytic - result.numeric) > result.bound


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            np.ones_like,
            "backward(-1.04858e+06 dy) is not -1.04858e+06 backward(dy) but the same as for dy: "
            "the gradient of w does not depend on dy; multiply by dy",
        ),
        (np.abs, f"backward(-1.04858e+06 dy) is not -1.04858e+06 backward(dy): in the gradient of w {SCALED}"),
        (
            lambda dy: np.where(np.abs(dy) < 1e-4, 0, dy),
            f"backward(9.53674e-07 dy) is not 9.53674e-07 backward(dy): in the gradient of w {SCALED}",
        ),
        (lambda dy: dy * np.abs(dy) / np.abs(dy).max(), f"{NOT_THE_SUM}: in the gradient of w {SCALED}"),
    ],
    ids=["not used", "sign dropped", "threshold", "not additive"],
)
def test_what_is_said(change, reason) -> None:
    assert failed(CHECK, wrong(change))["w"].reason == reason


def test_numbers_are_those_of_the_sum_that_is_named() -> None:
    def curved(x):
        """Multiples of dy come out right."""
        return x, lambda dy: (dy * np.abs(dy) / np.abs(dy).max(),)

    layer = of_x(curved)
    result = failed(CHECK, layer)["x"]
    point = POINT.point(layer)
    dy1, dy2 = (point.cotangent(12, number).reshape(3, 4) for number in (0, 1))
    backward = curved(None)[1]
    assert result.analytic == backward(dy1 - 2 * dy2)[0][result.index]
    assert result.numeric == backward(dy1)[0][result.index] - 2 * backward(dy2)[0][result.index]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dy_stays_within_the_range_of_the_precision(dtype) -> None:
    point = POINT.point(dense_layer())
    given = point_from_arrays(dense_layer(), tuple(x.astype(dtype) for x in point.inputs), {}, POINT)
    assert {result.status for result in CHECK.run(dense_layer(), given)} == {Status.PASSED}
    assert {result.status for result in CHECK.run(wrong(np.abs), given)} == {Status.FAILED}


def test_loss_that_is_right_for_dy_of_one_only() -> None:
    def right(z, t):
        return np.mean((z - t) ** 2) / 2, lambda dy: (dy * (z - t) / z.size, None)

    def without_dy(z, t):
        return np.mean((z - t) ** 2) / 2, lambda dy: ((z - t) / z.size, None)

    def loss(vjp):
        return Layer(vjp, ("z", "t"), "loss", constants="t", shapes={"z": (3, 2), "t": (3, 2)})

    assert passes(CHECK, loss(right))
    assert "multiply by dy" in failed(CHECK, loss(without_dy))["z"].reason


def test_mean_of_dy_is_linear_and_left_to_the_forward() -> None:
    assert passes(CHECK, wrong(lambda dy: np.full(dy.shape, dy.mean())))


def in_single_precision(x, w, b):
    """Float32 inside, float64 outside."""
    x, w, b = (a.astype(np.float32) for a in (x, w, b))

    def backward(dy):
        dy = dy.astype(np.float32)
        return tuple(g.astype(np.float64) / 3 for g in (dy @ w.T, x.T @ dy, dy.sum(axis=0)))

    return (x @ w + b).astype(np.float64), backward


@pytest.mark.parametrize("values", ["lattice", "normal", "saturated", "scale:1e6", "scale:1e-6"])
def test_right_layers_pass(values) -> None:
    case = Case(values=values, seed=2)
    assert passes(CHECK, dense_layer(), case)
    assert passes(CHECK, dense_layer(in_single_precision), case)
    assert passes(CHECK, of_x(lambda x: (np.maximum(x, 0), lambda dy: (dy * (x > 0),))), case)


def test_cancelling_terms_pass() -> None:
    """The normalisation of two numbers: what is left of the gradient is rounding."""

    def normalise(x):
        centred = x - x.mean()
        deviation = np.sqrt((centred**2).mean())
        normal = centred / deviation
        return normal, lambda dy: ((dy - dy.mean() - normal * (dy * normal).mean()) / deviation,)

    for seed in range(20):
        assert not failed(CHECK, of_x(normalise, (2,)), Case(values="scale:1e6", seed=seed))


def test_unrepeatable_calls_are_left_to_another_check() -> None:
    rng = np.random.default_rng(0)

    def noisy(x):
        return x, lambda dy: (dy * rng.random(dy.shape),)

    result = run(CHECK, of_x(noisy))["x"]
    assert (result.status, "see same_call_same_result" in result.reason) == (Status.INCONCLUSIVE, True)


def test_what_cannot_be_judged() -> None:
    empty = run(CHECK, of_x(lambda x: (x, lambda dy: (dy,)), (0, 3)))[""]
    assert (empty.status, empty.reason) == (Status.NOT_APPLICABLE, "the output has no entries")
    none = run(CHECK, of_x(lambda x: (x, lambda dy: (None,))))[""]
    assert (none.status, none.reason[:29]) == (Status.NOT_APPLICABLE, "backward returned no gradient")
    infinite = run(CHECK, of_x(lambda x: (x / 0, lambda dy: (dy / 0,))))["x"]
    assert (infinite.status, "not finite" in infinite.reason) == (Status.INCONCLUSIVE, True)


def test_cost() -> None:
    result = run(CHECK, dense_layer())["x"]
    assert (result.forward_calls, result.backward_calls) == (5, 5)


@pytest.mark.parametrize("rule", ["normal", "scale:1e-3", "scale:1e-6"])
def test_what_multiples_of_dy_leave_when_they_cancel_is_linear_but_for_rounding(rule):
    def tanhshrink(x):
        y = np.tanh(x)
        return x - y, lambda dy: (dy - dy * (1 - y**2),)

    layer = Layer(tanhshrink, ("x",), shapes={"x": (3, 4)})
    for seed in range(8):
        point = Case(values=rule, seed=seed).point(layer)
        for check in (CHECK, computes_in_the_inputs_precision.CHECK):
            assert {r.status for r in check.run(layer, point)} <= {Status.PASSED, Status.INCONCLUSIVE}, check.name
