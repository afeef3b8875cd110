"""A gradient in few numbers: its entries taken together in blocks, each with the mean of the claim and of the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cnngrad.checks.claim import Claim
from cnngrad.core.arrays import Array, Vector
from cnngrad.differentiation import Estimate, estimate, smooth
from cnngrad.differentiation.exact import STEP, exact

SECOND = 2.0**-0.5  # a ladder that shares no step with the first


@dataclass(frozen=True)
class Cells:
    """An array of some shape cut into blocks.

    >>> cells = Cells.at_most(64, (2, 28, 28))
    >>> cells.block, cells.counts
    ((1, 8, 4), (2, 4, 7))
    >>> Cells((4,), (2,)).means(np.array([1.0, 3.0, 5.0, 7.0])).tolist()
    [2.0, 6.0]
    """

    shape: tuple[int, ...]
    block: tuple[int, ...]

    @classmethod
    def at_most(cls, most: int, shape: tuple[int, ...]) -> Cells:
        """So many cells at most, as nearly cubic as doubling makes them."""
        block = [1] * len(shape)
        while np.prod(counts := cls(shape, tuple(block)).counts) > most:
            block[int(np.argmax(counts))] *= 2
        return cls(shape, tuple(block))

    @property
    def counts(self) -> tuple[int, ...]:
        """How many there are along each axis."""
        return tuple(-(-size // part) for size, part in zip(self.shape, self.block, strict=True))

    @cached_property
    def labels(self) -> npt.NDArray[np.intp]:
        """For each entry, end to end, the number of its cell."""
        if not self.shape:
            return np.zeros(1, dtype=np.intp)
        places = [index // part for index, part in zip(np.indices(self.shape), self.block, strict=True)]
        return np.asarray(np.ravel_multi_index(tuple(places), self.counts), dtype=np.intp).ravel()

    def means(self, values: Array) -> Array:
        """The mean over each cell."""
        sums, sizes = np.bincount(self.labels, values.ravel()), np.bincount(self.labels)
        return np.asarray(sums / sizes).reshape(self.counts)


def numeric_means(claim: Claim, name: str, cells: Cells) -> tuple[Array, Array]:
    """The derivative along each cell over the number of its entries, and its bound; NaN where there is none."""
    values, bounds = np.full(cells.counts, np.nan), np.full(cells.counts, np.inf)
    for cell in range(values.size):
        direction, size = _along(claim, name, cells, cell)
        found = estimate(claim.line(direction))
        if found is not None:
            values.flat[cell], bounds.flat[cell] = found.value / size, found.bound / size
    return values, bounds


def look_again(
    claim: Claim, name: str, cells: Cells, wrong: Iterable[int], values: Array, bounds: Array
) -> tuple[Array, Array]:
    """The same with another answer where that agrees with the claim and the first does not.

    A difference of a single output may pass for exact by chance, once in thousands; another step tells.
    """
    values, bounds = values.copy(), bounds.copy()
    for cell in wrong:
        direction, size = _along(claim, name, cells, cell)
        second = confirming(claim, direction)
        if second is not None:
            values.flat[cell], bounds.flat[cell] = second.value / size, second.bound / size
    return values, bounds


def confirming(claim: Claim, direction: Vector) -> Estimate | None:
    """Another estimate, of other steps, if that one agrees with the claim."""
    line = claim.line(direction)
    second = exact(line, STEP / 4) or smooth(line, SECOND)
    return second if second is not None and claim.holds(direction, second).agrees else None


def _along(claim: Claim, name: str, cells: Cells, cell: int) -> tuple[Vector, int]:
    direction = np.zeros(claim.at.origin.size)
    direction[claim.at.slices[name]] = cells.labels == cell
    return direction, int(np.count_nonzero(direction))
