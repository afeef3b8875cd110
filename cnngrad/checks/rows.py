"""The claimed Jacobian row of chosen outputs: what a backward says for each of them alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnngrad.checks.claim import Claim
from cnngrad.core.arrays import Array, Vector

MOST = 1024  # backwards to spend at most

Places = npt.NDArray[np.int64]


def claimed_rows(claim: Claim, outputs: Places) -> Array:
    """One backward an output: shape (outputs, inputs)."""
    rows = np.zeros((outputs.size, claim.gradient.size))
    for row, output in zip(rows, outputs, strict=True):
        dy = np.zeros(claim.y0.size)
        dy[output] = 1.0
        row[:] = claim.gradient_for(dy)
    return rows


def claimed_slopes(claim: Claim, outputs: Places, directions: Sequence[Vector]) -> Array:
    """``<row, direction>`` for each of the outputs: shape (outputs, directions).

    A backward is linear in ``dy``, so outputs that share no input can be asked together. Where they do share one, they
    are asked in halves. NaN for what is still to be asked when ``MOST`` backwards are spent.
    """
    slopes = np.full((outputs.size, len(directions)), np.nan)
    before = claim.at.calls.backward
    pending = [np.arange(outputs.size)] if outputs.size else []
    while pending and claim.at.calls.backward - before < MOST:
        part = pending.pop()
        told = _told_apart(claim, outputs[part])
        if told is None:
            pending += [part[::2], part[1::2]]
            continue
        owner, entries = told
        for k, direction in enumerate(directions):
            slopes[part, k] = np.bincount(owner, entries * direction, minlength=part.size)
    return slopes


def _told_apart(claim: Claim, outputs: Places) -> tuple[Places, Vector] | None:
    """Which of the outputs each input gets its gradient from, and that gradient; ``None`` where it is from several.

    The outputs are numbered in binary: one backward for all of them, and one for those with a 1 at each digit. The
    weights differ, so that a gradient which went to the wrong output shows as one of the wrong size.
    """
    weights = np.random.default_rng(0).uniform(1.0, 2.0, outputs.size)
    number = np.arange(outputs.size)
    whole = _weighted(claim, outputs, weights)
    owner = np.zeros(whole.size, dtype=np.int64)
    for digit in range((outputs.size - 1).bit_length()):
        part = _weighted(claim, outputs, weights * (number >> digit & 1))
        mine = part != 0
        if not np.allclose(part[mine], whole[mine], rtol=1e-6, atol=0.0):
            return None
        owner |= mine.astype(np.int64) << digit
    if np.any(owner >= outputs.size):
        return None
    return owner, whole / weights[owner]


def _weighted(claim: Claim, outputs: Places, weights: Vector) -> Vector:
    dy = np.zeros(claim.y0.size)
    dy[outputs] = weights
    return claim.gradient_for(dy)
