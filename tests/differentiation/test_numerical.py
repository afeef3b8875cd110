"""The numbers by themselves, for people who only want a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.differentiation import Estimate, coordinates, numerical_gradient, numerical_vjp

X, W = np.random.default_rng(0).standard_normal((2, 3)), np.random.default_rng(1).standard_normal((3, 4))
ANY: Any = None


def right(found: Estimate, truth: Any) -> bool:
    truth = np.asarray(truth, dtype=np.float64)
    assert found.value.shape == found.bound.shape == truth.shape
    return bool(np.all(np.abs(found.value - truth) <= found.bound + 16 * 2.3e-16 * np.max(np.abs(truth), initial=0.0)))


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (lambda x: np.sum(x**2), 2 * X),
        (lambda x: float(np.mean(np.sin(x))), np.cos(X) / 6),
        (lambda x: np.log(np.sum(np.exp(x))), np.exp(X) / np.sum(np.exp(X))),
        (lambda x: [np.sum(x)], np.ones((2, 3))),
        (lambda x: np.sum(x).reshape(1, 1), np.ones((2, 3))),
        (lambda x: 0 * x[0, 0] + 0.3, np.zeros((2, 3))),
        (lambda x: 0.7, np.zeros((2, 3))),
    ],
)
def test_the_gradient_of_a_loss(loss: Any, gradient: Any) -> None:
    found = numerical_gradient(loss, X)
    assert right(found, gradient)
    assert np.all(found.bound < 1e-9)
    wrong = np.array(gradient)
    wrong[1, 2] += 1e-6
    assert not right(found, wrong)


@pytest.mark.parametrize("x", [3, 3.0, np.float32(3), [3.0], [[3, 3]], np.array([3, 3])])
def test_any_shape_of_numbers_will_do(x: Any) -> None:
    found = numerical_gradient(lambda x: np.sum(x * x), x)
    assert right(found, 2.0 * np.asarray(x))
    assert found.how in ("ladder", "complex step", "complex step and ladder")


def test_no_numbers_no_gradient() -> None:
    found = numerical_gradient(lambda x: np.sum(x), np.empty((0, 3)))
    assert (found.value.shape, found.bound.shape, found.how) == ((0, 3), (0, 3), "none")


def test_entries_at_a_kink_are_left_open_and_the_others_answered() -> None:
    found = numerical_gradient(lambda x: np.sum(np.abs(x) * [1, 1, 3]), [0.0, -2.0, 3.0])
    assert np.isnan(found.value[0])
    assert np.isinf(found.bound[0])
    assert found.value[1:].tolist() == [-1.0, 3.0]
    assert found.bound[1:].tolist() == [0.0, 0.0]


def test_a_product_with_a_cotangent() -> None:
    dy = np.arange(8.0).reshape(2, 4) - 3
    of_x, of_w = numerical_vjp(np.matmul, X, W, dy=dy)
    assert right(of_x, dy @ W.T)
    assert right(of_w, X.T @ dy)
    assert not right(of_w, X.T @ -dy)


def test_several_outputs() -> None:
    def f(x: Any, s: Any) -> Any:
        return np.tanh(x) * s, np.sum(x), 2.0 * s

    dy = (np.cos(X), 5.0, -1.0)
    of_x, of_s = numerical_vjp(f, X, 0.5, dy=dy)
    assert right(of_x, 0.5 * np.cos(X) / np.cosh(X) ** 2 + 5)
    assert right(of_s, np.sum(np.cos(X) * np.tanh(X)) - 2)
    assert right(numerical_vjp(f, X, 0.5, dy=list(dy))[0], of_x.value)


def test_inputs_are_not_changed_even_by_a_function_that_writes_on_them() -> None:
    def careless(x: Any) -> Any:
        x *= 2
        return x

    x = X.copy()
    assert right(numerical_vjp(careless, x, dy=np.ones((2, 3)))[0], 2 * np.ones((2, 3)))
    assert np.array_equal(x, X)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (np.sqrt, 2.0**-30, 2.0**14),
        (lambda x: 1 / x, 2.0**-26, -(2.0**52)),
        (np.log, 2.0**-28, 2.0**28),
        (lambda x: 2 * x, 2.0**130, 2.0),
        (lambda x: 2 * x, 2.0**1000, 2.0),
    ],
)
def test_a_step_that_leaves_the_domain_warns_nobody(f: Any, x: float, slope: float) -> None:
    found = numerical_gradient(f, x)
    assert not np.isfinite(found.bound) or abs(found.value - slope) <= found.bound + 1e-15 * abs(slope)


@pytest.mark.parametrize("x", [np.nan, np.inf])
def test_a_point_that_is_not_finite_has_no_gradient(x: float) -> None:
    found = numerical_gradient(lambda x: 2 * x, x)
    assert np.isnan(found.value)
    assert np.isinf(found.bound)


def test_what_the_function_raises_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        numerical_gradient(lambda x: 1 / 0, 1.0)


@pytest.mark.parametrize("x", ["abc", "3", None, [None, 1.0], [[1.0], [1.0, 2.0]], [1j], np.array([1j]), {}])
def test_an_input_that_is_no_array_of_real_numbers(x: Any) -> None:
    with pytest.raises(UsageError, match=r"an input is no array of real numbers: \S"):
        numerical_gradient(np.sum, x)


def test_no_input_at_all() -> None:
    with pytest.raises(UsageError, match=r"^no input is given: numerical_vjp\(f, x, dy=dy\)$"):
        numerical_vjp(lambda: 1.0, dy=1.0)


@pytest.mark.parametrize("y", [None, "a", {}, 1j, (1.0, None)])
def test_a_function_that_returns_no_real_numbers(y: Any) -> None:
    with pytest.raises(UsageError, match=r"what the function returned is no array of real numbers: \S"):
        numerical_gradient(lambda x: y, 1.0)


@pytest.mark.parametrize("dy", ["a", None, 1j, [None], {}])
def test_a_cotangent_that_is_no_real_numbers(dy: Any) -> None:
    with pytest.raises(UsageError, match=r"dy is no array of real numbers: \S"):
        numerical_vjp(np.sum, [1.0, 2.0], dy=dy)


@pytest.mark.parametrize(
    ("y", "dy", "message"),
    [
        (X, X.T, r"dy has shape \(3, 2\), the output \(2, 3\): give dy the output's structure and shape$"),
        (X, X[0], r"dy has shape \(3,\), the output \(2, 3\)"),
        (X, X.ravel(), r"dy has shape \(6,\), the output \(2, 3\)"),
        ((X, 1.0), X, r"dy has shape \(2, 3\), the output \(2, 3\) and \(\)"),
        ((X, 1.0), (1.0, X), r"dy has shape \(\) and \(2, 3\), the output \(2, 3\) and \(\)"),
        (X, 1.0, r"dy has shape \(\), the output \(2, 3\): .*; for a gradient the function returns one number"),
    ],
)
def test_a_cotangent_that_does_not_fit(y: Any, dy: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        numerical_vjp(lambda x: y, X, dy=dy)


def test_a_loss_that_returns_more_than_one_number() -> None:
    with pytest.raises(UsageError, match=r"structure and shape; for a gradient the function returns one number$"):
        numerical_gradient(np.tanh, X)


@pytest.mark.parametrize(("x", "given"), [([1j], "list [1j]"), (np.array([1j]), "complex128 (1,)")])
def test_a_refusal_says_what_was_given(x: Any, given: str) -> None:
    with pytest.raises(UsageError) as refused:
        numerical_gradient(np.sum, x)
    assert str(refused.value) == f"an input is no array of real numbers: it is {given}"


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_the_function_is_asked_in_double_and_in_complex_numbers(dtype: Any) -> None:
    asked = []

    def f(x: Any) -> Any:
        asked.append(x.dtype.name)
        return np.tanh(x)

    found = numerical_vjp(f, np.array([1, 2], dtype), dy=np.array([1, 1]))
    assert set(asked) == {"float64", "complex128"}
    assert "complex step" in found[0].how


def test_wanted_coordinates_only() -> None:
    at, dy = X.ravel(), np.ones(6)
    found = coordinates(np.tanh, at, dy, [4, 1])
    assert right(found, (1 / np.cosh(at) ** 2)[[4, 1]])
    assert coordinates(np.tanh, at, dy, []).value.shape == (0,)
    assert coordinates(lambda x: 0.5 * x, np.ones(6), dy).how == "exact"


def forwards_of(f: Any, at: Any, dy: Any) -> int:
    asked = []

    def watching(x: Any) -> Any:
        asked.append(x)
        return f(x)

    coordinates(watching, at, dy)
    return len(asked)


def test_the_output_and_its_bits_are_asked_for_once() -> None:
    at, dy = np.ones(6), np.ones(6)
    assert forwards_of(lambda x: 0.5 * x, at, dy) == 1 + 1 + 2 * 6
    one, two = forwards_of(np.tanh, at[:1], dy[:1]), forwards_of(np.tanh, at[:2], dy[:2])
    assert two == 1 + 2 * (one - 1)  # no output to be exact about: no bits are asked for


def test_an_output_that_does_not_move_tells_no_bits() -> None:
    found = coordinates(lambda x: np.append(0.5 * x, 0.25), np.ones(2), np.ones(3))
    assert (found.value.tolist(), found.how) == ([0.5, 0.5], "exact")


def test_every_way_is_named() -> None:
    found = coordinates(lambda x: np.append(np.tanh(x[:1]), x[1:] * np.abs(x[1:])), np.array([0.3, 0.4]), np.ones(2))
    assert right(found, [1 / np.cosh(0.3) ** 2, 0.8])
    assert found.how == "complex step and ladder"
