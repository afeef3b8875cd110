"""results_agree_with_the_reference: a kernel in single precision beside a float64 implementation, right and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.checks.results_agree_with_the_reference import CHECK
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from tests.checks.judging import elementwise, layer_of

X = np.array([0.5, -1.25, 2.0], dtype=np.float32)


class Tanh:
    """``y = tanh x``, which notes the types of its inputs and its cotangents, as numbers."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self.dtypes: list[Any] = []
        self.cotangents: list[tuple[float, ...]] = []

    def __call__(self, x: Any) -> Any:
        self.dtypes.append(x.dtype)
        y = np.tanh(x)

        def backward(dy: Any) -> Any:
            self.cotangents.append(tuple(dy.tolist()))
            return (dy * (1 - y * y) * x.dtype.type(self.factor),)

        return y, backward


def run(kernel: Layer) -> list[Result]:
    return CHECK.run(kernel, point_from_arrays(kernel, (X,), {}, Case(values="normal")))


def test_a_kernel_that_rounds_passes_and_the_reference_computes_in_double() -> None:
    kernel, reference = Tanh(), Tanh()
    found = run(layer_of(kernel, reference=layer_of(reference)))
    assert {result.input: str(result.status) for result in found} == {"output": "passed", "x": "passed"}
    assert set(kernel.dtypes) == {np.dtype(np.float32)}
    assert {dtype for dtype in reference.dtypes if dtype.kind == "f"} == {np.dtype(np.float64)}
    for result in found:
        assert result.forward_calls == len(kernel.dtypes) + len(reference.dtypes)
        assert result.backward_calls == len(kernel.cotangents) + len(reference.cotangents)


def test_a_wrong_kernel_fails_and_the_points_nearby_are_the_same_for_both() -> None:
    kernel, reference = Tanh(1 + 1e-4), Tanh()
    output, gradient = run(layer_of(kernel, reference=layer_of(reference)))
    assert (output.input, output.status) == ("output", Status.PASSED)
    assert (gradient.input, gradient.status) == ("x", Status.FAILED)
    assert gradient.reason == "not what the reference gives, by more than the kernel's rounding explains"
    assert set(kernel.dtypes) == {np.dtype(np.float32)}
    assert len(set(kernel.cotangents)) > 3
    assert set(kernel.cotangents) <= set(reference.cotangents)


def test_without_a_reference_there_is_nothing_to_hold_against() -> None:
    (found,) = run(layer_of(Tanh()))
    assert (found.status, found.reason) == (Status.NOT_APPLICABLE, "no reference= is declared")


def test_a_reference_that_is_wrong_itself_is_told_with_the_reason() -> None:
    for slope, reason in (
        (lambda x: 3.0, "the reference itself is wrong here"),
        (lambda x: x * np.nan, "the reference itself is wrong here; 3 of 3 entries are not finite"),
    ):
        (found,) = run(layer_of(Tanh(), reference=elementwise(np.tanh, slope)))
        assert (found.status, found.input, found.reason) == (Status.FAILED, "x", reason)


def test_a_reference_that_is_not_finite_tells_nothing() -> None:
    reference = elementwise(lambda x: x / 0, lambda x: x)
    (found,) = run(layer_of(Tanh(), reference=reference))
    assert (found.status, found.reason) == (Status.INCONCLUSIVE, "the reference is not finite at this point")
