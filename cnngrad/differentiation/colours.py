"""Every coordinate at the price of a few: inputs that share no output are moved together.

A. R. Curtis, M. J. D. Powell and J. K. Reid (1974): if no output depends on two inputs of a group, one difference along
the group gives the derivative for each of them. A convolution needs as many groups (colours) as its window has entries,
however large the image and the batch. The pattern comes from the claimed Jacobian and need not be trusted: an output
that moves where the pattern says none should gives the whole group away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Vector
from cnngrad.differentiation.exact import direction_for, exact, exact_difference, exact_dot
from cnngrad.differentiation.line import Function, Line

Pattern = npt.NDArray[np.bool_]


def colours_of(pattern: Pattern) -> npt.NDArray[np.int64]:
    """A colour for each column, so that no row has two columns of one colour; greedy, densest columns first.

    >>> colours_of(np.array([[True, True, False], [False, True, True]])).tolist()
    [1, 0, 1]
    """
    columns = np.packbits(pattern.T, axis=1)
    taken = np.zeros((0, columns.shape[1]), dtype=np.uint8)
    chosen = np.zeros(len(columns), dtype=np.int64)
    for column in np.argsort(-pattern.sum(axis=0), kind="stable"):
        free = ~np.any(taken & columns[column], axis=1)
        colour = int(np.argmax(free)) if free.any() else len(taken)
        if colour == len(taken):
            taken = np.vstack([taken, np.zeros_like(columns[:1])])
        taken[colour] |= columns[column]
        chosen[column] = colour
    return chosen


def coloured(
    f: Function,
    at: Vector,
    dy: Vector,
    pattern: Pattern,
    groups: Sequence[slice],
    rng: np.random.Generator,
    room: Vector | None = None,
) -> Vector | None:
    """The derivative of ``<dy, f>`` along every coordinate, exactly, from one forward a colour.

    Args:
        pattern: shape (outputs, inputs): which outputs are claimed to depend on which inputs.
        groups: parts of the point in each of which f is linear (the inputs of a layer). Each is moved once as a whole,
            to both sides, which holds the result against kinks and against mistakes of the colouring.
        room: how far each entry may move and stay where f is defined.

    Returns:
        One number for each coordinate; NaN for those of a colour that moved outputs outside the pattern. ``None`` where
        anything was rounded, so that no exact difference can be had.

    >>> at, whole = np.array([1.5, -0.5]), [slice(0, 2)]
    >>> coloured(lambda x: 0.5 * x, at, np.ones(2), np.eye(2, dtype=bool), whole, np.random.default_rng(0)).tolist()
    [0.5, 0.5]
    """
    chosen = colours_of(pattern)
    y0 = np.asarray(f(at))
    gradient = np.zeros(at.size)
    for colour in range(int(chosen.max(initial=-1)) + 1):
        members = np.flatnonzero(chosen == colour)
        direction = np.zeros(at.size)
        direction[members] = 2.0 * rng.integers(0, 4, members.size) + 1.0
        found = exact_difference(Line(f, at, direction, dy, y0, room), both_sides=False)
        if found is None:
            return None
        owned = pattern[:, members]
        slopes = found.rise / (2 * found.step)
        strays = bool(np.any(slopes[~owned.any(axis=1)] != 0))
        gradient[members] = np.nan if strays else (dy * slopes) @ owned / direction[members]
    return (
        gradient
        if all(_confirmed(Line(f, at, _over(at, group, rng), dy, y0, room), gradient) for group in groups)
        else None
    )


def _over(at: Vector, group: slice, rng: np.random.Generator) -> Vector:
    direction = np.zeros(at.size)
    direction[group] = direction_for(rng, group.stop - group.start)
    return direction


def _confirmed(line: Line, gradient: Vector) -> bool:
    known = np.where(np.isnan(gradient), 0.0, line.direction)
    found = exact(replace(line, direction=known))
    return found is not None and found.value == exact_dot(np.nan_to_num(gradient), known)
