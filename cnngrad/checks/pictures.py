"""The numbers for pictures of a layer's gradients: gathered after the verdict, on demand, and never a part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnngrad.checks.claim import Claim
from cnngrad.checks.compare import direction_over
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.arrays import Array, flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.picture import Curve, Picture
from cnngrad.core.result import Result, Status
from cnngrad.differentiation import estimate
from cnngrad.differentiation.slopes import slopes

GRADIENTS = "gradients_match_forward"
ENTRIES = 128  # each costs tens of forwards where it cannot be had exactly
CELLS = 128  # of all inputs of a point that is larger


def telling_cases(results: Sequence[Result]) -> tuple[Case, ...]:
    """The cases worth a picture: the first failure's, and the largest one judged that is small enough to be looked at.

    A failure is shrunk until there is not much left to see; at a larger case its pattern shows.
    """
    judged = [r for r in results if r.check == GRADIENTS and r.case is not None]
    failed = [r.case for r in judged if r.status == Status.FAILED]
    sizes: Counter[Any] = Counter()
    for result in judged:
        sizes[result.case] += result.entries
    small = {case: size for case, size in sizes.items() if 0 < size <= ENTRIES and not case.values.startswith("file:")}
    largest = [max(small, key=lambda case: small[case])] if small else []
    return tuple(dict.fromkeys(case for case in (*failed[:1], *largest) if case is not None))


def pictures_after(
    layer: Layer, results: Sequence[Result], first: Point, as_judged: Callable[[Point], Point] | None = None
) -> tuple[Picture, ...]:
    """Pictures of what a run found.

    Args:
        first: the point judged first, which alone holds arrays of the user's own.
        as_judged: what was done to a point before it was judged.
    """
    found: list[Picture] = []
    for case in telling_cases(results) or (first.case,):
        try:
            point = first if case == first.case else case.point(layer)
        except UsageError:
            continue  # arrays that were saved, and are no more
        found += pictures(layer, point if as_judged is None else as_judged(point))
    return tuple(found)


def pictures(layer: Layer, point: Point) -> tuple[Picture, ...]:
    """One for each differentiable input; none where the layer raises.

    >>> from cnngrad.layers import relu
    >>> (found,) = pictures(relu, Case((("n", 1), ("width", 3)), values="integers").point(relu))
    >>> bool(np.all(found.claimed == found.numeric)), found.block
    (True, (1, 1))
    """
    at = Evaluation(layer, point)
    try:
        y, backward = at.vjp(point.inputs)
        y0 = flatten(outputs_of(y))
        dy = point.cotangent(y0.size)
        returned = at.by_name(at.pull(y, backward, dy))
        sound = tuple(name for name in at.slices if _is_sound(returned[name], np.shape(point[name])))
        claim = Claim(at, y0, dy, returned, sound)
        small = at.origin.size <= ENTRIES
        whole = gradient_tables(layer, point) if small and len(sound) == len(at.slices) else {}
        found = []
        for name in at.slices:
            block = block_for(np.shape(point[name]), 0 if small else max(CELLS // len(at.slices), 16))
            numeric, bound = (whole[name].numeric, whole[name].bound) if whole else _by_block(claim, name, block)
            claimed = _means(_claimed(claim, name), block)
            # As where a failure's entries are looked at: the backward may carry rounding of its own.
            rounding = claim.unit * np.maximum(np.abs(claimed), np.abs(numeric))
            noise = _means(claim.noise[at.slices[name]].reshape(np.shape(point[name])), block)
            curve = _curve(claim, name) if name in sound else None
            found.append(
                Picture(
                    name,
                    point.case,
                    np.shape(point[name]),
                    block,
                    claimed,
                    numeric,
                    bound + rounding + noise,
                    curve,
                )
            )
    except (LayerRaised, UsageError):
        return ()
    return tuple(found)


def block_for(shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """How many entries along each axis to take together, so that there are at most so many cells; 0 takes none.

    >>> block_for((2, 28, 28), 64), block_for((2, 3), 0)
    ((1, 8, 4), (1, 1))
    """
    block = [1] * len(shape)
    while most and np.prod(cells := _cells(shape, block)) > most:
        block[int(np.argmax(cells))] *= 2
    return tuple(block)


def _cells(shape: Sequence[int], block: Sequence[int]) -> tuple[int, ...]:
    return tuple(-(-size // part) for size, part in zip(shape, block, strict=True))


def _labels(shape: tuple[int, ...], block: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """The number of the cell that each entry lies in."""
    if not shape:
        return np.zeros((), dtype=np.intp)
    places = [index // part for index, part in zip(np.indices(shape), block, strict=True)]
    labels: npt.NDArray[np.intp] = np.ravel_multi_index(tuple(places), _cells(shape, block))
    return labels


def _means(values: Array, block: tuple[int, ...]) -> Array:
    labels = _labels(values.shape, block).ravel()
    sums, counts = np.bincount(labels, values.ravel()), np.bincount(labels)
    return np.asarray(sums / counts).reshape(_cells(values.shape, block))


def _is_sound(gradient: Any, shape: tuple[int, ...]) -> bool:
    if gradient is None or np.shape(gradient) != shape or np.iscomplexobj(gradient):
        return False
    array = np.asarray(gradient)
    return array.dtype.kind in "fiub" and bool(np.all(np.isfinite(array)))


def _claimed(claim: Claim, name: str) -> Array:
    shape = np.shape(claim.at.point[name])
    return claim.gradient[claim.at.slices[name]].reshape(shape) if name in claim.sound else np.full(shape, np.nan)


def _by_block(claim: Claim, name: str, block: tuple[int, ...]) -> tuple[Array, Array]:
    """The derivative along each block, over the number of its entries: the mean of theirs."""
    shape, span = np.shape(claim.at.point[name]), claim.at.slices[name]
    labels = _labels(shape, block).ravel()
    values, bounds = np.full(int(labels.max(initial=-1)) + 1, np.nan), np.full(int(labels.max(initial=-1)) + 1, np.inf)
    for cell in range(values.size):
        direction = np.zeros(claim.at.origin.size)
        direction[span] = labels == cell
        found = estimate(claim.line(direction))
        if found is not None:
            count = np.count_nonzero(direction)
            values[cell], bounds[cell] = found.value / count, found.bound / count
    return values.reshape(_cells(shape, block)), bounds.reshape(_cells(shape, block))


def _curve(claim: Claim, name: str) -> Curve | None:
    """Along the very direction that the check compares."""
    direction = direction_over(claim, [name])
    if not direction.any():
        return None
    line = claim.line(direction)
    steps, found = slopes(line)
    truth = estimate(line)
    claimed = float(np.dot(claim.gradient, direction))
    if truth is None:
        return Curve(steps, found, claimed, None, None, "")
    return Curve(steps, found, claimed, truth.value, claim.holds(direction, truth).bound, truth.how)
