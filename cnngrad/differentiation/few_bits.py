"""Exact differences of a function that computes in few bits: float32, float16 or bfloat16.

A small step is lost there, so it is a large one, in units of the point's own lattice: that is the derivative only where
the function is linear along the line. That nothing was rounded is seen from the outputs as a whole: with their lowest
bit as the unit, all of them fit in fewer bits than the function has. What was rounded fills them. And what is curved so
little that rounding hides it (a sigmoid of small numbers) is bent by so large a step.
"""

from __future__ import annotations

import numpy as np

from cnngrad.core.arrays import Array, Vector
from cnngrad.differentiation.exact import Difference
from cnngrad.differentiation.line import Line

SPARE = {24: 4, 11: 2, 8: 2}
NONE = -1.0
WEIGHTS = {24: 5, 11: 2, 8: 2}  # bits of a direction's entries


def direction_in(rng: np.random.Generator, size: int, bits: int) -> Vector:
    """Odd integers of a few bits."""
    odd: Vector = (2.0 * rng.integers(0, 2 ** (WEIGHTS[bits] - 1), size) + 1.0) * rng.choice([-1.0, 1.0], size)
    return odd


def lowest_bit(values: Array) -> float:
    """The largest power of two that divides every entry; 1 where all are 0.

    >>> lowest_bit(np.array([0.75, 2.0, 0.0]))
    0.25
    """
    mantissas, exponents = np.frexp(values[values != 0])
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    return float(np.min(np.ldexp((whole & -whole).astype(np.float64), exponents - 53))) if whole.size else 1.0


@np.errstate(all="ignore")
def difference_in(line: Line, bits: int) -> Difference | None:
    """``f(+step) - f(-step)`` of a function that computes with so many bits; ``None`` where it is bent.

    The step is the largest that leaves room, and what comes of it has to be in proportion to what comes of one unit.
    Where none leaves room, the evidence is ``NONE``.

    >>> line = Line(lambda x: np.float32(3) * np.float32(x), np.array([5.0, 3.0]), np.array([1.0, 0.0]), np.ones(2))
    >>> found = difference_in(line, 24)
    >>> (found.rise / (2 * found.step)).tolist()
    [3.0, 0.0]
    """
    unit = lowest_bit(line.at[line.direction != 0])
    if unit > line.limit:
        return None
    first = line(unit) - line.y0
    factor = _factor(line, bits, unit, first)
    up, down = line(factor * unit), line(-factor * unit)
    seen = np.concatenate([line.y0, up, down])
    rise = up - down
    if factor < 1 or not np.all(np.isfinite(seen)) or bits_left(seen, bits) < SPARE[bits]:
        return Difference(unit, rise, NONE)
    if not (np.array_equal(up - line.y0, line.y0 - down) and np.array_equal(up - line.y0, factor * first)):
        return None
    if np.sum(np.abs(line.dy) * (np.abs(up) + np.abs(down)) * (rise != 0)) > 4 * np.sum(np.abs(line.dy * rise)):
        return Difference(
            unit, rise, NONE
        )  # f may have lost in its own rounding more than a few roundings of the slope
    evidence = 2 * (bits_left(seen, bits) + np.log2(factor)) * np.count_nonzero(rise)
    return Difference(factor * unit, rise, float(evidence))


def _factor(line: Line, bits: int, unit: float, first: Vector) -> float:
    """How many units may be taken at once, for outputs and inputs to have room: a power of two, 0 if not even one."""
    outputs = 2.0 ** (bits - SPARE[bits]) * lowest_bit(np.append(line.y0, first)) - np.max(np.abs(line.y0), initial=0.0)
    inputs = 2.0 ** (bits - 1) * unit - np.max(np.abs(line.at[line.direction != 0]), initial=0.0)
    room = min(
        outputs / (np.max(np.abs(first), initial=0.0) or unit),
        inputs / (unit * float(np.max(np.abs(line.direction), initial=1.0))),
    )
    return min(float(2.0 ** np.floor(np.log2(room))), line.limit / unit) if room >= 1 else 0.0


def bits_left(values: Array, bits: int) -> int:
    """Of so many bits, those that are left over where all values are counted in the lowest bit of any.

    >>> bits_left(np.array([63.0, 1.0]), 8), bits_left(np.array([63.0, 0.5]), 8)
    (2, 1)
    """
    _, used = np.frexp(np.max(np.abs(values), initial=0.0) / lowest_bit(values))
    return bits - int(used)
