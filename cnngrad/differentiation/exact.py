"""Exact differences: at dyadic points a layer of sums, products and maxima computes without rounding.

Inputs that are few-bit multiples of a power of two, an integer direction and a power-of-two step leave every sum and
product representable; then the double-precision difference *is* the derivative and the comparison needs no tolerance.
Whether that happened is seen in the numbers: outputs that needed rounding fill the mantissa, so four zero bits at its
end in every output, and equal differences to both sides, are asked for before the value is called exact. An output that
was rounded to float32 ends in zero bits as well, so every output has to be one that was computed in double.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnngrad.core.arrays import Array, Vector
from cnngrad.differentiation.line import EPS, Estimate, Line
from cnngrad.differentiation.precision import DOUBLE, bits_near, remainders

STEP = 2.0**-26
SPARE_BITS = 4
FEW = 8  # outputs that move; rounding leaves the bits of so many zero with a chance of 2^-64
MANY_SPARE_BITS = 14
LARGER = 8.0, 64.0, 512.0
BLOCK = 2**16  # numbers taken at a time, so that a sum over millions needs no more memory than one over thousands


def has_spare_bits(values: Array, spare: int = SPARE_BITS) -> bool:
    """Whether every entry ends in ``spare`` zero mantissa bits: nothing was rounded on the way.

    >>> has_spare_bits(np.array([0.75, -3.0, 0.0])), has_spare_bits(np.array([1 / 3]))
    (True, False)
    """
    flat = np.ravel(np.asarray(values, dtype=np.float64))
    blocks = (flat[start : start + BLOCK] for start in range(0, flat.size, BLOCK))
    return all(_is_short(block, np.uint64((1 << spare) - 1)) for block in blocks)


def _is_short(block: Vector, mask: np.uint64) -> bool:
    return bool(np.all(np.ascontiguousarray(block).view(np.uint64) & mask == 0) and np.all(np.isfinite(block)))


def exact_dot(a: Vector, b: Vector) -> float:
    """``<a, b>`` rounded once: each product is split into its two halves, which are summed exactly.

    A sum that no double holds on the way is made of smaller terms, and infinite only if its value is.

    >>> exact_dot(np.array([1e16, 1.0, -1e16]), np.ones(3))
    1.0
    """
    try:
        return math.fsum(_terms(a, b))
    except OverflowError:
        return math.fsum(term * 2.0**-600 for term in _terms(a, b)) * 2.0**600


def _terms(a: Vector, b: Vector) -> Iterator[float]:
    for start in range(0, a.size, BLOCK):
        for half in _two_product(a[start : start + BLOCK], b[start : start + BLOCK]):
            yield from half[half != 0].tolist()  # on a lattice no product is rounded: most halves are 0


def _two_product(a: Vector, b: Vector) -> tuple[Vector, Vector]:
    """Product and its rounding error (T. J. Dekker 1971)."""
    product = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, np.where(np.isfinite(error), error, 0.0)


def _split(a: Vector) -> tuple[Vector, Vector]:
    shifted = 134217729.0 * a  # 2^27 + 1
    high = shifted - (shifted - a)
    return high, a - high


def direction_for(rng: np.random.Generator, size: int) -> Vector:
    """Odd integers of 10 bits: two wrong entries cancel with probability 2^-9, not ½ as with ±1."""
    odd: Vector = (2.0 * rng.integers(256, 512, size) + 1.0) * rng.choice([-1.0, 1.0], size)
    return odd


def exact(line: Line, share: float = STEP) -> Estimate | None:
    """The derivative along an integer direction, exactly; ``None`` where anything was rounded.

    Args:
        share: the step, a power of two, as a share of the size of the point.

    >>> line = Line(lambda x: 0.75 * x + 0.5, np.array([1.5]), np.array([3.0]), np.ones(1))
    >>> exact(line)
    Estimate(value=2.25, bound=0.0, how='exact')
    """
    found = trusted_difference(line, share)
    if found is None:
        return None
    bits = bits_near(line.f, line.at, line.y0, line.room) if line.known_bits is None else line.known_bits
    return found.estimate(line.dy) if bits == DOUBLE else None


def trusted_difference(line: Line, share: float = STEP) -> Difference | None:
    """An exact difference, unless so few outputs move that their zero bits may be an accident."""
    found = exact_difference(line, share)
    if found is None or np.count_nonzero(found.rise) >= FEW:
        return found
    return found if not np.any(remainders(line.y0)) and _no_accident(line, share, found) else None


def _no_accident(line: Line, share: float, found: Difference) -> bool:
    """Whether zero bits are no chance where few outputs move: there are many, or larger steps give the same slope.

    What a rounding hid at one step shows at a step 512 times as large, and so does any curvature.
    """

    def agrees(times: float) -> bool:
        other = exact_difference(line, times * share)
        return other is not None and np.array_equal(other.rise * found.step, found.rise * other.step)

    return found.plainly or all(map(agrees, LARGER))


@dataclass(frozen=True)
class Difference:
    """``rise = f(+step) - f(-step)``, no digit of it rounded where f computes in double.

    Attributes:
        evidence: in how many bits, over all outputs that moved, rounding would have shown.
        plainly: whether every output ends in many zero bits.
    """

    step: float
    rise: Vector
    evidence: float = math.inf
    plainly: bool = True

    def estimate(self, dy: Vector) -> Estimate:
        return Estimate(exact_dot(dy, self.rise) / (2 * self.step), 0.0, "exact")


@np.errstate(all="ignore")  # a step may leave the domain of f; what comes back then is refused
def exact_difference(line: Line, share: float = STEP, both_sides: bool = True) -> Difference | None:
    """What every output gains from one side of the point to the other; ``None`` where anything was rounded.

    Args:
        both_sides: ``False`` spares a forward and looks at one side only, where a kink goes unseen.
    """
    if not has_spare_bits(line.y0) or not has_spare_bits(line.at):
        return None
    step = min(line.limit, share * _next_power_of_two(np.max(np.abs(line.at[line.direction != 0]), initial=0.0)))
    if 64 * EPS * np.max(np.abs(line.y0), initial=0.0) >= step:
        return None  # the step is lost in outputs this large, and a rounded sum may end in zero bits too
    offset = step * line.direction
    if not (
        np.array_equal((line.at + offset) - line.at, offset) and np.array_equal(line.at - (line.at - offset), offset)
    ):
        return None
    up = line(step)
    if not has_spare_bits(up):
        return None
    down = line(-step) if both_sides else line.y0 - (up - line.y0)
    if not (has_spare_bits(down) and np.array_equal(up - line.y0, line.y0 - down)):
        return None
    return Difference(step, up - down, plainly=all(has_spare_bits(y, MANY_SPARE_BITS) for y in (line.y0, up, down)))


def _next_power_of_two(size: float) -> float:
    return float(2.0 ** math.ceil(math.log2(size))) if size else 1.0
