"""gradients_match_forward: right layers pass, wrong ones fail, and what cannot be judged is inconclusive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks import gradients
from cnngrad.checks.claim import Claim
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.data import generated_digits, one_hot
from cnngrad.networks import initial, inputs_for, lenet
from tests.checks.judging import (
    LATTICE,
    NORMAL,
    at_largest,
    elementwise,
    judge,
    layer_of,
    sized,
    spoilt,
    statuses,
)

CONV = sized(layers.conv2d, x=(2, 6, 12, 12), w=(12, 6, 5, 5), b=(12,))
SMALL_CONV = sized(layers.conv2d, x=(2, 2, 5, 5), w=(3, 2, 3, 3), b=(3,))
DENSE = sized(layers.dense, x=(4, 20), w=(10, 20), b=(10,))
SIGMOID = sized(layers.sigmoid, x=(4, 10))
SOFTMAX = sized(layers.softmax, z=(4, 10))


# How small an error is seen.


@pytest.mark.parametrize("layer", [CONV, SMALL_CONV, DENSE], ids=["conv", "small conv", "dense"])
def test_lattice_points_are_compared_without_tolerance(layer: Layer) -> None:
    for result in judge(layer).values():
        assert result.status == "passed"
        assert (result.how, result.bound, result.detectable) == ("exact", 0.0, 0.0)


@pytest.mark.parametrize("share", [2.0**-40, 1e-12, -1e-12])
@pytest.mark.parametrize("name", ["x", "w", "b"])
@pytest.mark.parametrize("layer", [SMALL_CONV, DENSE], ids=["conv", "dense"])
def test_one_entry_wrong_by_a_trillionth_fails_on_the_lattice(layer: Layer, name: str, share: float) -> None:
    wrong = spoilt(
        layer, **{name: lambda seen: at_largest(getattr(seen.right, name), lambda entry: entry * (1 + share))}
    )
    judged = judge(wrong)
    expected = {other: "failed" if other == name else "passed" for other in layer.inputs}
    assert statuses(judged) == expected
    assert judged[name].differing == 1
    assert judged[name].unaffected == tuple(other for other in layer.inputs if other != name)
    assert judged[name].analytic == pytest.approx(judged[name].numeric, rel=2e-12)


@pytest.mark.parametrize(("layer", "name"), [(SIGMOID, "x"), (SOFTMAX, "z")], ids=["sigmoid", "softmax"])
@pytest.mark.parametrize("entry", [0, 17, 39])
def test_one_entry_wrong_by_a_billionth_of_the_largest_fails_on_smooth_layers(
    layer: Layer, name: str, entry: int
) -> None:
    def bumped(seen: Any) -> Any:
        gradient = np.array(getattr(seen.right, name))
        gradient.flat[entry] += 1e-9 * np.max(np.abs(gradient))
        return gradient

    assert statuses(judge(layer, NORMAL)) == {name: "passed"}
    result = judge(spoilt(layer, **{name: bumped}), NORMAL)[name]
    assert result.status == "failed"
    assert result.index == divmod(entry, 10)
    assert result.differing == 1


def test_a_tiny_gradient_of_the_wrong_sign_fails() -> None:
    def tiny(sign: float) -> Layer:
        return elementwise(lambda x: 1e-6 * np.sin(x), lambda x: sign * 1e-6 * np.cos(x))

    assert statuses(judge(tiny(1.0), NORMAL)) == {"x": "passed"}
    assert statuses(judge(tiny(-1.0), NORMAL)) == {"x": "failed"}


def test_a_zero_gradient_of_a_mean_over_many_inputs_fails() -> None:
    def mean_square(factor: float) -> Layer:
        vjp = lambda x: (np.mean(x * x), lambda dy: (factor * dy * 2 * x / x.size,))  # noqa: E731 - short as a user writes it
        return layer_of(vjp, shapes={"x": (30_000,)})

    assert statuses(judge(mean_square(1.0), NORMAL)) == {"x": "passed"}
    result = judge(mean_square(0.0), NORMAL)["x"]
    assert result.status == "failed"
    assert result.analytic == 0
    assert abs(result.numeric or 0.0) > 1e-6


@pytest.mark.parametrize(
    ("rule", "seen"), [("normal", {"failed"}), ("scale:1e-3", {"failed"}), ("scale:1e-6", {"failed", "inconclusive"})]
)
def test_slopes_that_cancel_inside(rule: str, seen: set[str]) -> None:
    right = elementwise(lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2)
    wrong = elementwise(lambda x: x - np.tanh(x), lambda x: 16 * np.tanh(x) ** 2)
    for seed in range(10):
        assert statuses(judge(right, f"values={rule} seed={seed}"))["x"] in {"passed", *seen} - {"failed"}
        assert statuses(judge(wrong, f"values={rule} seed={seed}"))["x"] in seen


@pytest.mark.parametrize("weight", [1e-2, 1e-4, 1e-6])
def test_a_forgotten_term_that_complex_numbers_do_not_see_either(weight: float) -> None:
    def penalised(forgotten: bool) -> Layer:
        def vjp(w: Any) -> Any:
            slope = 1 / np.cosh(w) ** 2 + (0 if forgotten else weight * np.sign(w))
            return np.sum(np.tanh(w)) + weight * np.sum(np.abs(w)), lambda dy: (dy * slope,)

        return layer_of(vjp, ("w",), shapes={"w": (40,)})

    assert statuses(judge(penalised(forgotten=False), NORMAL)) == {"w": "passed"}
    assert statuses(judge(penalised(forgotten=True), NORMAL)) == {"w": "failed"}


# What can be told from what the backward returned.


def doubling(change: Any) -> Layer:
    return layer_of(lambda x: (2 * x, lambda dy: (change(2 * dy),)))


def with_nan(gradient: Any) -> Any:
    gradient = np.array(gradient)
    gradient[1] = np.nan
    return gradient


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_nan, "1 of 3 entries are not finite"),
        (lambda g: np.inf * g, "3 of 3 entries are not finite"),
        (lambda g: g[None], "the gradient has shape (1, 3), x has (3,)"),
        (lambda g: g.sum(), "the gradient has shape (), x has (3,)"),
        (lambda g: "abc", "the gradient is str 'abc', not an array of floats"),
        (lambda g: [{}, {}, {}], "the gradient is list [{}, {}, {}], not an array of floats"),
        (lambda g: g * (1 + 1j), "the gradient is complex128 (3,), not an array of floats"),
        (lambda g: g + 0j, "the gradient is complex128 (3,), not an array of floats"),
    ],
)
def test_a_gradient_of_the_wrong_form_fails(change: Any, reason: str) -> None:
    assert statuses(judge(doubling(lambda g: g))) == {"x": "passed"}
    result = judge(doubling(change))["x"]
    assert (str(result.status), result.reason) == ("failed", reason)


def test_a_nan_is_named_by_its_place() -> None:
    result = judge(doubling(with_nan))["x"]
    assert (result.index, result.differing, result.entries) == ((1,), 1, 3)
    assert str(result.analytic) == "nan"


def product(gradients_of: Any) -> Layer:
    return layer_of(lambda x, w: (x * w, lambda dy: gradients_of(dy * w, dy * x)), ("x", "w"))


def test_none_where_a_gradient_is_due_fails() -> None:
    assert statuses(judge(product(lambda dx, dw: (dx, dw)))) == {"x": "passed", "w": "passed"}
    judged = judge(product(lambda dx, dw: (dx, None)))
    assert statuses(judged) == {"x": "passed", "w": "failed"}
    assert judged["w"].reason == "None is returned where the gradient of w is due"


@pytest.mark.parametrize(
    ("gradients_of", "reason"),
    [
        (lambda dx, dw: (dx,), "backward raised ValueError: returned 1 gradients for 2 inputs (x, w)"),
        (lambda dx, dw: dx, "backward raised ValueError: returned 1 gradients for 2 inputs (x, w)"),
        (lambda dx, dw: (dx, dw, dw), "backward raised ValueError: returned 3 gradients for 2 inputs (x, w)"),
        (lambda dx, dw: (None, None), "backward is not implemented yet"),
    ],
)
def test_the_wrong_number_of_gradients_is_an_error(gradients_of: Any, reason: str) -> None:
    judged = judge(product(gradients_of))
    assert [(str(result.status), result.reason) for result in judged.values()] == [("error", reason)]


def unwritten(*arguments: Any) -> Any:
    raise NotImplementedError("left to the reader")


@pytest.mark.parametrize(
    ("vjp", "reason"),
    [
        (unwritten, "forward is not implemented yet"),
        (lambda x: (2 * x, unwritten), "backward is not implemented yet"),
        (lambda x: (2 * x, lambda dy: None), "backward is not implemented yet"),
        (lambda x: (2 * x, lambda dy: 1 / 0), "backward raised ZeroDivisionError: division by zero"),
    ],
)
def test_a_stub_says_so_in_one_line(vjp: Any, reason: str) -> None:
    (result,) = judge(layer_of(vjp)).values()
    assert (str(result.status), result.reason, result.input) == ("error", reason, "")


# What cannot be judged.


def shifted(gradient_of_b: Any, weight: float = 0.0, **facts: Any) -> Layer:
    """``y = x + weight b``: b may be without effect."""
    return layer_of(lambda x, b: (x + weight * b, lambda dy: (dy, gradient_of_b(dy))), ("x", "b"), **facts)


def test_a_zero_gradient_is_inconclusive_unless_declared() -> None:
    zero = lambda dy: 0 * dy  # noqa: E731 - short as a user writes it
    judged = judge(shifted(zero))
    assert statuses(judged) == {"x": "passed", "b": "inconclusive"}
    assert judged["b"].reason == (
        "the gradient is zero everywhere at this point: the output does not change with b; "
        "if it never does, declare zero_gradient=('b',)"
    )
    assert statuses(judge(shifted(zero, zero_gradient=("b",)))) == {"x": "passed", "b": "passed"}


def test_a_gradient_declared_zero_is_compared_all_the_same() -> None:
    zero = lambda dy: 0 * dy  # noqa: E731 - short as a user writes it
    assert statuses(judge(shifted(zero, weight=1.0, zero_gradient=("b",)))) == {"x": "passed", "b": "failed"}


def test_none_for_a_gradient_declared_zero_is_compared_as_zero() -> None:
    none = lambda dy: None  # noqa: E731 - short as a user writes it
    assert statuses(judge(shifted(none, zero_gradient=("b",)))) == {"x": "passed", "b": "passed"}
    assert statuses(judge(shifted(none, weight=1.0, zero_gradient=("b",)))) == {"x": "passed", "b": "failed"}


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        ([38.0, 39.0], "its largest entry, 1.22e-17, is below the smallest visible error, "),
        ([800.0, 900.0], "the gradient is zero everywhere at this point: the output is flat here (saturated?)"),
    ],
)
def test_a_saturated_point_is_inconclusive(x: list[float], reason: str) -> None:
    result = judge(sized(layers.sigmoid, x=(2,)), "values=normal seed=3", np.array(x))["x"]
    assert result.status == "inconclusive"
    assert result.reason.startswith(reason)


def test_an_output_that_is_not_finite_is_inconclusive() -> None:
    log = elementwise(np.log, lambda x: 1 / x)
    assert statuses(judge(log, NORMAL, np.array([1.0, 2.0, 3.0]))) == {"x": "passed"}
    result = judge(log, NORMAL, np.array([1.0, 0.0, 3.0]))["x"]
    assert (str(result.status), result.reason) == (
        "inconclusive",
        "the forward is not finite at this point: 1 of 3 output entries",
    )


def test_a_cotangent_that_cancels_is_inconclusive() -> None:
    """The softmax outputs of a row always sum to 1, so a ``dy`` of equal entries sees none of their changes."""
    softmax = sized(layers.softmax, z=(1, 4))
    dy = np.full(4, 2.0)
    for layer in (softmax, spoilt(softmax, z=lambda seen: 0 * seen.z)):
        at = Evaluation(layer, Case.parse(NORMAL).point(layer))
        y, backward = at.vjp(at.point.inputs)
        claim = Claim(at, np.ravel(y), dy, at.by_name(at.pull(y, backward, dy)), ("z",))
        result = gradients.judge_claim(claim)["z"]
        assert result.status == "inconclusive"
    assert result.reason == (
        "the gradient is zero everywhere at this point, though the output changes with z: "
        "for this dy the changes cancel"
    )


def test_a_zero_gradient_where_the_forward_changes_is_never_passed() -> None:
    """Through sizes too small to be seen, down to an exact zero."""
    found = [
        statuses(judge(elementwise(lambda x, s=size: 1 + s * x, lambda x: 0 * x), NORMAL))["x"]
        for size in (1.0, 1e-6, 1e-12, 1e-16, 1e-30)
    ]
    assert found == ["failed", "failed", "failed", "inconclusive", "inconclusive"]


def test_an_output_without_floats_is_inconclusive() -> None:
    result = judge(layer_of(lambda x: (np.argmax(x), lambda dy: (x,))))["x"]
    assert result.status == "inconclusive"
    assert result.reason == "the output has no entries that could be differentiated"


def test_an_input_without_entries_is_inconclusive() -> None:
    judged = judge(shifted(lambda dy: np.zeros(0), shapes={"x": (3,), "b": ()}), NORMAL, np.ones(3), np.float64(1))
    assert judged["b"].status == "failed"
    empty = layer_of(lambda x, e: (2 * x, lambda dy: (2 * dy, 0 * e)), ("x", "e"), shapes={"x": (3,), "e": (0,)})
    judged = judge(empty)
    assert statuses(judged) == {"x": "passed", "e": "inconclusive"}
    assert judged["e"].reason == "e has no entries"


# Outputs of every form.


@pytest.mark.parametrize("as_output", [lambda s: s, float, np.asarray], ids=["numpy scalar", "float", "0-d array"])
@pytest.mark.parametrize(("factor", "status"), [(2.0, "passed"), (1.0, "failed")])
def test_a_scalar_output(as_output: Any, factor: float, status: str) -> None:
    layer = layer_of(lambda x: (as_output(np.sum(x * x)), lambda dy: (factor * dy * x,)))
    assert statuses(judge(layer)) == {"x": status}


@pytest.mark.parametrize(("share", "status"), [(1.0, "passed"), (0.0, "failed")])
def test_several_outputs(share: float, status: str) -> None:
    layer = layer_of(lambda x: ((np.sin(x), np.sum(x)), lambda dy: (dy[0] * np.cos(x) + share * dy[1],)))
    assert statuses(judge(layer)) == {"x": status}


@pytest.mark.parametrize(("factor", "status"), [(1.0, "passed"), (2.0, "failed")])
def test_an_output_that_is_not_float_gets_no_cotangent(factor: float, status: str) -> None:
    def vjp(x: Any) -> Any:
        def backward(dy: Any) -> Any:
            assert dy[0] is None
            return (factor * dy[1] * np.cos(x),)

        return (np.argsort(x), np.sin(x)), backward

    assert statuses(judge(layer_of(vjp))) == {"x": status}


@pytest.mark.parametrize(("sign", "status"), [(1.0, "passed"), (-1.0, "failed")])
def test_a_constant_is_neither_differentiated_nor_judged(sign: float, status: str) -> None:
    layer = layer_of(
        lambda x, t: (0.5 * np.sum((x - t) ** 2), lambda dy: (sign * dy * (x - t), None)),
        ("x", "t"),
        constants=("t",),
    )
    assert statuses(judge(layer)) == {"x": status}


@pytest.mark.parametrize("case", [NORMAL, LATTICE, "values=integers seed=0"])
def test_a_layer_that_computes_in_float32_inside_is_not_called_wrong(case: str) -> None:
    def low(array: Any) -> Any:
        return np.asarray(array, dtype=np.float32)

    def vjp(factor: float) -> Any:
        def dense(x: Any, w: Any) -> Any:
            y = (low(x) @ low(w)).astype(np.float64)

            def backward(dy: Any) -> Any:
                return (low(dy) @ low(w).T).astype(np.float64), factor * (low(x).T @ low(dy)).astype(np.float64)

            return y, backward

        return dense

    sizes = {"x": (4, 6), "w": (6, 5)}
    assert statuses(judge(layer_of(vjp(1.0), ("x", "w"), shapes=sizes), case)) == {"x": "passed", "w": "passed"}
    assert statuses(judge(layer_of(vjp(1.01), ("x", "w"), shapes=sizes), case)) == {"x": "passed", "w": "failed"}


# What it costs.


def test_a_passing_convolution_costs_at_most_eight_forwards() -> None:
    for result in judge(CONV).values():
        assert result.status == "passed"
        assert result.forward_calls <= 8
        assert result.backward_calls == 1


def test_lenet_whole_costs_at_most_seventy_forwards() -> None:
    network = lenet()
    rng = np.random.default_rng(0)
    images, labels = generated_digits(rng, 2)
    parameters = {name: value + 0.1 * rng.standard_normal(value.shape) for name, value in initial(network, rng).items()}
    values = inputs_for(network, {**parameters, "x": images, "E.t": one_hot(labels)})
    results = gradients.CHECK.run(network, point_from_arrays(network, values, {}, Case(values="normal")))
    assert {str(result.status) for result in results} == {"passed"}
    assert sum(result.entries for result in results if result.input != "x") == 3_898
    assert results[0].forward_calls <= 70
    assert results[0].backward_calls <= 2
