"""Exact verdicts: nothing is allowed for where nothing is rounded, and a backward that rounds otherwise is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks import gradients
from cnngrad.core.arrays import round_to_bits
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result
from tests.checks.judging import layer_of, sized, spoilt

DENSE = sized(layers.dense, x=(4, 6), w=(5, 6), b=(5,))
CONV = sized(layers.conv2d, x=(1, 2, 4, 4), w=(2, 2, 2, 2), b=(2,))
BITS = {"float32": 24, "float16": 11, "bfloat16": 8}


def judged(layer: Layer, seed: int = 0, rule: str = "lattice") -> dict[str, Result]:
    return {r.input: r for r in gradients.CHECK.run(layer, Case(values=rule, seed=seed).point(layer))}


def in_bits(layer: Layer, bits: int) -> Layer:
    """The layer with everything that goes in and comes out rounded to so many bits, as float64 numbers."""

    def low(value: Any) -> Any:
        return round_to_bits(value, bits)[()]

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*map(low, inputs), **config)
        return low(y), lambda dy: [low(g) for g in backward(low(dy))]

    return replace(layer, vjp=vjp)


def off(layer: Layer, name: str, size: float, number: int = 0, relative_to: str = "itself") -> Layer:
    """One entry of one gradient off by a share of itself (one that is not 0), or of the largest."""

    def changed(seen: Any) -> Any:
        gradient = np.array(getattr(seen.right, name))
        places = np.flatnonzero(np.abs(gradient) > 1e-9)
        place = places[number % places.size]
        gradient.flat[place] += size * (gradient.flat[place] if relative_to == "itself" else np.abs(gradient).max())
        return gradient

    return spoilt(layer, **{name: changed})


# One entry off.


@pytest.mark.parametrize("layer", [DENSE, CONV], ids=["dense", "conv"])
def test_every_entry_is_held_to_its_last_bits(layer: Layer) -> None:
    for seed in range(3):
        right = judged(layer, seed)
        assert {(str(r.status), r.how, r.detectable) for r in right.values()} == {("passed", "exact", 0.0)}
        for name in layer.inputs:
            for number, size in ((0, 2.0**-40), (seed, 1e-12), (-1, -1e-12)):
                result = judged(off(layer, name, size, number), seed)[name]
                assert (str(result.status), result.how) == ("failed", "exact"), (seed, name, number, size)
                assert result.differing == 1


def test_a_failure_names_the_entry_and_both_numbers() -> None:
    result = judged(off(DENSE, "w", 1e-12, 7))["w"]
    assert (result.index, result.entries, result.unaffected) == ((1, 1), 30, ("x", "b"))
    assert result.analytic == pytest.approx(result.numeric, rel=2e-12)
    assert result.analytic != result.numeric


# Backwards that round otherwise than the forward.


def correlation(backward_of: Callable[..., Any], work: Any = np.float64, sizes: tuple[int, int] = (12, 3)) -> Layer:
    """A correlation of two vectors, computed directly, with another backward."""

    def vjp(x: Any, w: Any) -> Any:
        a, b = x.astype(work), w.astype(work)
        y = np.correlate(a, b, "valid")
        return y.astype(float), lambda dy: [g.astype(float) for g in backward_of(a, b, dy.astype(work))]

    return layer_of(vjp, ("x", "w"), shapes={"x": (sizes[0],), "w": (sizes[1],)})


def by_fft(x: Any, w: Any, dy: Any) -> Any:
    import scipy.fft

    def convolved(a: Any, b: Any) -> Any:
        size = a.size + b.size - 1
        return scipy.fft.irfft(scipy.fft.rfft(a, size) * scipy.fft.rfft(b, size), size)

    return convolved(dy, w), convolved(x, dy[::-1])[dy.size - 1 : dy.size - 1 + w.size]


def by_thirds(x: Any, w: Any, dy: Any) -> Any:
    return 3 * np.convolve(dy, w / 3), np.correlate(x / 7, dy, "valid") * 7


def one_entry_rounded(x: Any, w: Any, dy: Any) -> Any:
    dx, dw = np.convolve(dy, w), np.correlate(x, dy, "valid")
    dw[0] = dw[0] / 3 * 3 * (1 + np.finfo(dw.dtype).eps)
    return dx, dw


@pytest.mark.parametrize("work", [np.float64, np.float32])
@pytest.mark.parametrize("backward_of", [by_fft, by_thirds, one_entry_rounded])
def test_a_backward_that_rounds_otherwise_is_right(backward_of: Any, work: Any) -> None:
    for seed in range(25):
        layer = correlation(backward_of, work, (2 + seed, 1 + seed % 3))
        found = judged(layer, seed)
        assert "failed" not in {str(r.status) for r in found.values()}, (seed, found)
    for size in (1.0, 1e5 * np.finfo(work).eps):
        wrong = correlation(lambda x, w, dy, size=size: [g * (1 + size) for g in backward_of(x, w, dy)], work)
        assert {str(r.status) for r in judged(wrong).values()} == {"failed"}


def test_a_saturated_output_beside_an_exact_one_is_right() -> None:
    def vjp(x: Any) -> Any:
        y = np.append(2 * x, 1 / (1 + np.exp(-x - 40)))
        tail = y[x.size :]
        return y, lambda dy: (2 * dy[: x.size] * 2**-10 * 2**10 + dy[x.size :] * tail * np.exp(-x - 40) * tail,)

    for seed in range(10):
        assert str(judged(layer_of(vjp), seed)["x"].status) == "passed"


@pytest.mark.parametrize("power", [3, 5])
def test_an_odd_power_at_zero_is_right_though_its_differences_are_not_zero(power: int) -> None:
    for extra, status in ((0.0, "inconclusive"), (1e-3, "failed")):
        layer = layer_of(lambda x, e=extra: (x**power, lambda dy: (power * x ** (power - 1) * dy + e * dy,)))
        point = point_from_arrays(layer, (np.zeros(3),), {}, Case())
        assert {str(r.status) for r in gradients.CHECK.run(layer, point)} == {status}


# Outputs of different precision.


def mixed(factor: float) -> Layer:
    """Two outputs, one of double and one of single precision."""

    def vjp(x: Any) -> Any:
        low = 3 * x.astype(np.float32)
        return (2 * x, low.astype(float)), lambda dy: (2 * dy[0] + factor * dy[1],)

    return layer_of(vjp)


def test_outputs_of_mixed_precision_are_judged_by_the_least_precise() -> None:
    for seed in range(10):
        for rule in ("lattice", "integers", "normal"):
            assert str(judged(mixed(3.0), seed, rule)["x"].status) != "failed", (seed, rule)
            assert str(judged(mixed(2.0), seed, rule)["x"].status) == "failed", (seed, rule)
        right, wrong = judged(mixed(3.0), seed)["x"], judged(off(mixed(3.0), "x", 1e-6, seed, "largest"), seed)["x"]
        assert (str(right.status), right.how, str(wrong.status)) == ("passed", "exact", "failed")


# Means over windows that are no power of two.


@pytest.mark.parametrize("window", [3, 5, 6, 7, (3, 5), 9])
def test_a_mean_over_any_window_is_exact_at_multiples_of_a_base(window: Any) -> None:
    pool = replace(layers.mean_pool, dims=None, where=None, features={}, shapes={"x": (1, 1, 8, 9)})
    for counted in (True, False):
        layer = replace(pool, config={"window": window, "stride": 2, "pad": (1, 1), "count_padding": counted})
        for rule in ("lattice", "integers"):
            right = judged(layer, rule=rule)["x"]
            assert (str(right.status), right.how, right.detectable) == ("passed", "exact", 0.0)
            assert right.forward_calls <= 4
            assert str(judged(off(layer, "x", 1e-12, 30), rule=rule)["x"].status) == "failed"


# Few bits.


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("layer", [DENSE, CONV], ids=["dense", "conv"])
def test_a_kernel_of_few_bits_is_judged_exactly_on_a_lattice_of_fewer(layer: Layer, name: str) -> None:
    low, exact = in_bits(layer, BITS[name]), 0
    for seed in range(4):
        right = judged(low, seed)
        assert "failed" not in {str(r.status) for r in right.values()}
        for each in layer.inputs if name != "bfloat16" else ():
            exact += right[each].how == "exact"
            wrong = judged(off(low, each, 0.25, seed, "largest"), seed)[each]
            assert str(wrong.status) == "failed" or right[each].how != "exact", (seed, each)
    assert exact >= {"float32": 12, "float16": 8, "bfloat16": 0}[name]


@pytest.mark.parametrize("layer", [DENSE, CONV], ids=["dense", "conv"])
def test_a_millionth_of_the_largest_is_seen_in_float32(layer: Layer) -> None:
    low = in_bits(layer, 24)
    for seed in range(3):
        for name in layer.inputs:
            result = judged(off(low, name, 1e-6, seed, "largest"), seed)[name]
            assert (str(result.status), result.how) == ("failed", "exact")


def test_smooth_layers_of_few_bits_are_not_taken_for_exact() -> None:
    for bits in BITS.values():
        for layer in (layers.sigmoid, layers.tanh, layers.softmax):
            low = in_bits(replace(layer, dims=None, features={}, shapes=dict.fromkeys(layer.inputs, (1, 2))), bits)
            for seed in range(12):
                assert {(str(r.status) == "failed", r.how) for r in judged(low, seed).values()} <= {(False, "ladder")}


def test_a_larger_point_that_is_saturated_says_nothing_of_this_one() -> None:
    right, wrong = layers.neuron, off(layers.neuron, "w", 0.5)
    point = Case.parse("features=1 values=integers seed=2")
    found = [
        {r.input: str(r.status) for r in gradients.CHECK.run(layer, point.point(layer))} for layer in (right, wrong)
    ]
    assert found[0] == {"x": "passed", "w": "passed", "b": "passed"}
    assert found[1] == {"x": "passed", "w": "failed", "b": "passed"}
