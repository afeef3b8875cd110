"""Lower precision is judged by itself: float32 inputs, float32 inside, kernels that know no float64, references."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.checks import (
    computes_in_the_inputs_precision,
    gradients,
    gradients_agree_in_float32,
    results_agree_with_the_reference,
)
from cnngrad.checks.check import Check
from cnngrad.core.arrays import round_to_bits
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result
from cnngrad.layers import (
    ALL,
    batch_norm,
    conv2d,
    dense,
    half_squared_error,
    relu,
    sigmoid,
    softmax,
    weight_decay,
)
from cnngrad.networks import NETWORKS
from cnngrad.runner import check
from cnngrad.search import explicit_cases

SHAPES = {"x": (4, 3)}


def judged(which: Check, layer: Layer, values: str = "normal") -> list[Result]:
    case = next(iter(explicit_cases(layer, "quick", 0))) if layer.dims else Case()
    return which.run(layer, case.with_values(values).point(layer))


def statuses(which: Check, layer: Layer, values: str = "normal") -> set[str]:
    return {str(result.status) for result in judged(which, layer, values)}


def rounded_inside(layer: Layer, dtype: Any) -> Layer:
    """The same layer in a lower precision, with float64 outside."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*(np.asarray(value).astype(dtype) for value in inputs), **config)
        up = [np.float64, lambda g: None if g is None else np.asarray(g, dtype=np.float64)]
        return up[0](y), lambda dy: [up[1](g) for g in backward(np.asarray(dy).astype(dtype)[()])]

    return replace(layer, vjp=vjp, name=f"low_{layer.name}")


def only_single(layer: Layer) -> Layer:
    def vjp(*inputs: Any, **config: Any) -> Any:
        if any(np.asarray(value).dtype == np.float64 for value in inputs):
            raise TypeError("float32 only")
        return layer.vjp(*inputs, **config)

    return replace(layer, vjp=vjp, name=f"single_{layer.name}")


