"""same_call_same_result: equal calls give equal results, whatever stood in memory before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.checks.calling import OUTPUT, Call, pulled
from cnngrad.checks.check import Check
from cnngrad.checks.comparing import Gap, agree, estimated, inconclusive, verdicts
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.core.result import Result

SMALL = 1024  # bytes; NumPy keeps freed arrays below this and hands them out again as they are
MANY = 24  # more arrays than a call takes, of the sizes that it is likely to take


def judge(at: Evaluation) -> list[Result]:
    """One result for the output, one for each gradient."""
    sizes = {np.asarray(value).nbytes for value in at.point.inputs}
    first = _among_litter(at, 1e30, sizes)
    second = _among_litter(at, np.nan, sizes | {array.nbytes for array in first.results.values()})
    failures, largest = {}, 0.0
    for name, before in first.results.items():
        after = second.results.get(name, np.empty(0))
        bound = estimated(at, name, before, [(1.0, first)])
        if after.shape != before.shape or not np.all(agree(after, before, bound)):
            failures[name] = Gap(after, before, bound).failed(name, _reason(name, before, after))
        elif first.finite:
            largest = max(largest, float(np.max(np.abs(after - before), initial=0.0)))
    if not failures and not first.finite:
        return inconclusive(first.results, "the output or a gradient is not finite at this point")
    return verdicts(first.results, failures, f"equal up to {largest:.1e}: sums in another order" if largest else "")


def _among_litter(at: Evaluation, value: float, sizes: set[int]) -> Call:
    """A call with the litter laid right before forward and before backward, so that nothing tidies it up."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        _litter(value, sizes)
        return at.layer.vjp(*inputs, **config)

    def littered(dy: Any) -> Any:
        _litter(value, sizes)
        return backward(dy)

    y, backward = replace(at, layer=replace(at.layer, vjp=vjp)).vjp(at.point.inputs)
    return pulled(at, at.point.inputs, y, littered)


def _litter(value: float, sizes: set[int]) -> None:
    """Leave free memory full of a number, so that an array that is never filled shows it."""
    counts = dict.fromkeys(range(1, SMALL // 8), 2) | {size // 8: MANY for size in sizes}
    rubbish = [np.full(count, value) for count, times in counts.items() for _ in range(times)]
    del rubbish


def _reason(name: str, before: Array, after: Array) -> str:
    what = "the output" if name == OUTPUT else f"the gradient of {name}"
    if np.any(np.isnan(after)) > np.any(np.isnan(before)) or np.any(np.abs(before) >= 1e29):
        return (
            f"{what} is not the same in two equal calls and holds what stood in memory before: an array from np.empty "
            "is not filled; use np.zeros"
        )
    return (
        f"{what} is not the same in two equal calls: state is kept between calls, or random numbers are drawn; for "
        "those declare random=<a function that reseeds>"
    )


CHECK = Check(
    name="same_call_same_result",
    statement="equal calls give equal outputs and gradients",
    judge=judge,
)
