"""Flat vectors and back, short numbers, and the names messages give to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.core.arrays import (
    cotangent_like,
    flatten,
    is_differentiable,
    number,
    outputs_of,
    round_to_bits,
    shape_text,
    unflatten,
)

OUTPUTS: tuple[Any, ...] = (
    np.arange(6.0).reshape(2, 3),
    np.float64(7.0),
    np.zeros((0, 4)),
    np.array([1, 2]),
    np.array(5.0, np.float32),
    np.array([[0.5]], np.float16),
)


def bits_of(value: float) -> int:
    mantissa, _ = np.frexp(value)
    return next(bits for bits in range(54) if np.ldexp(mantissa, bits) % 1 == 0)


@pytest.mark.parametrize("scale", [1e-300, 1e-6, 1.0, 1e6, 1e300])
@pytest.mark.parametrize("bits", [1, 4, 12])
def test_rounding_leaves_that_many_bits_and_moves_no_number_by_more_than_half_of_the_last(
    scale: float, bits: int
) -> None:
    values = scale * np.random.default_rng(0).standard_normal(200)
    rounded = round_to_bits(values, bits)
    assert max(map(bits_of, rounded)) == bits
    assert np.all(np.abs(rounded - values) <= np.abs(values) * 2.0**-bits)
    assert not np.array_equal(rounded, values)
    assert np.array_equal(round_to_bits(rounded, bits), rounded)


def test_rounding_keeps_what_has_no_bits() -> None:
    assert np.array_equal(round_to_bits([0.0, np.inf, -np.inf, np.nan]), [0.0, np.inf, -np.inf, np.nan], equal_nan=True)
    assert round_to_bits([]).shape == (0,)
    assert round_to_bits(3).shape == ()


@pytest.mark.parametrize(
    "value", [1.0, np.float16(1), np.float32(1), np.float64(1), np.ones(2), np.ones(2, np.float16), np.empty(0)]
)
def test_floats_are_differentiable(value: Any) -> None:
    assert is_differentiable(value)


@pytest.mark.parametrize(
    "value", [1, True, None, "1.0", [1.0], 1j, np.int64(1), np.array([1, 2]), np.array([True]), np.array([1j]), {}]
)
def test_nothing_else_is(value: Any) -> None:
    assert not is_differentiable(value)


def test_a_float_type_that_numpy_does_not_know_is_differentiable() -> None:
    class Bfloat16Array:
        dtype = np.dtype([("bfloat16", np.uint16)])

    class Plain:
        dtype = np.dtype([("words", np.uint16)])

    assert is_differentiable(Bfloat16Array())
    assert not is_differentiable(Plain())


def test_outputs_are_a_tuple_whatever_was_returned() -> None:
    y = np.ones(2)
    assert outputs_of(y)[0] is y
    assert outputs_of(3.0) == (3.0,)
    assert outputs_of((1.0, 2.0)) == outputs_of([1.0, 2.0]) == (1.0, 2.0)
    assert outputs_of(()) == ()


def test_flatten_takes_the_float_entries_in_order() -> None:
    assert flatten(OUTPUTS).tolist() == [0, 1, 2, 3, 4, 5, 7, 5, 0.5]
    assert flatten(OUTPUTS).dtype == np.float64
    assert flatten([]).shape == flatten([np.array([1, 2])]).shape == (0,)


def test_unflatten_is_its_inverse_and_copies() -> None:
    vector = flatten(OUTPUTS)
    parts = unflatten(vector, OUTPUTS)
    assert [np.shape(part) for part in parts] == [np.shape(part) for part in OUTPUTS]
    assert all(np.array_equal(part, original) for part, original in zip(parts, OUTPUTS, strict=True))
    assert parts[3] is OUTPUTS[3]
    parts[0][0, 0] = 99.0
    assert vector[0] == 0
    as_complex: Any = 1j * vector
    assert np.iscomplexobj(unflatten(as_complex, OUTPUTS)[0])


def test_a_cotangent_has_the_structure_and_precision_of_the_output() -> None:
    dy = cotangent_like(OUTPUTS, flatten(OUTPUTS))
    assert isinstance(dy, tuple)
    assert dy[3] is None
    for part, output in zip(dy, OUTPUTS, strict=True):
        if part is not None:
            assert (part.dtype, np.shape(part)) == (getattr(output, "dtype", np.float64), np.shape(output))
            assert np.array_equal(part, output)


def test_one_output_gets_one_cotangent_and_a_number_a_number() -> None:
    assert cotangent_like(np.zeros((1, 2)), np.array([3.0, 4.0])).tolist() == [[3.0, 4.0]]
    for y in (0.0, np.float64(0), np.array(0.0)):
        assert isinstance(cotangent_like(y, np.array([3.0])), np.float64)
    assert isinstance(cotangent_like(np.float32(0), np.array([3.0])), np.float32)
    assert isinstance(cotangent_like([np.zeros(1)], np.array([3.0])), tuple)
    assert cotangent_like(np.array([1, 2]), np.empty(0)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((2, 3), np.float32), "float32 (2, 3)"),
        (np.float64(2), "float64 ()"),
        (None, "NoneType None"),
        ([1, 2], "list [1, 2]"),
        ("x" * 100, "str '" + "x" * 39),
    ],
)
def test_how_an_array_is_named(value: Any, text: str) -> None:
    assert shape_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(4.0, "4"), (-0.1, "-0.1"), (1e-12, "1e-12"), (123456789.0, "1.234568e+08"), (np.nan, "nan")]
)
def test_how_a_number_is_printed(value: float, text: str) -> None:
    assert number(value) == text


def test_no_number_is_nothing() -> None:
    assert number(None) == "nothing"