def off_in_single(layer: Layer, size: float) -> Layer:
    """Right in float64; in float32 one entry of each gradient is off by a share of the largest."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)

        def wrong(dy: Any) -> list[Any]:
            gradients = [None if g is None else np.array(g) for g in backward(dy)]
            for g in gradients:
                if g is not None and g.dtype == np.float32:
                    g.flat[0] += size * np.abs(g).max()
            return gradients

        return y, wrong

    return replace(layer, vjp=vjp)


@pytest.mark.parametrize("layer", ALL, ids=lambda layer: layer.name)
@pytest.mark.parametrize("values", ["normal", "saturated"])
def test_right_layers_agree_in_float32(layer: Layer, values: str) -> None:
    assert "failed" not in statuses(gradients_agree_in_float32.CHECK, layer, values)


@pytest.mark.parametrize("layer", [dense, conv2d, sigmoid, batch_norm], ids=lambda layer: layer.name)
def test_an_error_of_float32_alone_is_seen(layer: Layer) -> None:
    big = max((c for c in explicit_cases(layer, "quick", 0)), key=lambda c: sum(c.sizes.values())).with_values("normal")
    for size, status in ((0.0, "passed"), (5e-6, "failed"), (1e-2, "failed")):
        found = gradients_agree_in_float32.CHECK.run(off_in_single(layer, size), big.point(layer))
        kinds = {str(result.status) for result in found if result.input in layer.differentiable}
        assert status in kinds, (layer.name, size, kinds)
    failed = next(result for result in found if result.status == "failed")
    assert failed.reason.startswith("float32 inputs give another result than the same numbers in float64")
    assert failed.index is not None


def test_terms_that_cancel_inside_are_allowed_for() -> None:
    """Of two samples, a batch normalisation leaves a part in 100,000 of dy: rounding of what cancels is seen."""
    of_two = replace(batch_norm, dims=None, config=None, shapes={"x": (2, 3), "gamma": (3,), "beta": (3,)}, features={})
    for seed in range(10):
        point = Case(values="integers", seed=seed).point(of_two)
        (x,) = (r for r in gradients_agree_in_float32.CHECK.run(of_two, point) if r.input == "x")
        assert x.status == "passed"
        assert x.bound is not None
        assert x.bound < 1e-4
        (x,) = (r for r in gradients_agree_in_float32.CHECK.run(off_in_single(of_two, 10), point) if r.input == "x")
        assert x.status == "failed"


def test_rounding_of_what_cancels_may_stay_nearby() -> None:
    """``1 - x̂²`` of two samples is a few roundings of 1 in float32, and the same few at every point nearby."""

    def of_two(factor: float) -> Layer:
        def vjp(x: Any) -> Any:
            centred = x - x.mean(axis=0)
            deviation = np.sqrt((centred**2).mean(axis=0) + x.dtype.type(1e-5))
            y, times = centred / deviation, factor if x.dtype == np.float32 else 1
            return y, lambda dy: ((dy - dy.mean(axis=0)) * (1 - y * y) / deviation * times,)

        return Layer(vjp, ("x",), "of_two", shapes={"x": (2, 3)})

    for seed in (4, 7, 9, 10):
        for factor, status in ((1, "passed"), (3, "failed")):
            found = gradients_agree_in_float32.CHECK.run(
                of_two(factor), Case(values="normal", seed=seed).point(of_two(1))
            )
            assert {result.input: str(result.status) for result in found}["x"] == status, (seed, factor)


def test_float32_is_not_asked_where_it_is_not_taken() -> None:
    def vjp(x: Any) -> Any:
        if x.dtype == np.float32:
            raise TypeError("double only")
        return 2 * x, lambda dy: (2 * dy,)

    layer = Layer(vjp, ("x",), "double_only", shapes=SHAPES)
    (found,) = judged(gradients_agree_in_float32.CHECK, layer)
    assert (found.status, found.reason) == ("not_applicable", "the layer does not take float32 inputs")


@pytest.mark.parametrize(("dtype", "name"), [(np.float32, "float32"), (np.float16, "float16")])
def test_silent_lower_precision_is_said_to_be_that(dtype: Any, name: str) -> None:
    low = rounded_inside(replace(softmax, dims={"n": (3, 3), "classes": (4, 4)}, features={}), dtype)
    (found,) = judged(computes_in_the_inputs_precision.CHECK, low)
    assert found.status == "failed"
    assert f"outputs of {name} precision" in found.reason
    assert f"declare precision={name!r}" in found.reason
    declared = replace(low, precision=name)
    (found,) = judged(computes_in_the_inputs_precision.CHECK, declared)
    assert (found.status, found.reason) == ("not_applicable", f"declared: precision={name!r}")


def test_a_gradient_of_few_bits_is_said_to_be_that() -> None:
    """Also where the point's own numbers are so short that rounding them to float32 changes nothing."""

    def vjp(x: Any, w: Any) -> Any:
        def backward(dy: Any) -> Any:
            return dy * w, (dy * x).astype(np.float32).astype(np.float64)

        return x * w, backward

    layer = Layer(vjp, ("x", "w"), "product", shapes={"x": (4, 3), "w": (4, 3)})
    (found,) = judged(computes_in_the_inputs_precision.CHECK, layer, "lattice")
    assert (found.status, found.input) == ("failed", "w")
    assert found.reason.startswith("float64 inputs give a gradient of w of float32 precision: something inside is")


@pytest.mark.parametrize("case", ["values=saturated seed=5", "values=scale:1e-3 seed=4"])
def test_numbers_that_are_equal_in_float32_alone_are_no_failure(case: str) -> None:
    """Max pooling takes another of two sigmoids that float32 cannot tell apart."""
    net = NETWORKS["sigmoid_net, max pooling (seed 002)"]
    found = gradients_agree_in_float32.CHECK.run(net, Case.parse(case).point(net))
    assert {(r.input, str(r.status)) for r in found} >= {("x", "inconclusive"), ("O3.w", "passed")}
    assert next(r for r in found if r.input == "x").reason.startswith("float32 gives another result here and not at ")
    wrong = off_in_single(net, 1e-2)
    found = gradients_agree_in_float32.CHECK.run(wrong, Case.parse(case).point(wrong))
    assert {(r.input, str(r.status)) for r in found} >= {("x", "failed"), ("O3.w", "failed")}


@pytest.mark.parametrize("layer", ALL, ids=lambda layer: layer.name)
def test_right_layers_compute_in_double(layer: Layer) -> None:
    for values in ("normal", "lattice", "saturated", "kink"):
        assert "failed" not in statuses(computes_in_the_inputs_precision.CHECK, layer, values)


def test_constants_and_declared_steps_are_no_low_precision() -> None:
    def clip(x: Any) -> Any:
        return np.maximum(x, 0.5), lambda dy: (dy * (x > 0.5),)

    def rounded(x: Any) -> Any:
        return np.round(64 * x) / 64, lambda dy: (dy,)

    for vjp, surrogate in ((clip, None), (rounded, lambda x: x)):
        layer = Layer(
            vjp,
            inputs=("x",),
            name=vjp.__name__,
            dims={"n": (1, 3)},
            shapes=lambda d: {"x": (d.n,)},
            surrogate=surrogate,
        )
        report = check(layer, select=[computes_in_the_inputs_precision.CHECK.name], raise_on_failure=False)
        assert not report.failures, report


