"""How many bits are computed with is seen in the outputs."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.differentiation.line import EPS
from cnngrad.differentiation.precision import bits_near, fewest_bits, working_eps


@pytest.mark.parametrize(
    ("outputs", "eps"),
    [
        ([1 / 3, 1.0], EPS),
        ([float(np.float32(1 / 3)), 1.0, 0.0], 2.0**-23),
        ([float(np.float16(1 / 3)), 0.5], 2.0**-10),
        ([1.0, 0.5, -3.0], 2.0**-7),
        ([0.0, 0.0], EPS),
        ([], EPS),
    ],
)
def test_the_precision_is_seen_in_the_outputs(outputs: list[float], eps: float) -> None:
    assert working_eps(np.array(outputs)) == eps


THIRD = 1 / 3
SINGLE, HALF = float(np.float32(THIRD)), float(np.float16(THIRD))


@pytest.mark.parametrize(
    ("y", "y0", "bits"),
    [
        ([THIRD, 2 * THIRD], [0.0, 0.0], 53),
        ([THIRD, SINGLE], [0.0, 0.0], 24),  # the least precise output decides
        ([THIRD, SINGLE, HALF], [0.0, 0.0, 0.0], 11),
        ([THIRD, 0.25], [0.0, 0.0], 8),
        ([THIRD, 0.25], [0.0, 0.25], 53),  # an output that stays as it is says nothing
        ([THIRD, 0.0, 6.0], [0.0, 1.0, 1.0], 53),  # nor does a small whole number
        ([300.0], [0.0], 8),
        ([np.inf, np.nan], [0.0, 0.0], 0),
        ([0.25], [0.25], 0),
        ([], [], 0),
    ],
)
def test_the_output_of_fewest_bits_decides(y: list[float], y0: list[float], bits: int) -> None:
    assert fewest_bits(np.array(y), np.array(y0)) == bits


def test_the_bits_of_a_function_are_seen_beside_a_point() -> None:
    at = np.array([0.5, -2.0, 0.0])
    for f, bits in (
        (lambda x: 2 * x, 53),
        (lambda x: np.float32(x), 24),
        (lambda x: np.append(x, np.float32(x)), 24),
        (lambda x: np.float16(x), 11),
        (lambda x: np.round(x), 0),
    ):
        assert bits_near(f, at, np.asarray(f(at), dtype=np.float64)) == bits
