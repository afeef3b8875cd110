"""Holding a result of lower precision against the float64 one: what rounding of that precision can explain.

Where nothing needs to be rounded, a few entries that differ are wrong; only a transform (Winograd, FFT), used in one
precision and not in the other, rounds there all the same, and it rounds more than a few. Else two bounds are made of
the largest entry, of what rounding every input to that precision does to the float64 result (a sum that cancels, a relu
on the brink), and of what terms that cancel inside the layer do to the float64 result itself. What is beyond the wide
one is wrong. What is beyond the sharp one is wrong if it stays, to the same side, at every point nearby, unless next
to nothing is left of terms that cancel: their rounding may stay too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnngrad.checks.calling import OUTPUT, Call, call
from cnngrad.checks.check import finding
from cnngrad.checks.unrounded import computes_without_rounding
from cnngrad.core.arrays import Array, is_differentiable
from cnngrad.core.call import Evaluation
from cnngrad.core.case import unsaturated
from cnngrad.core.result import Result, Status
from cnngrad.differentiation.line import EPS

Lower = Callable[[Sequence[Any], Array], dict[str, Array]]

NEIGHBOURS = 24
FEW = 8  # one entry in so many
TINY = float(np.finfo(np.float32).tiny)


def held_against(
    at: Evaluation, exact: Call, found: dict[str, Array], eps: float, reason: str, lower: Lower
) -> list[Result]:
    """One result for each of ``found`` that the float64 call has too.

    Args:
        at: where the float64 call was made.
        eps: the unit of rounding of the lower precision.
        reason: what to say where rounding does not explain a difference.
        lower: the results of the lower precision for other inputs, in float32, and another cotangent.
    """
    names = [name for name in exact.results if name in found and found[name].shape == exact.results[name].shape]
    differing = {name: np.count_nonzero(exact.results[name] != found[name]) for name in names}
    few = max(1, sum(exact.results[name].size for name in names) // FEW)
    if sum(differing.values()) <= few and computes_without_rounding(at, exact, eps):
        sharp = {name: 4 * eps * _largest(exact.results[name]) if differing[name] else 0.0 for name in names}
        return [_result(name, exact.results[name], found[name], sharp[name], reason) for name in names]
    wobble = _wobble(at, exact, eps, 2)
    sharp = {name: 16 * eps * _largest(exact.results[name]) + 2 * wobble[name] + TINY for name in names}
    if not all(np.all(np.abs(exact.results[name] - found[name]) <= sharp[name]) for name in names):
        floors = _unsaturated(at, exact)
        sharp = {name: bound + eps * floors[name] for name, bound in sharp.items()}
        extra, mostly_cancelled = _met_by_chance(at, exact, wobble, floors, eps)
        lasting = _lasting(at, exact, found, sharp, eps, lower)
        wide = {name: 16 * eps * _largest(exact.results[name]) + 8 * wobble[name] + extra[name] for name in names}
        telling = {name for name in names if lasting[name]} - mostly_cancelled
        sharp = {name: bound if name in telling else max(bound, wide[name]) for name, bound in sharp.items()}
    return [_result(name, exact.results[name], found[name], sharp[name], reason) for name in names]


def _lasting(
    at: Evaluation, exact: Call, found: dict[str, Array], sharp: dict[str, float], eps: float, lower: Lower
) -> dict[str, bool]:
    """Whether an entry is off by more than the sharp bound, to the same side, at every one of many points nearby.

    Rounding errors change with the last bits of the inputs, in sign as well; a mistake does not.
    """
    off = {name: found[name] - exact.results[name] for name in sharp}
    lasting = {name: np.abs(off[name]) > sharp[name] for name in sharp}
    rng = np.random.default_rng(0)
    for _ in range(NEIGHBOURS):
        if not any(np.any(mask) for mask in lasting.values()):
            break
        near = [_nudged(rng, value, 8 * eps) if is_differentiable(value) else value for value in exact.inputs]
        near = inputs_as(np.float32, near)
        dy = _nudged(rng, exact.dy, 8 * eps).astype(np.float32).astype(np.float64)
        there, low = call(at, inputs_as(np.float64, near), dy).results, lower(near, dy)
        for name in sharp:
            again = low[name] - there[name]
            lasting[name] &= (again * off[name] > 0) & (np.abs(again) > sharp[name])
    return {name: bool(np.any(mask)) for name, mask in lasting.items()}


def _wobble(at: Evaluation, exact: Call, size: float, draws: int) -> dict[str, float]:
    """How far each result moves when every input, and dy, moves by a share of this size."""
    moved = dict.fromkeys(exact.results, 0.0)
    rng = np.random.default_rng(0)
    for _ in range(draws):
        near = [_nudged(rng, value, size) if is_differentiable(value) else value for value in exact.inputs]
        there = call(at, near, _nudged(rng, exact.dy, size))
        for name, value in exact.results.items():
            off = np.nan_to_num(np.abs(there.results[name] - value), nan=np.inf)
            moved[name] = max(moved[name], float(np.max(off, initial=0.0)))
    return moved


def _unsaturated(at: Evaluation, exact: Call) -> dict[str, float]:
    """The largest entry of each result where nothing is saturated, in the size that it would have here."""
    inputs, factor = unsaturated(at.layer, exact.inputs)
    there = call(at, inputs, exact.dy).results
    return {name: _largest(value) / (1 if name == OUTPUT else factor) for name, value in there.items()}


def _met_by_chance(
    at: Evaluation, exact: Call, wobble: dict[str, float], floors: dict[str, float], eps: float
) -> tuple[dict[str, float], set[str]]:
    """What two draws may have missed: a kink on the brink of which the point lies, saturation, and cancellation.

    Larger and more draws move a smooth result in proportion, and that is no reason to allow for more. ``1 - y`` holds
    a rounding of 1 however small it is, so a saturated result is known as well as an unsaturated one. And what the
    last bits of float64 do to a result in which large terms cancel (a batch normalisation of two samples), those of
    the lower precision do as well, in proportion. Those of which next to nothing is left are named besides:
    it is a few multiples of the terms' rounding, the same at every point nearby, so an error that stays proves nothing.
    """
    wide = _wobble(at, exact, 8 * eps, 16)
    last_bits = _wobble(at, exact, 2 * EPS, 8)
    extra: dict[str, float] = {}
    mostly: set[str] = set()
    for name, value in exact.results.items():
        floor = floors[name]
        kinked, saturated = wide[name] > 64 * wobble[name], floor > 16 * _largest(value)
        rounding = eps / EPS * last_bits[name]
        cancelled = rounding > 4 * wobble[name]
        extra[name] = 8 * (wide[name] * kinked + rounding * cancelled) + 16 * eps * floor * saturated
        if rounding > 64 * wobble[name]:
            mostly.add(name)
    return extra, mostly


def _largest(values: Array) -> float:
    return float(np.max(np.nan_to_num(np.abs(values)), initial=0.0))


def _nudged(rng: np.random.Generator, value: Any, size: float) -> Any:
    return (value * (1 + size * rng.uniform(-1, 1, np.shape(value))))[()]


def _result(name: str, true: Array, found: Array, bound: float, reason: str) -> Result:
    facts: dict[str, Any] = {"input": name, "entries": true.size, "bound": bound, "how": "float64"}
    off = np.nan_to_num(np.abs(true - found), nan=np.inf)
    if np.all(off <= bound):
        return finding(Status.PASSED, detectable=bound, scale=float(np.max(np.abs(true), initial=0.0)), **facts)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), true.shape))
    return finding(
        Status.FAILED,
        index=index,
        analytic=float(found[index]),
        numeric=float(true[index]),
        differing=int(np.count_nonzero(~(off <= bound))),
        reason=reason,
        **facts,
    )


def inputs_as(dtype: Any, inputs: Sequence[Any]) -> list[Any]:
    """The same inputs with their floats in another type."""
    return [np.asarray(value).astype(dtype)[()] if is_differentiable(value) else value for value in inputs]
