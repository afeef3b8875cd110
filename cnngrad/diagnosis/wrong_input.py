"""The right formula with the wrong numbers: a function of an input, its entries in another order, some left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import TOLERANCE, Failure, given, magnitude
from cnngrad.diagnosis.placement import MOVES, channels_last, filled_then_moved, moved_then_filled, turns
from cnngrad.diagnosis.scene import Scene
from cnngrad.diagnosis.summing import first_for_all, last_for_all, mean_for_all, sum_for_all, without

Value = Callable[[Array], Array | None]


def first_channel(failure: Failure) -> Iterator[Suspect]:
    """One entry of another input is used for all of them, as an index that does not move does."""
    for other in failure.layer.inputs:
        if other == failure.name:
            continue
        for which, index in (("first", 0), ("last", -1)):
            yield from failure.lead(
                "axis",
                f"the gradient of {failure.name} uses {other} of the {which} channel for every channel",
                given(lambda s, o, i: _one_for_all(s, o, i), other, index),
                f"index {other} by the channel",
            )


def _one_for_all(s: Scene, other: str, index: int) -> Array | None:
    field = s.inputs[other]
    if field.ndim != 1 or s.value.ndim < 2 or s.shape[1] != field.size or np.any(field == 0):
        return None
    return np.asarray(s.n * (field[index] / field).reshape(-1, *[1] * (s.value.ndim - 2)))


FUNCTIONS: tuple[tuple[str, Value], ...] = (
    ("1 in the place of {}", np.ones_like),
    ("0 in the place of {}", np.zeros_like),
    ("{} squared", np.square),
    ("|{}|", np.abs),
    ("-{}", np.negative),
    ("sign({})", np.sign),
    ("{} where it is positive, 0 elsewhere", lambda a: np.maximum(a, 0)),
    ("{} > 0, as 0 and 1", lambda a: (a > 0).astype(np.float64)),
    ("the sigmoid of {}", lambda a: 0.5 + 0.5 * np.tanh(a / 2)),
    ("tanh of {}", np.tanh),
    ("{0}(1 - {0})", lambda a: a * (1 - a)),
    ("1 - {}²", lambda a: 1 - a**2),
    ("e^{}", np.exp),
    ("{} minus its mean", lambda a: a - a.mean()),
    ("{} minus its mean over the samples", lambda a: a - a.mean(axis=0)),
    ("{} divided by its norm", lambda a: a / np.sqrt(np.sum(a**2))),
    ("the largest of each row of {}, as 0 and 1", lambda a: 1.0 * (a == a.max(axis=-1, keepdims=True))),
    ("the softmax of {}", lambda a: np.exp(a) / np.exp(a).sum(axis=-1, keepdims=True)),
)


def another_value(failure: Failure) -> Iterator[Suspect]:
    """The right formula with a function of another input in its place, or with its entries elsewhere."""
    for other in failure.layer.inputs:
        if other == failure.name or any(s.inputs[other].ndim < 1 for s in failure.wrong):
            continue
        if not all(np.issubdtype(s.inputs[other].dtype, np.floating) for s in failure.wrong):
            continue
        ndim = max(s.inputs[other].ndim for s in failure.wrong)
        for family, words, function, advice in _values(ndim, channels_last(failure)):
            yield from failure.lead(
                family,
                f"the gradient of {failure.name} uses {words.format(other)}",
                given(_with_other, other, function),
                advice.format(other),
            )


def _values(ndim: int, last: bool) -> Iterator[tuple[str, str, Value, str]]:
    """What may stand in the place of an input: functions of it, parts of it, its entries in another order."""
    for words, function in FUNCTIONS:
        yield "wrong input", words, function, "use {} as the forward used it"
    for words, turn in turns(ndim, last):
        yield (
            "rotation",
            "{} " + words,
            turn,
            "take {} turned round once more, or once less: the forward does not turn it so",
        )
    for words, move in MOVES:
        for reorder in (moved_then_filled, filled_then_moved):
            advice = "take the axes of {} as the forward takes them; a reshape where a transpose belongs mixes them"
            yield "transpose", "{} with " + words, given(reorder, move), advice
    for axis in (*range(min(ndim, 2)), *range(-1, 1 - ndim, -1)):
        for index, which in ((0, "first"), (-1, "last")):
            family = "dropped term"
            yield (
                family,
                "{} without " + f"the {which} entry of axis {axis}",
                _along(without(index), axis),
                "let the loop or slice run over all of {}: its " + which + " entries along an axis are left out",
            )
        for done, words in (
            (first_for_all, "the first entry of {} along axis " + str(axis) + " for every one"),
            (last_for_all, "the last entry of {} along axis " + str(axis) + " for every one"),
            (mean_for_all, "the mean of {} along axis " + str(axis) + " for every entry"),
            (sum_for_all, "the sum of {} along axis " + str(axis) + " for every entry"),
            (lambda a, axes: np.roll(a, 1, axes), "{} moved by one along axis " + str(axis)),
            (lambda a, axes: np.roll(a, -1, axes), "{} moved by one along axis " + str(axis)),
        ):
            yield (
                "axis",
                words,
                _along(done, axis),
                "index {} as the forward does, entry by entry, and let no loop overwrite what it keeps",
            )


def _along(done: Callable[[Array, tuple[int, ...]], Array], axis: int) -> Value:
    return lambda a: done(a, (axis % a.ndim,)) if -a.ndim <= axis < a.ndim and a.shape[axis] > 1 else None


def _with_other(s: Scene, other: str, function: Value) -> Array | None:
    """The gradient with the other input replaced; one direction is tried before all entries are."""
    value = function(s.inputs[other])
    if value is None or np.array_equal(value, s.inputs[other]) or s.g.shape != s.shape or not np.all(np.isfinite(s.n)):
        return None
    direction = np.cos(np.arange(s.value.size) + 0.5).reshape(s.shape)
    replaced = {other: value}
    dy = _through_the_activation(s, replaced)
    slope, claimed = s.slope_along(direction, dy, **replaced), float(np.sum(s.g * direction))
    size = float(np.sum(np.abs(s.g))) + magnitude(s)  # a claim of 0 may be a sum that cancels
    if not abs(slope - claimed) <= 100 * TOLERANCE * size:
        return s.g + 1 + np.abs(s.g)  # anything but the claim
    return s.gradient_at(dy, **replaced)


def _through_the_activation(s: Scene, replaced: dict[str, Array]) -> Array:
    """``dy`` weighted so that an activation keeps the slope it has at the point itself.

    A backward takes f' from its forward, even where it takes another input turned or cut. The slope is that of a bias,
    the last input; a rectifier's is 0 or 1, so that there a large bias opens every output.
    """
    bias, here = s.bias, s.slopes
    if not bias or here is None or bias in (s.name, *replaced):
        return s.dy
    if not np.all(np.isfinite(here)) or np.allclose(here, 1):
        return s.dy
    if np.all((np.abs(here) < 1e-6) | (np.abs(here - 1) < 1e-6)):
        replaced[bias] = s.inputs[bias] + 1e3
        return np.asarray(s.dy * here)
    there = s.changes_along(bias, **replaced)
    with np.errstate(all="ignore"):
        weighted: Array = np.where(there == 0, 0.0, s.dy * here / there)
    return weighted
