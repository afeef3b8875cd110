"""How many bits a function computes with, seen from the numbers it returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Array, Vector
from cnngrad.differentiation.line import EPS, Function

DOUBLE = 53
SHORTER = (8, 11, 24)  # bfloat16, float16, float32
BLOCK = 2**16
FINE = EPS / 4
SMALL = 2.0**-20


def fits(values: Array, bits: int) -> npt.NDArray[np.bool_]:
    """Which entries need no more than this many significant bits.

    >>> fits(np.array([0.75, 1 / 3]), 24).tolist()
    [True, False]
    """
    mantissas, _ = np.frexp(np.asarray(values, dtype=np.float64))
    whole: npt.NDArray[np.bool_] = np.ldexp(mantissas, bits) % 1 == 0
    return whole


def working_eps(*outputs: Vector) -> float:
    """The precision f works in, seen from how many bits its outputs use: that of double unless all are shorter.

    >>> working_eps(np.array([1 / 3])) == EPS, working_eps(np.array([np.float32(1 / 3)], dtype=float))
    (True, 1.1920928955078125e-07)
    """
    if all(np.all((part % 1 == 0) & (np.abs(part) < 16)) for part in _blocks(outputs)):
        return EPS  # counts or steps, not numbers of low precision
    for bits in SHORTER:
        if all(np.all(fits(part, bits)) for part in _blocks(outputs)):
            return float(2.0 ** (1 - bits))
    return EPS


def _blocks(arrays: Sequence[Vector]) -> Iterator[Vector]:
    """A part at a time: the first one tells mostly, and millions of numbers are not copied."""
    for array in arrays:
        for start in range(0, array.size, BLOCK):
            yield array[start : start + BLOCK]


def fewest_bits(y: Vector, y0: Vector) -> int:
    """The bits of the output that is computed with the fewest; 0 where no output tells.

    Args:
        y: outputs for numbers with full mantissas.
        y0: outputs at another point. One that is the same at both says nothing, nor does a small whole number (a relu
            at 0, a count).

    >>> fewest_bits(np.array([1 / 3, np.float32(1 / 3), 0.0]), np.zeros(3))
    24
    """
    moved = y[np.isfinite(y) & (y != y0)]
    telling = moved[(moved % 1 != 0) | (np.abs(moved) >= 128)]
    if not telling.size or not np.any(fits(telling, 24)):
        return DOUBLE if telling.size else 0
    halves = telling[fits(telling, 11)]
    if not halves.size:
        return 24
    return 8 if np.mean(fits(halves, 8)) > 0.5 else 11  # one float16 number in eight ends in three zeros by chance


def bits_near(f: Function, at: Vector, y0: Vector, room: Vector | None = None) -> int:
    """The same for a function near a point, inside the room that each entry has; costs one forward."""
    size = np.where(at == 0, 1.0, np.abs(at))
    step = np.random.default_rng(0).uniform(0.125, 0.25, at.size) * (size if room is None else np.minimum(size, room))
    with np.errstate(all="ignore"):
        return fewest_bits(np.asarray(f(at + step)), y0)


def resolves(y0: Vector, others: Iterable[Vector]) -> npt.NDArray[np.bool_]:
    """Which outputs have been seen to change by less than the rounding of a number of size 1.

    Another may be ``log(1 + tiny)``: it changes in steps of 1e-16 however small it is.

    >>> resolves(np.array([1e-20, 0.0]), [np.array([2e-20, 1e-16])]).tolist()
    [True, False]
    """
    fine = np.zeros(y0.shape, dtype=bool)
    for y in others:
        change = np.abs(y - y0)
        fine |= (change > 0) & (change < FINE)
    return fine


def remainders(values: Vector) -> npt.NDArray[np.bool_]:
    """Which small numbers are multiples of the rounding of 1: few bits are left of them, as ``1 - tanh(17)`` shows.

    >>> remainders(np.array([1 - np.tanh(17.0), 3 * 2.0**-30, 1e-14])).tolist()
    [True, False, False]
    """
    return np.asarray((np.abs(values) < SMALL) & (values % FINE == 0) & (values % (1024 * FINE) != 0))
