"""The numbers for pictures of a layer's gradients: gathered after the verdict, on demand, and never a part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cnngrad.checks.calling import gradients_in
from cnngrad.checks.cells import Cells, confirming, look_again, numeric_means
from cnngrad.checks.claim import Claim
from cnngrad.checks.compare import direction_over
from cnngrad.checks.tables import GradientTable, gradient_tables
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
    failed = tuple(r.case for r in judged if r.status == Status.FAILED and r.case is not None)
    sizes: Counter[Any] = Counter()
    for result in judged:
        sizes[result.case] += result.entries
    small = {case: size for case, size in sizes.items() if 0 < size <= ENTRIES and not case.values.startswith("file:")}
    largest = max(small, key=lambda case: small[case]) if small else None
    return tuple(dict.fromkeys((*failed[:1], *([] if largest is None else [largest]))))


def pictures_after(
    layer: Layer, results: Sequence[Result], first: Point, as_judged: Callable[[Point], Point] | None = None
) -> tuple[Picture, ...]:
    """Pictures of what a run found.

    Args:
        first: the point judged first, which alone holds arrays of the user's own.
        as_judged: what was done to a point before it was judged.
    """
    points: list[Point] = []
    for case in telling_cases(results) or (first.case,):
        with suppress(UsageError):  # arrays that were saved, and are no more
            point = first if case == first.case else case.point(layer)
            points.append(point if as_judged is None else as_judged(point))
    if len(points) > 1 and _size(points[1]) <= _size(points[0]):
        points.pop()
    return tuple(picture for point in points for picture in pictures(layer, point))


def _size(point: Point) -> int:
    return sum(int(np.size(value)) for value in point.inputs)


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
        numbers = gradients_in(at, tuple(returned.values()))
        sound = tuple(name for name, gradient in numbers.items() if _is_sound(gradient, np.shape(point[name])))
        claim = Claim(at, y0, dy, returned, sound)
        every = at.origin.size <= ENTRIES
        whole = gradient_tables(layer, point) if every and len(sound) == len(at.slices) else {}
        most = ENTRIES if every else max(CELLS // len(at.slices), 16)
        return tuple(_picture(claim, name, most, whole.get(name)) for name in at.slices)
    except (LayerRaised, UsageError):
        return ()


def _picture(claim: Claim, name: str, most: int, table: GradientTable | None) -> Picture:
    at, shape, span = claim.at, np.shape(claim.at.point[name]), claim.at.slices[name]
    cells = Cells.at_most(most, shape)
    claimed = cells.means(claim.gradient[span]) if name in claim.sound else np.full(cells.counts, np.nan)
    # As where a failure's entries are looked at: the backward may carry rounding of its own.
    noise = cells.means(claim.noise[span])

    def allowed() -> Array:
        return bound + noise + claim.unit * np.maximum(np.abs(claimed), np.abs(numeric))

    numeric, bound = (table.numeric, table.bound) if table else numeric_means(claim, name, cells)
    wrong = np.flatnonzero(np.abs(claimed - numeric) > allowed())
    numeric, bound = look_again(claim, name, cells, wrong.tolist(), numeric, bound)
    curve = _curve(claim, name) if name in claim.sound else None
    return Picture(name, at.point.case, shape, cells.block, claimed, numeric, allowed(), curve)


def _is_sound(gradient: Array, shape: tuple[int, ...]) -> bool:
    return gradient.shape == shape and bool(np.all(np.isfinite(gradient)))


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
    if not claim.holds(direction, truth).agrees:
        truth = confirming(claim, direction) or truth
    return Curve(steps, found, claimed, truth.value, claim.holds(direction, truth).bound, truth.how)