@pytest.mark.parametrize("layer", [dense, relu, sigmoid, softmax, conv2d, batch_norm], ids=lambda layer: layer.name)
def test_float32_inside_is_not_called_wrong_in_value(layer: Layer) -> None:
    for case in list(explicit_cases(layer, "quick", 0))[:6]:
        found = gradients.CHECK.run(rounded_inside(layer, np.float32), case.point(layer))
        assert {str(result.status) for result in found} <= {"passed", "inconclusive"}


@pytest.mark.parametrize(("factor", "status"), [(1.0, "passed"), (1 + 2.0**-12, "failed"), (0.5, "failed")])
def test_float32_in_and_float64_out_at_a_kink(factor: float, status: str) -> None:
    def vjp(x: Any) -> Any:
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        wide = x.astype(np.float64)
        return np.maximum(wide / 3, 0), lambda dy: (np.asarray(factor * dy * (wide > 0) / 3, np.float32),)

    assert str(check(Layer(vjp, ("x",), "third", shapes=SHAPES), raise_on_failure=False).status) == status


def test_a_layer_that_refuses_float64_gets_a_verdict_in_float32() -> None:
    right = replace(only_single(dense), dims=None, config=None, shapes={"x": (4, 3), "w": (2, 3), "b": (2,)})
    report = check(right, raise_on_failure=False)
    assert report.ok, str(report)
    assert "float64 inputs are refused, so all was judged in float32" in str(report)
    assert report.totals.exact == 20  # the lattice case
    point = Case(values="normal").point(right)
    single = replace(point, inputs=tuple(value.astype(np.float32) for value in point.inputs))
    for result in gradients.CHECK.run(right, single):
        assert str(result.status) == "passed"
        assert 1e-9 < (result.detectable or 0.0) / result.scale < 1e-2

    def wrong(*inputs: Any) -> Any:
        y, backward = right.vjp(*inputs)
        return y, lambda dy: [g * np.float32(1.5) for g in backward(dy)]

    report = check(replace(right, vjp=wrong), raise_on_failure=False)
    assert {result.input for result in report.failures} >= {"x", "w"}


def test_a_kernel_is_held_against_its_reference() -> None:
    reference = replace(dense, dims=None, shapes={"x": (4, 3), "w": (2, 3), "b": (2,)})
    kernel = replace(only_single(reference), reference=reference, precision="float32")
    which = results_agree_with_the_reference.CHECK
    assert statuses(which, reference) == {"not_applicable"}
    assert check(kernel, select=(which.name,), raise_on_failure=False).ok
    off = replace(off_in_single(only_single(reference), 1e-4), reference=reference)
    report = check(off, select=(which.name,), raise_on_failure=False)
    assert report.failures
    assert "not what the reference gives, by more than the kernel's rounding explains" in str(report)


def test_a_wrong_reference_is_found_first() -> None:
    shapes = {"x": (4, 3)}
    wrong = Layer(lambda x: (2 * x, lambda dy: (3 * dy,)), ("x",), "wrong", shapes=shapes)
    kernel = Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "kernel", shapes=shapes, reference=wrong)
    (found,) = judged(results_agree_with_the_reference.CHECK, kernel)
    assert found.status == "failed"
    assert found.reason.startswith("the reference itself is wrong here")


# Found in a sweep of 8,000 results: kinks within the step of a probe, plateaus far above the scale, underflow.
ONCE_CALLED_WRONG = [
    (relu, "n=3 width=1 values=scale:1e-6 seed=9"),
    (relu, "n=3 width=1 values=scale:1e-3 seed=9"),
    (relu, "n=1 width=1 values=scale:1e-6 seed=0"),
    (half_squared_error, "n=1 outputs=3 values=scale:1e-6 seed=3"),
    (half_squared_error, "n=3 outputs=1 values=scale:1e-6 seed=9"),
    (weight_decay, "rows=1 columns=1 quarters=1 values=scale:1e-3 seed=0"),
    (weight_decay, "rows=1 columns=4 quarters=3 values=scale:1e-6 seed=15"),
]


