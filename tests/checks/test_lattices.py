"""Other points at which a layer is judged without tolerance: small multiples of one unit, inside the domain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.lattices import COTANGENT, SIZES, Lattice, _elsewhere, _of_few_bits, lattices_for
from cnngrad.core.layer import Layer
from cnngrad.differentiation.precision import DOUBLE
from tests.checks.judging import claim_at, elementwise, layer_of

SHORT = np.array([1.0, -3.0, 0.5, 2.0])

product = layer_of(lambda x, w: (x * w, lambda dy: (w * dy, x * dy)), ("x", "w"))
triple = elementwise(lambda x: 3 * x, lambda x: 3.0)


def single(x: Any) -> Any:
    return np.float32(3) * x.astype(np.float32)


def refuses_long(x: Any) -> Any:
    if np.any(1024 * x % 1 != 0):
        raise ValueError("too long")
    return 3 * x


@pytest.mark.parametrize(
    ("f", "x", "values", "expected"),
    [
        (lambda x: 3 * x, SHORT, "lattice", [(DOUBLE, 1), (DOUBLE, 11025)]),
        (lambda x: 3 * x, SHORT, "integers", [(DOUBLE, 1), (DOUBLE, 11025)]),
        (lambda x: 3 * x, SHORT, "normal", [(DOUBLE, 1)]),  # a point that is not ours to exchange
        (lambda x: 3 * x, SHORT + 2.0**-14, "lattice", [(DOUBLE, 1), (DOUBLE, 11025)]),
        (lambda x: 3 * x, SHORT + 2.0**-15, "lattice", [(DOUBLE, 1)]),  # 17 bits: many more times a base
        (lambda x: 3 * x, np.ones(3) / 3, "lattice", []),
        (lambda x: np.append(3 * x[1:], 0.5), SHORT, "lattice", [(DOUBLE, 1), (DOUBLE, 11025)]),  # a constant is short
        (lambda x: x / 3, SHORT, "lattice", [(DOUBLE, 9)]),
        (lambda x: x / 7, 3 * SHORT, "lattice", [(DOUBLE, 49)]),
        (lambda x: x / 3, SHORT, "normal", []),
        (np.exp, SHORT, "lattice", []),
        (lambda x: 2.0**20 * np.exp(x), SHORT, "lattice", []),
        (single, SHORT, "lattice", [(24, 1)]),
        (single, SHORT, "normal", []),
        (refuses_long, SHORT, "lattice", []),
        (refuses_long, SHORT[:1], "lattice", []),
    ],
)
def test_where_a_layer_is_judged_without_tolerance(f: Any, x: Any, values: str, expected: list[Any]) -> None:
    claim = claim_at(elementwise(f, np.ones_like), x, values=values)
    assert [(lattice.bits, lattice.base) for lattice in lattices_for(claim)] == expected


def test_directions_are_odd_numbers_of_few_bits_in_the_lattices_unit() -> None:
    claim = claim_at(triple, SHORT)
    for bits, base, low, high in ((DOUBLE, 1, 513, 1023), (DOUBLE, 9, 513, 1023), (24, 1, 1, 31), (8, 1, 1, 3)):
        direction = Lattice(claim, bits, base).direction(200, "demo") / base
        assert direction.shape == (200,)
        assert np.all(direction % 2 == 1)
        assert (np.abs(direction).min() < low + 9, np.abs(direction).max() > high - 9) == (True, True)
        assert low <= np.abs(direction).min() <= np.abs(direction).max() <= high
        assert direction.min() < 0 < direction.max()


def test_a_larger_base_moves_no_farther_and_another_step_is_shorter() -> None:
    claim = claim_at(triple, np.ones(3))
    for base, share in ((1, 1), (9, 1 / 16), (225, 1 / 256)):
        for again, times in (({}, 1.0), ({"again": True}, 0.25)):
            found = Lattice(claim, DOUBLE, base).difference(base * np.ones(3), **again)
            assert found is not None
            assert found.step == 2.0**-26 * share * times
            assert found.rise.tolist() == [6 * base * found.step] * 3


@pytest.mark.parametrize("bits", SIZES)
def test_a_lattice_of_few_bits_has_all_its_sizes_in_both_signs(bits: int) -> None:
    (lattice,) = _of_few_bits(claim_at(product, np.ones((20, 5)), np.ones((20, 5))), bits)
    claim, unit = lattice.claim, 1 / {24: 8, 11: 2, 8: 2}[bits]
    assert (lattice.bits, lattice.base) == (bits, 1)
    signed = {sign * size for size in SIZES[bits] for sign in (-1, 1)}
    for name, other in (("x", "w"), ("w", "x")):
        value = claim.at.point[name]
        assert value.shape == (20, 5)
        assert set((value / unit).ravel()) == signed
        assert np.array_equal(claim.gradient[claim.at.slices[name]], claim.dy * claim.at.point[other].ravel())
    assert set(claim.dy) == {sign * size for size in COTANGENT[bits] for sign in (-1, 1)}
    assert not np.array_equal(claim.at.point["x"], claim.at.point["w"])


def test_what_a_layer_draws_in_its_own_way_is_not_exchanged() -> None:
    drawn = replace(product, draw={"w": lambda rng, shape, d: np.ones(shape)})
    (lattice,) = _of_few_bits(claim_at(drawn, 5 * np.ones(3), 5 * np.ones(3)), 24)
    assert lattice.claim.at.point["w"].tolist() == [5, 5, 5]
    assert np.max(np.abs(lattice.claim.at.point["x"])) < 2


@pytest.mark.parametrize(("value", "there"), [(0.0, False), (0.5, True), (1.0, False), (2.0, False), (-1.0, False)])
def test_a_point_outside_the_domain_is_none(value: float, there: bool) -> None:
    claim = claim_at(replace(triple, domain={"x": (0, 1)}), np.full(3, 0.25))
    assert (_elsewhere(claim, {"x": np.full(3, value)}, claim.dy) is not None) is there
    assert not list(_of_few_bits(claim, 24))


def test_a_claim_elsewhere_is_the_layers_own() -> None:
    claim = claim_at(product, np.ones(3, dtype=np.float32), np.full(3, 5, dtype=np.float32))
    there = _elsewhere(claim, {"x": np.array([1.0, 2.0, 3.0])}, np.array([1.0, 1.0, 2.0]))
    assert there is not None
    assert there.y0.tolist() == [5, 10, 15]
    assert there.gradient.tolist() == [5, 5, 10, 1, 2, 6]
    assert {value.dtype for value in there.at.point.inputs} == {np.dtype(np.float32)}
    assert (there.sound, there.at.calls.forward, there.at.calls.backward) == (("x", "w"), 2, 2)


def test_a_layer_without_a_usable_claim_elsewhere_has_none_there() -> None:
    def beyond_one(y: Any, dx: Any) -> Layer:
        def vjp(x: Any) -> Any:
            return (3 * x, lambda dy: (3 * dy,)) if np.all(x <= 1) else (y(x), lambda dy: (dx(x, dy),))

        return layer_of(vjp)

    def refuses(*_: Any) -> Any:
        raise ValueError("too large")

    for x in (np.ones(3), np.array(1.0)):
        right = {"y": lambda x: 3 * x, "dx": lambda x, dy: 3 * dy}
        for wrong in (
            {},
            {"y": refuses},
            {"dx": refuses},
            {"y": lambda x: np.empty(0), "dx": lambda x, dy: np.ones_like(x)},  # another number of outputs
            {"dx": lambda x, dy: None},
            {"dx": lambda x, dy: np.full(np.shape(x), np.nan)},
            {"dx": lambda x, dy: np.ones((2, 2))},
        ):
            claim = claim_at(beyond_one(**{**right, **wrong}), x)
            assert (_elsewhere(claim, {"x": 2 * x}, claim.dy) is None) is bool(wrong), (x, wrong)
