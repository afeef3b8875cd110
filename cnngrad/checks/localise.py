"""After a failure: which entries are wrong, and which one most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnngrad.checks.check import finding
from cnngrad.checks.claim import Claim
from cnngrad.core.arrays import Vector
from cnngrad.core.result import Result, Status
from cnngrad.differentiation import Estimate, Line, estimate
from cnngrad.differentiation.complex_step import complex_step
from cnngrad.differentiation.exact import exact
from cnngrad.differentiation.numerical import coordinates

Ask = Callable[[Line], Estimate | None]

TABLE = 512  # up to here every entry is looked at; above, the wrong ones are searched for
FOUND = 16  # wrong entries to name in a large input before the search stops


def worst_entry(claim: Claim, name: str, how: str) -> Result:
    """The failed result of an input: its worst entry beside its true value, and how many are wrong.

    Args:
        how: the way in which the claim was found wrong along a direction.
    """
    span = claim.at.slices[name]
    size = span.stop - span.start
    places = np.arange(span.start, span.stop) if size <= TABLE else _search(claim, span, how)
    table = coordinates(claim.at.flat, claim.at.origin, claim.dy, places)
    claimed = claim.gradient[places]
    # The table's entries are few-forward estimates; rounding of the backward is allowed for as in the comparison.
    allowed = table.bound + claim.unit * np.maximum(np.abs(claimed), np.abs(table.value)) + claim.noise[places]
    wrong = ~(np.abs(claimed - table.value) <= allowed) & np.isfinite(table.value)
    facts: dict[str, Any] = {"input": name, "entries": size, "scale": float(np.max(np.abs(claim.gradient[span])))}
    if not wrong.any():
        return _none_stands_out(size, allowed, table, facts)
    worst = int(np.argmax(np.where(wrong, np.abs(claimed - table.value), -1.0)))
    shape = np.shape(claim.returned[name])
    return finding(
        Status.FAILED,
        index=tuple(int(i) for i in np.unravel_index(places[worst] - span.start, shape)),
        analytic=float(claimed[worst]),
        numeric=float(table.value[worst]),
        bound=float(allowed[worst]),
        how=table.how,
        differing=int(wrong.sum()) if size <= TABLE else None,
        **facts,
    )


def _none_stands_out(size: int, allowed: Vector, table: Estimate, facts: dict[str, Any]) -> Result:
    """The sum over all entries is off, but no entry is: the estimates are in conflict, and the finer one decides."""
    if size <= TABLE and np.all(np.isfinite(table.value)):
        return finding(Status.PASSED, how=table.how, detectable=float(np.max(allowed)), **facts)
    return finding(
        Status.INCONCLUSIVE,
        reason="along a direction over all entries the claim seems wrong, but no single entry stands out",
        **facts,
    )


def _search(claim: Claim, span: slice, how: str) -> npt.NDArray[np.int64]:
    """Halve the entries again and again, following the halves along which the claim is wrong.

    Each question is asked in the way that found the claim wrong; where the left half is right, the right one is wrong.
    """
    ask: Ask = {"exact": exact, "complex step": complex_step}.get(how, estimate)
    weights: Vector = np.random.default_rng(0).integers(512, 1024, claim.gradient.size).astype(np.float64)

    def is_wrong(part: npt.NDArray[np.int64]) -> bool:
        direction = np.zeros(claim.gradient.size)
        direction[part] = weights[part]
        number = ask(claim.line(direction))
        return number is None or not claim.holds(direction, number).agrees

    pending = [np.arange(span.start, span.stop)]
    found: list[int] = []
    while pending and len(found) < FOUND:
        part = pending.pop()
        if part.size == 1:
            found.append(int(part[0]))
            continue
        left, right = part[: part.size // 2], part[part.size // 2 :]
        left_is_wrong = is_wrong(left)
        if left_is_wrong:
            pending.append(left)
        if not left_is_wrong or is_wrong(right):
            pending.append(right)
    return np.array(sorted(found))
