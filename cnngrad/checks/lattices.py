"""The point at which a layer can be judged without tolerance: the case's own, or one that suits the layer better.

A case drawn on a lattice is a point of our choosing, so it may be exchanged for another lattice point: one of multiples
of 9, 25, 49 ... for a mean over windows of 3, 5, 7, and one of very few bits for a layer that computes in few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnngrad.checks.claim import Claim
from cnngrad.core.arrays import Array, Vector, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import aside
from cnngrad.core.errors import LayerRaised
from cnngrad.core.values import rng_for
from cnngrad.differentiation.exact import STEP, Difference, direction_for, has_spare_bits, trusted_difference
from cnngrad.differentiation.few_bits import difference_in, direction_in
from cnngrad.differentiation.precision import DOUBLE, fewest_bits

DRAWN = ("lattice", "integers")
BASES = (9, 25, 27, 49, 81, 125, 225, 343, 441, 1225, 2025, 11025)
# Sizes of the inputs' entries where the layer computes in so many bits, in one unit for all; and those of dy.
SIZES = {24: (1, 3, 5, 7, 9, 11, 13, 15), 11: (1, 2, 3), 8: (1, 2)}
COTANGENT = {24: (1, 3, 5, 7), 11: (1, 2, 3), 8: (1, 2)}


@dataclass(frozen=True)
class Lattice:
    """A claim at a lattice point.

    Attributes:
        bits: with how many the layer computes.
        base: what every number of the point is a multiple of.
    """

    claim: Claim
    bits: int
    base: int = 1

    @property
    def eps(self) -> float:
        return float(2.0 ** (1 - self.bits))

    @property
    def own(self) -> bool:
        """Whether this is the case's point itself."""
        return self.bits == DOUBLE and self.base == 1

    def direction(self, size: int, purpose: str) -> Vector:
        """Odd integers, times the base."""
        rng = rng_for(self.claim.at.point.case.seed, purpose)
        return self.base * direction_for(rng, size) if self.bits == DOUBLE else direction_in(rng, size, self.bits)

    def difference(self, direction: Vector, again: bool = False) -> Difference | None:
        """Along a direction from the point; with another step if asked again and there is a choice."""
        line = self.claim.line(direction)
        if self.bits < DOUBLE:
            return difference_in(line, self.bits)
        return trusted_difference(line, STEP / 2.0 ** np.ceil(np.log2(self.base)) / (4 if again else 1))


def lattices_for(claim: Claim) -> Iterator[Lattice]:
    """Where a claim may be judged exactly, best first; none where its layer rounds on every lattice known here."""
    at = claim.at
    if not has_spare_bits(at.origin):
        return
    drawn = at.point.case.values in DRAWN and has_spare_bits(at.origin, DOUBLE - 16)
    base = BASES[-1]
    if not has_spare_bits(claim.y0):
        base = _base_of(claim.y0)
    else:
        moved = _output_aside(claim)
        claim.bits = fewest_bits(moved, claim.y0) if moved.shape == claim.y0.shape else 0
        if claim.bits == DOUBLE:
            yield Lattice(claim, DOUBLE)
        elif claim.bits and drawn:
            yield from _of_few_bits(claim, claim.bits)
    if base and drawn and claim.bits in (DOUBLE, None):
        yield from _scaled(claim, base)


def _output_aside(claim: Claim) -> Vector:
    """The output for numbers that use all their bits; nothing where the layer refuses them."""
    at = claim.at
    try:
        return flatten(outputs_of(at.output(aside(at.layer, at.point, 1 / 3, "full mantissas"))))
    except LayerRaised:
        return np.empty(0)


def _base_of(y: Vector) -> int:
    """The factor that turns every output into a short number, up to the rounding that it carries; 0 if there is none.

    Not all outputs are 0.

    >>> _base_of(np.array([1.0, 2.0, 4.0]) / 3)
    9
    """
    for base in BASES:
        unit = 2.0 ** (np.ceil(np.log2(base * np.max(np.abs(y)))) - 38)
        if np.all(np.abs(base * y - unit * np.round(base * y / unit)) <= 2.0**-10 * unit):
            return base
    return 0


def _scaled(claim: Claim, base: int) -> Iterator[Lattice]:
    """The point and the cotangent times the base."""
    there = _elsewhere(claim, {name: base * claim.at.point[name] for name in _movable(claim)}, base * claim.dy)
    if there is not None:
        yield Lattice(there, DOUBLE, base)


def _of_few_bits(claim: Claim, bits: int) -> Iterator[Lattice]:
    """Small multiples of a power of two, so small that sums of products have room."""
    seed, unit = claim.at.point.case.seed, 2.0 ** -np.floor(np.log2(max(SIZES[bits])))
    inputs: dict[str, Array] = {}
    for name in _movable(claim):
        shape = np.shape(claim.at.point[name])
        inputs[name] = unit * _one_of(SIZES[bits], rng_for(seed, f"few bits {name}"), shape)
    dy = _one_of(COTANGENT[bits], rng_for(seed, "few bits dy"), claim.dy.shape)
    there = _elsewhere(claim, inputs, dy)
    if there is not None:
        yield Lattice(there, bits)


def _one_of(sizes: Sequence[int], rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.choice(np.array(sizes, dtype=float), shape) * rng.choice([-1.0, 1.0], shape))


def _movable(claim: Claim) -> Sequence[str]:
    layer = claim.at.layer
    return [name for name in layer.differentiable if name not in layer.draw]


def _elsewhere(claim: Claim, changed: dict[str, Array], dy: Vector) -> Claim | None:
    """The layer's claim for other inputs; ``None`` where they lie outside its domain or it has none there."""
    at = claim.at
    for name, value in changed.items():
        low, high = at.layer.domain.get(name, (-np.inf, np.inf))
        if not np.all((value > low) & (value < high)):
            return None
    own = dict(zip(at.layer.inputs, at.point.inputs, strict=True))
    inputs = tuple(_as(changed.get(name, value), value) for name, value in own.items())
    there = Evaluation(at.layer, replace(at.point, inputs=inputs), at.calls)
    try:
        y, backward = there.vjp(inputs)
        y0 = flatten(outputs_of(y))
        returned = there.by_name(there.pull(y, backward, dy)) if y0.shape == claim.y0.shape else {}
    except LayerRaised:
        return None
    sound = [np.asarray(returned.get(name), dtype=np.float64) for name in claim.sound]
    fits = [
        np.shape(claim.returned[name]) == g.shape and np.all(np.isfinite(g))
        for name, g in zip(claim.sound, sound, strict=True)
    ]
    return Claim(there, y0, dy, returned, claim.sound) if all(fits) else None


def _as(value: Any, like: Any) -> Any:
    return np.asarray(value, dtype=np.asarray(like).dtype)[()]
