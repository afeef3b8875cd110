"""The vector that enters a network's last weights, which nobody returns: what becomes of its error further down.

With one sample the gradients of the last weights and bias are ``δ hᵀ`` and ``δ``, so that their quotient is h. Where h
moves with an entry tells what the gradient of that entry makes of the error ``Wᵀ δ`` of h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cnngrad.core.arrays import Array, Vector
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, explains, given, magnitude, same
from cnngrad.diagnosis.samples import of_first_sample
from cnngrad.diagnosis.scene import STEP, Scene

LOOKED_AT = 3


@dataclass
class Last:
    """The last layer at one point: its input h, the error that is handed down to it, and how h moves.

    Attributes:
        s: the scene of one sample.
        h, error: vectors of one length.
        weights, delta: the last weights, ``(outputs, h)``, and the error behind them.
        moves: the derivative of h by every entry of the input, ``(entries, h)``.
    """

    s: Scene
    h: Vector
    error: Vector
    weights: Array
    delta: Vector
    moves: Array

    def gradient(self, error: Vector | None) -> Array | None:
        """What an error of h gives further down."""
        return None if error is None else (self.moves @ error).reshape(self.s.shape)


Wrong = Callable[[Last], Vector | None]
SLOPES: tuple[tuple[str, Callable[[Vector], Vector]], ...] = (
    ("h(1 - h)", lambda h: h * (1 - h)),
    ("1 - h²", lambda h: 1 - h**2),
    ("[h > 0]", lambda h: (h > 0).astype(np.float64)),
)


def error_of_the_last_input(failure: Failure) -> Iterator[Suspect]:
    """Right if the error of h were another one: times a slope too much or too few, in another order."""
    found = [last for s in failure.wrong[:LOOKED_AT] if (last := _last(s)) is not None]
    told = [last for last in found if explains(last.s, last.s.n)]
    if len(told) < min(2, len(failure.wrong)):
        return
    weights = failure.layer.inputs[-3]
    for family, words, advice, wrong in _candidates(found[0].h.size):
        predicted = [(last, last.gradient(wrong(last))) for last in told]
        if all(g is not None and same(g, last.s.g, magnitude(last.s)) for last, g in predicted):
            yield Suspect(
                f"the error of h, the input of {weights}, {words}, in the gradient of {failure.name}",
                f"this gives exactly the claimed gradient with one sample, in {len(told)} failing cases",
                advice,
                family,
            )


def _last(s: Scene) -> Last | None:
    """The last layer with one sample; ``None`` where the network does not end with a dense layer and a loss."""
    inputs = s.at.layer.inputs
    if len(inputs) < 5 or s.name not in inputs[:-3] or s.flat_y.size != 1:
        return None
    weights = s.inputs[inputs[-3]]
    one = of_first_sample(s)
    if one is None or weights.ndim != 2 or s.inputs[inputs[-2]].shape != weights.shape[:1]:
        return None
    taken = _taken(one, one.at.origin)
    if taken is None or one.g.shape != one.shape or not np.all(np.isfinite(one.n)):
        return None
    h, delta = taken
    last = Last(one, h, delta @ weights, np.asarray(weights), delta, _moves(one))
    right = last.gradient(last.error)
    return last if right is not None and same(right, one.n, magnitude(one)) is not None else None


def _taken(s: Scene, origin: Vector) -> tuple[Vector, Vector] | None:
    """``h`` and ``δ`` from the gradients that the backward returns for the last weights and bias."""
    weights, bias = s.at.layer.inputs[-3:-1]
    claimed = s.at.by_name(s.at.gradients(s.dy, s.at.inputs_from(origin)))
    dw, db = (np.asarray(claimed[n], dtype=np.float64) for n in (weights, bias))
    if dw.shape != s.inputs[weights].shape or db.shape != dw.shape[:1] or not np.any(db):
        return None
    h = db @ dw / (db @ db)
    return (h, db) if same(np.outer(db, h), dw, float(np.max(np.abs(db)))) is not None else None


def _moves(s: Scene) -> Array:
    """Central differences of h; it raises where the backward is of no such form, which ends the rule."""
    span = s.at.slices[s.name]
    columns = []
    for place in range(span.start, span.stop):
        sides = []
        for step in (STEP, -STEP):
            moved = s.at.origin.copy()
            moved[place] += step
            taken = _taken(s, moved)
            if taken is None:
                raise ValueError("the last gradients are no product of two vectors here")
            sides.append(taken[0])
        columns.append((sides[0] - sides[1]) / (2 * STEP))
    return np.array(columns)


def _times(last: Last, slope: Callable[[Vector], Vector]) -> Vector:
    return last.error * slope(last.h)


def _over(last: Last, slope: Callable[[Vector], Vector]) -> Vector | None:
    by = slope(last.h)
    return last.error / by if np.all(by != 0) else None


def _columns_for_rows(last: Last, shape: tuple[int, int, int]) -> Vector:
    return np.swapaxes(last.error.reshape(shape), 1, 2).ravel()


def _candidates(size: int) -> Iterator[tuple[str, str, str, Wrong]]:
    once = "take the slope of each activation once, and only where the forward has it"
    for words, slope in SLOPES:
        yield (
            "activation derivative",
            f"is multiplied by {words} once too often",
            once,
            given(_times, slope),
        )
        yield (
            "activation derivative",
            f"lacks the slope {words}",
            once,
            given(_over, slope),
        )
    yield "extra factor", "is multiplied by h", "leave h out", lambda last: last.error * last.h
    yield (
        "transpose",
        "comes through the weights that are not transposed",
        "multiply the error by the transposed weights",
        lambda last: last.weights @ last.delta if last.weights.shape[0] == last.weights.shape[1] else None,
    )
    for maps in range(1, size + 1):
        for height in range(2, size // maps):
            width = size // (maps * height)
            if maps * height * width == size and width > 1:
                yield (
                    "transpose",
                    f"is filled in the wrong order, rows for columns ({maps} maps of {height} x {width})",
                    "read the vector back in the order in which the forward wrote it: rows, columns or channels first",
                    given(_columns_for_rows, (maps, height, width)),
                )
