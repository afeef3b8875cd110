"""Holding a result of lower precision against the float64 one: what rounding of that precision can explain.

The bound is 16 units of the largest entry, and eight times what rounding every input to that precision does to the
float64 result (a sum that cancels, a relu on the brink).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnngrad.checks.calling import OUTPUT, Call, call
from cnngrad.checks.check import finding
from cnngrad.core.arrays import Array, is_differentiable
from cnngrad.core.call import Evaluation
from cnngrad.core.case import unsaturated
from cnngrad.core.result import Result, Status

TINY = float(np.finfo(np.float32).tiny)


def held_against(at: Evaluation, exact: Call, found: dict[str, Array], eps: float, reason: str) -> list[Result]:
    """One result for each of ``found`` that the float64 call has too.

    Args:
        at: where the float64 call was made.
        eps: the unit of rounding of the lower precision.
        reason: what to say where rounding does not explain a difference.
    """
    names = [name for name in exact.results if name in found and found[name].shape == exact.results[name].shape]
    wobble = _wobble(at, exact, eps, 2)
    if not all(_within(exact.results[name], found[name], eps, wobble[name]) for name in names):
        wobble = _wobble(at, exact, 8 * eps, 16)  # rounding on the brink of a kink is met by more, larger draws
    return [
        _result(name, exact.results[name], found[name], _bound(exact.results[name], eps, wobble[name]), reason)
        for name in names
    ]


def _wobble(at: Evaluation, exact: Call, size: float, draws: int) -> dict[str, float]:
    """How far each result moves when every input, and dy, moves by a share of this size."""
    moved = _saturated(at, exact, size)
    rng = np.random.default_rng(0)
    for _ in range(draws):
        near = [_nudged(rng, value, size) if is_differentiable(value) else value for value in exact.inputs]
        there = call(at, near, _nudged(rng, exact.dy, size))
        for name, value in exact.results.items():
            off = np.nan_to_num(np.abs(there.results[name] - value), nan=np.inf)
            moved[name] = max(moved[name], float(np.max(off, initial=0.0)))
    return moved


def _saturated(at: Evaluation, exact: Call, size: float) -> dict[str, float]:
    """A rounding of what each result is where nothing is saturated: ``1 - y`` holds a rounding of 1, however small."""
    inputs, factor = unsaturated(at.layer, exact.inputs)
    there = call(at, inputs, exact.dy).results
    return {name: size / (1 if name == OUTPUT else factor) * _largest(there[name]) for name in exact.results}


def _largest(values: Array) -> float:
    return float(np.max(np.nan_to_num(np.abs(values)), initial=0.0))


def _nudged(rng: np.random.Generator, value: Any, size: float) -> Any:
    return (value * (1 + size * rng.uniform(-1, 1, np.shape(value))))[()]


def _bound(true: Array, eps: float, wobble: float) -> float:
    return 16 * eps * float(np.max(np.abs(true), initial=0.0)) + 8 * wobble + TINY


def _within(true: Array, found: Array, eps: float, wobble: float) -> bool:
    return bool(np.all(np.abs(true - found) <= _bound(true, eps, wobble)))


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
