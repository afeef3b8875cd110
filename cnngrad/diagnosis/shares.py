"""Each output's share of the claimed gradient beside the right one, and the number that turns one into the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.diagnosis.failure import OUTPUTS
from cnngrad.diagnosis.scene import Scene

CLEAR = 1e-3  # of the largest share: what is smaller tells too little of a ratio
NEAR = 1e-6  # how well ratios can be known from differences


@dataclass(frozen=True)
class Shares:
    """Two Jacobians, ``(outputs, entries)``; only outputs without a kink.

    Attributes:
        claimed, right: what backward says for each output alone, and what the differences say.
        outputs: the number of each row's output.
    """

    claimed: Array
    right: Array
    outputs: Array


def shares(s: Scene) -> Shares | None:
    """The claim taken apart; ``None`` where it is malformed, too large, or no linear function of ``dy``."""
    if s.g.shape != s.shape or s.flat_y.size > OUTPUTS or not s.g.size:
        return None
    claimed = s.rows()
    if not claimed.size:
        return None
    whole = np.tensordot(s.dy, claimed, axes=1)
    if not np.all(np.abs(whole - s.g) <= NEAR * max(np.max(np.abs(s.g)), np.max(np.abs(whole)))):
        return None
    flat = claimed.reshape(len(claimed), -1)
    right = s.jacobian().reshape(len(claimed), -1)
    smooth = np.all(np.isfinite(right), axis=1) & np.all(np.isfinite(flat), axis=1)
    return Shares(flat[smooth], right[smooth], np.flatnonzero(smooth))


def by_output(each: Shares) -> Array | None:
    """For every output the number its right share is multiplied with; NaN where too small, ``None`` if no number is."""
    return _ratios(each.claimed, each.right)


def by_entry(each: Shares) -> Array | None:
    """For every entry of the input the number its right gradient is multiplied with; as :func:`by_output`."""
    return _ratios(each.claimed.T, each.right.T)


def _ratios(claimed: Array, right: Array) -> Array | None:
    if not right.size:
        return np.full(len(right), np.nan)  # nothing but kinks
    size = np.max(np.abs(right), axis=1)
    scale = float(np.max(size))
    clear = size > CLEAR * scale
    if scale == 0 or np.any(claimed[size <= 1e-12 * scale]):
        return None
    squares = np.sum(right**2, axis=1)
    ratio = np.where(clear, np.sum(claimed * right, axis=1) / np.where(squares > 0, squares, 1), np.nan)
    off = np.max(np.abs(claimed - ratio[:, None] * right), axis=1)
    fits = off <= NEAR * size * np.maximum(np.abs(ratio), 1)
    return ratio if np.all(fits[clear]) else None


def entry_by_entry(each: Shares) -> tuple[Array, Array, Array]:
    """The ratio at every clear entry of the Jacobian, with the numbers of its output and its entry."""
    scale = float(np.max(np.abs(each.right), initial=0.0))
    row, column = np.nonzero(np.abs(each.right) > CLEAR * scale)
    return each.claimed[row, column] / each.right[row, column], each.outputs[row], column


def several(right: Array) -> bool:
    """Whether most rows hold more than one number, so that one ratio for all of a row says something."""
    count = np.sum(np.abs(right) > CLEAR * np.max(np.abs(right), initial=0.0), axis=1)
    return bool(np.sum(count > 1) > 0.5 * np.sum(count > 0))
