"""What a picture of one gradient is drawn from: numbers only, small enough for a page."""

from __future__ import annotations

from dataclasses import dataclass

from cnngrad.core.arrays import Array, Vector
from cnngrad.core.case import Case


@dataclass(frozen=True)
class Curve:
    """Central differences along one direction at ever smaller steps, beside what is taken for the truth.

    Attributes:
        steps, slopes: the slope of ``<dy, f>`` at each step; the error of a slope falls with its step until rounding
            takes over, which makes the V.
        claimed: what the claimed gradient says along the direction.
        value, bound: the numerical estimate, and how far the claim may be from it; ``None`` at a kink.
        how: how the estimate was got.
    """

    steps: Vector
    slopes: Vector
    claimed: float
    value: float | None
    bound: float | None
    how: str


@dataclass(frozen=True)
class Picture:
    """One input's gradient at one case, claimed beside numerical.

    Attributes:
        shape: of the input.
        block: how many entries along each axis make one cell; a cell holds their mean. All ones where every entry has
            a cell of its own.
        claimed, numeric, bound: of the cells; NaN where a number could not be had (a kink, a gradient of a wrong
            shape), and an infinite bound.
    """

    input: str
    case: Case
    shape: tuple[int, ...]
    block: tuple[int, ...]
    claimed: Array
    numeric: Array
    bound: Array
    curve: Curve | None