@pytest.mark.parametrize("low", [lambda v: np.asarray(v, np.float16), lambda v: round_to_bits(v, 8)[()]])
def test_what_a_short_precision_cannot_tell_is_not_called_wrong(low: Any) -> None:
    def inside(layer: Layer) -> Layer:
        def vjp(*inputs: Any, **config: Any) -> Any:
            y, backward = layer.vjp(*map(low, inputs), **config)
            return double(y)[()], lambda dy: [None if g is None else double(g) for g in backward(low(dy)[()])]

        return replace(layer, vjp=vjp)

    def double(value: Any) -> Any:
        return np.asarray(low(value), dtype=np.float64)

    for layer, case in ONCE_CALLED_WRONG:
        found = gradients.CHECK.run(inside(layer), Case.parse(case).point(layer))
        assert "failed" not in {str(result.status) for result in found}, (layer.name, case)
    tripled = inside(
        replace(dense, vjp=lambda *a: (dense.vjp(*a)[0], lambda dy: [3 * g for g in dense.vjp(*a)[1](dy)]))
    )
    point = Case((("n", 3), ("features", 4), ("outputs", 3)), values="lattice").point(dense)
    assert "failed" in {str(result.status) for result in gradients.CHECK.run(tripled, point)}


def off_at_last(layer: Layer, size: float) -> Layer:
    """The last entry of the second gradient off by a share of the largest, in float32 only."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)

        def wrong(dy: Any) -> list[Any]:
            gradients = [np.array(g) for g in backward(dy)]
            if gradients[1].dtype == np.float32:
                gradients[1].flat[-1] += size * np.abs(gradients[1]).max()
            return gradients

        return y, wrong

    return replace(layer, vjp=vjp)


@pytest.mark.parametrize("layer", [dense, conv2d], ids=lambda layer: layer.name)
def test_a_small_error_that_stays_nearby_is_told_from_rounding(layer: Layer) -> None:
    big = max((c for c in explicit_cases(layer, "quick", 0)), key=lambda c: sum(c.sizes.values())).with_values("normal")
    for seed in range(5):
        point = replace(big, seed=seed).point(layer)
        for size, status in ((0.0, "passed"), (5e-6, "failed")):
            found = gradients_agree_in_float32.CHECK.run(off_at_last(layer, size), point)
            assert {result.input: str(result.status) for result in found}["w"] == status, (seed, size)


@pytest.mark.parametrize(("steady", "status"), [(False, "passed"), (True, "failed")])
def test_an_error_that_changes_its_sign_with_the_last_bits_is_rounding(steady: bool, status: str) -> None:
    def vjp(x: Any) -> Any:
        if x.dtype == np.float64:
            return 3 * x, lambda dy: (3 * dy,)
        even = (x.view(np.uint32) % 2 == 0) | steady
        return 3 * x, lambda dy: (dy * np.where(even, np.float32(3 + 8e-6), np.float32(3 - 8e-6)),)

    layer = Layer(vjp, ("x",), "last_bits", shapes={"x": (4, 6)})
    for seed in range(5):
        x = np.random.default_rng(seed).uniform(0.5, 1, (4, 6))
        found = gradients_agree_in_float32.CHECK.run(layer, point_from_arrays(layer, (x,), {}, Case(values="normal")))
        assert {result.input: str(result.status) for result in found}["x"] == status, seed


@pytest.mark.parametrize("layer", [dense, conv2d], ids=lambda layer: layer.name)
def test_on_a_lattice_float32_is_held_to_the_last_bit(layer: Layer) -> None:
    for case in list(explicit_cases(layer, "quick", 0))[:8]:
        point = case.with_values("lattice").point(layer)
        right = gradients_agree_in_float32.CHECK.run(layer, point)
        assert {(str(result.status), result.bound) for result in right} == {("passed", 0.0)}, case
        if {result.input: result.scale for result in right}["w"] == 0:
            continue
        wrong = gradients_agree_in_float32.CHECK.run(off_at_last(layer, 1e-6), point)
        assert {result.input: str(result.status) for result in wrong}["w"] == "failed", case


def test_a_transform_in_float32_alone_may_round_on_a_lattice() -> None:
    def by_thirds(x: Any, w: Any) -> Any:
        def backward(dy: Any) -> Any:
            third = np.float32(3) if x.dtype == np.float32 else 1
            return (dy / third @ w.T) * third, (x.T / third @ dy) * third

        return x @ w, backward

    layer = Layer(by_thirds, ("x", "w"), "by_thirds", shapes={"x": (5, 6), "w": (6, 4)})
    for seed in range(10):
        found = gradients_agree_in_float32.CHECK.run(layer, Case(seed=seed).point(layer))
        assert {str(result.status) for result in found} == {"passed"}
        assert {result.bound == 0 for result in found} == {False}
