"""The right formula with the wrong numbers: weights after the update, gradients of an earlier call."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array, flatten, outputs_of
from cnngrad.diagnosis.failure import Failure, Lead, given, same
from cnngrad.diagnosis.scene import Scene


def after_the_update(failure: Failure) -> Iterator[Lead]:
    """The claim minus the truth is what a small step of a weight along its own gradient changes."""
    for other in failure.layer.differentiable:
        if other == failure.name:
            continue
        rates = [_rate(s, other) for s in failure.wrong[:4]]
        told = [r for r in rates if r is not None and np.isfinite(r)]
        if len(told) < 2 or len(told) < len(rates) or np.ptp(told) > 1e-5 * abs(told[0]) or told[0] == 0:
            continue
        yield Lead(
            f"the gradient of {failure.name} uses {other} as it is after the update",
            f"with {other} - {told[0]:.4g} d{other} in its place all entries match, in {len(told)} failing cases",
            f"compute every gradient first, and update {other} only then",
            "wrong input",
        )


def _rate(s: Scene, other: str) -> float | None:
    """The step ``r`` at which the gradient, linear in the other input, is the claimed one; ``None`` if none."""
    if s.g.shape != s.shape or not np.all(np.isfinite(s.n)):
        return None
    change = s.n - _gradient_at(s, other, s.inputs[other] - s.true(s.cotangent, other))
    off = s.n - s.g
    if not np.any(np.abs(change) > 1e-9):
        return None
    rate = float(np.sum(off * change) / np.sum(change * change))
    return rate if np.allclose(off, rate * change, atol=1e-6 * float(np.max(np.abs(off))) + 1e-12) else None


def _gradient_at(s: Scene, other: str, value: Array) -> Array:
    """The numerical gradient with another input replaced."""
    span, place = s.at.slices[s.name], s.at.slices[other]
    origin = s.at.origin.copy()
    origin[place] = value.ravel()
    step = 2.0**-17
    slopes = []
    for index in range(span.start, span.stop):
        sides = []
        for h in (step, -step):
            moved = origin.copy()
            moved[index] += h
            sides.append(float(s.at.flat(moved) @ s.dy))
        slopes.append((sides[0] - sides[1]) / (2 * step))
    return np.reshape(slopes, s.shape)


def earlier_call(failure: Failure) -> Iterator[Lead]:
    """The second of two calls gives the first one's gradient, or the sum of both."""
    told: list[str] = []
    for s in failure.wrong[:3]:
        if s.g.shape != s.shape:
            return
        at = s.at
        y, first = at.vjp(at.point.inputs)
        size = flatten(outputs_of(y)).size
        one = _only(s, at.pull(y, first, s.dy))
        two = _only(s, at.pull(y, first, s.dy)) if size else None
        if one is None or two is None or one.shape != s.shape or two.shape != s.shape:
            return
        told.append("grows" if same(s.n, two - one) and np.any(s.n) else "")
    if len(told) >= 2 and all(word == "grows" for word in told):
        yield Lead(
            f"the gradient of {failure.name} accumulates from call to call",
            f"each call of backward adds the right gradient to the last one, in {len(told)} failing cases",
            "set the stored gradient to 0 before each backward, or declare accumulates=True where that is meant",
            "stale",
        )


def _only(s: Scene, gradients: tuple[object, ...]) -> Array | None:
    claimed = s.at.by_name(gradients)[s.name]
    return None if claimed is None else np.array(claimed, dtype=np.float64)


def first_channel(failure: Failure) -> Iterator[Lead]:
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


VALUES: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
    ("1 in the place of {}", "wrong input", np.ones_like),
    ("{} squared", "wrong input", np.square),
    ("|{}|", "wrong input", np.abs),
    ("{} where it is positive, 0 elsewhere", "wrong input", lambda a: np.maximum(a, 0)),
    ("the sigmoid of {}", "wrong input", lambda a: 0.5 + 0.5 * np.tanh(a / 2)),
    ("tanh of {}", "wrong input", np.tanh),
    ("{} minus its mean", "wrong input", lambda a: a - a.mean()),
    ("the first row of {} for every row", "axis", lambda a: np.broadcast_to(a[:1], a.shape)),
    ("{} with its rows in reverse", "axis", lambda a: a[::-1]),
    ("{} with its rows moved by one", "axis", lambda a: np.roll(a, 1, 0)),
)


def another_value(failure: Failure) -> Iterator[Lead]:
    """The right formula with a function of another input in its place."""
    for other in failure.layer.differentiable:
        if other == failure.name or any(s.inputs[other].ndim < 1 for s in failure.wrong):
            continue
        for words, family, function in VALUES:
            told = words.format(other)
            yield from failure.lead(
                family,
                f"the gradient of {failure.name} uses {told}",
                given(lambda s, o, f: _gradient_at(s, o, f(s.inputs[o])), other, function),
                f"use {other} as the forward used it",
            )
