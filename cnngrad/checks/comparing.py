"""Holding one call against another: within rounding, which is estimated first and measured before a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.checks.calling import Call, call
from cnngrad.checks.check import finding
from cnngrad.core.arrays import Array, Vector
from cnngrad.core.call import Evaluation
from cnngrad.core.case import unsaturated
from cnngrad.core.errors import LayerRaised
from cnngrad.core.result import Result, Status

SAFETY = 64
SAMPLES = 3
STEPS = (2.0**-51, 2.0**-22)  # the last bits in double and in single precision
_NOTHING = np.empty(0)


@dataclass(frozen=True)
class Gap:
    """One result that is not what it should be."""

    got: Array
    expected: Array
    bound: float

    def failed(self, name: str, reason: str) -> Result:
        """The failed result: its worst entry, and how many differ."""
        if self.got.shape != self.expected.shape:
            return finding(
                Status.FAILED, input=name, reason=f"{reason}: shapes {self.got.shape} and {self.expected.shape}"
            )
        wrong = ~agree(self.got, self.expected, self.bound)
        with np.errstate(invalid="ignore"):  # two equal infinities
            off = np.where(wrong, np.nan_to_num(np.abs(self.got - self.expected), nan=np.inf), -1.0)
        index = np.unravel_index(int(np.argmax(off)), off.shape)
        return finding(
            Status.FAILED,
            input=name,
            index=tuple(int(i) for i in index),
            analytic=float(self.got[index]),
            numeric=float(self.expected[index]),
            bound=self.bound,
            entries=self.got.size,
            differing=int(np.count_nonzero(wrong)),
            reason=reason,
        )


class NotRepeatableError(Exception):
    """Two equal calls differ, so no other two calls can be compared."""


def agree(got: Array, expected: Array, bound: float) -> Array:
    """Entry by entry; written so that a NaN agrees with a NaN only."""
    with np.errstate(invalid="ignore"):
        same: Array = (got == expected) | (np.abs(got - expected) <= bound) | (np.isnan(got) & np.isnan(expected))
    return same


def gaps(
    at: Evaluation,
    got: Mapping[str, Array],
    expected: Mapping[str, Array],
    made_of: Sequence[tuple[float, Call]],
    move_inputs: bool = False,
    least: float = 0.0,
) -> dict[str, Gap]:
    """The results that are not as expected, beyond rounding.

    Args:
        least: rounding to allow for in any case.
        made_of: the calls that ``got`` and ``expected`` were made of, each with the factor it came in with.
        move_inputs: whether rounding in the forward may differ too.

    Raises:
        NotRepeatableError: they differ, but so do equal calls.
    """
    close = {name: least + estimated(at, name, array, made_of) for name, array in expected.items()}
    if all(_agrees(got.get(name), expected[name], close[name]) for name in expected):
        return {}
    noise = [(abs(factor), _noise(at, made, move_inputs)) for factor, made in made_of]
    found = {}
    for name, array in expected.items():
        bound = close[name] + SAFETY * sum(factor * by.get(name, 0.0) for factor, by in noise)
        if not _agrees(got.get(name), array, bound):
            found[name] = Gap(got.get(name, _NOTHING), array, bound)
    return found


def common(calls: Sequence[Call]) -> list[str]:
    """The gradients that came back every time, in one shape."""
    shapes = [{name: array.shape for name, array in made.gradients.items()} for made in calls]
    return [name for name, shape in shapes[0].items() if all(each.get(name) == shape for each in shapes)]


def estimated(at: Evaluation, name: str, expected: Array, made_of: Sequence[tuple[float, Call]]) -> float:
    """Rounding of sums over all that was handed in, with terms as large as the largest result."""
    entries = sum(np.size(value) for value in at.point.inputs) + made_of[0][1].output.size
    eps = max(made.eps for _, made in made_of)
    parts = [expected, *(factor * made.results[name] for factor, made in made_of if name in made.results)]
    largest = max(float(np.max(np.abs(part), initial=0.0)) for part in parts)
    # Below the smallest normal number rounding is absolute.
    return SAFETY * (entries + 16) / 16 * eps * largest + (2.0**-126 if eps > 1e-10 else 2.0**-1000)


def _agrees(got: Array | None, expected: Array, bound: float) -> bool:
    return got is not None and got.shape == expected.shape and bool(np.all(agree(got, expected, bound)))


def _noise(at: Evaluation, made: Call, move_inputs: bool) -> dict[str, float]:
    """How much of each result of a call is rounding: measured, as terms may cancel and precision may be lower inside.

    Raises:
        NotRepeatableError: the same call gives something else.
    """
    if not made.repeats(call(at, made.inputs, made.dy)):
        raise NotRepeatableError
    rng = np.random.default_rng(0)
    found = [_second_difference(at, made, rng) for _ in range(SAMPLES)]
    found += [_unsaturated(at, made), _last_bits(at, made, rng) if move_inputs else {}]
    return {name: max(each.get(name, 0.0) for each in found) for name in made.results}


def _second_difference(at: Evaluation, made: Call, rng: np.random.Generator) -> dict[str, float]:
    """backward(dy + e) - 2 backward(dy) + backward(dy - e): nothing but rounding where the backward is linear.

    The three lie so close that clipping, signs and thresholds, which are no rounding, do not count as such.
    """
    e = made.dy * np.ldexp(rng.integers(128, 256, made.dy.shape), -30)  # few bits, so that dy ± e is exact
    above, below = (_alike(at, made, made.inputs, dy) for dy in (made.dy + e, made.dy - e))
    return {
        name: _size(above[name] - 2 * array + below[name])
        for name, array in made.gradients.items()
        if name in above and name in below
    }


def _unsaturated(at: Evaluation, made: Call) -> dict[str, float]:
    """The rounding of 1 that a saturated y (1 - y) holds: that of the result with inputs too small to saturate."""
    inputs, factor = unsaturated(at.layer, made.inputs)
    if factor == 1:
        return {}
    return {name: made.eps / factor * _size(array) for name, array in _alike(at, made, inputs, made.dy).items()}


def _last_bits(at: Evaluation, made: Call, rng: np.random.Generator) -> dict[str, float]:
    """How far each result moves with the last bits of the inputs, in the precision that is really computed in."""
    moved = dict.fromkeys(made.results, 0.0)
    for step in STEPS:
        still = [name for name in moved if not moved[name]]
        for _ in range(SAMPLES if still else 0):
            inputs = [_nearby(value, step, rng) if i in at.free else value for i, value in enumerate(made.inputs)]
            near = _alike(at, made, inputs, made.dy)
            for name in near.keys() & set(still):
                moved[name] = max(moved[name], _size(near[name] - made.results[name]))
    return moved


def _nearby(value: Array, step: float, rng: np.random.Generator) -> Array:
    near: Array = np.asarray(value * (1 + step * rng.choice([-1.0, 1.0], value.shape)), dtype=value.dtype)
    return near


def _alike(at: Evaluation, made: Call, inputs: Sequence[Any], dy: Vector) -> dict[str, Array]:
    """What a call gives in the same shape as another; nothing where it raises, as it may where nobody asked for it."""
    try:
        results = call(at, inputs, dy).results
    except LayerRaised:
        return {}
    kept = made.results
    return {name: array for name, array in results.items() if name in kept and array.shape == kept[name].shape}


def _size(array: Array) -> float:
    """The largest entry."""
    return float(np.max(np.nan_to_num(np.abs(array)), initial=0.0))


def unfit(reference: Call, names: Iterable[str]) -> list[Result]:
    """Why a call is nothing to hold others against; no results where it is."""
    if not reference.dy.size:
        return [finding(Status.NOT_APPLICABLE, reason="the output has no entries")]
    if not reference.gradients:
        return [finding(Status.NOT_APPLICABLE, reason="backward returned no gradient that is an array of numbers")]
    if not reference.finite:
        return inconclusive(names, "the output or a gradient is not finite at this point")
    return []


def inconclusive(names: Iterable[str], reason: str) -> list[Result]:
    """One result for each name."""
    return [finding(Status.INCONCLUSIVE, input=name, reason=reason) for name in names]


def not_repeatable(names: Iterable[str]) -> list[Result]:
    """What can be said where equal calls differ."""
    return inconclusive(names, "two equal calls differ, so nothing can be told (see same_call_same_result)")


def verdicts(names: Iterable[str], failures: Mapping[str, Result], reason: str = "") -> list[Result]:
    """Each name's failure, or its pass."""
    return [failures.get(name) or finding(Status.PASSED, input=name, reason=reason) for name in names]
