"""The claimed Jacobian of a pooling beside the right one, a row an output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.diagnosis.scene import Scene

FAMILY = "pooling routing"


@dataclass(frozen=True)
class Rows:
    """A scene taken apart by output, ``(outputs, entries)`` each.

    Attributes:
        claimed, right: what each output pays, and what it must pay.
        window: which entries each output can depend on.
        smooth: which outputs have no kink there.
    """

    scene: Scene
    claimed: Array
    right: Array
    window: Array
    smooth: Array

    @property
    def told(self) -> Rows:
        """The outputs without a kink."""
        k = self.smooth & np.any(self.right != 0, axis=1)
        return Rows(self.scene, self.claimed[k], self.right[k], self.window[k], self.smooth[k])

    @property
    def is_maximum(self) -> bool:
        """Whether every output is one of its entries."""
        one = np.sum(np.abs(self.right) > 1e-9, axis=1) == 1
        return bool(self.right.size > 0 and np.all(one) and np.allclose(self.right.sum(1), 1))

    @property
    def paid(self) -> Array:
        """Which entries get anything."""
        return np.abs(self.claimed) > 1e-12

    @property
    def stays_inside(self) -> bool:
        """Whether nothing is paid outside the windows."""
        return not np.any(self.paid & ~self.window)


def is_pooling(s: Scene) -> bool:
    """Windows over maps: as many axes in the output, none longer, the samples and maps kept."""
    return len(s.y_shape) == len(s.shape) >= 3 and (s.y_shape[:2] == s.shape[:2] or s.y_shape[-1] == s.shape[-1])


def rows_of(s: Scene) -> Rows | None:
    """The scene taken apart; ``None`` where the claim is malformed."""
    if s.g.shape != s.shape:
        return None
    claimed = s.rows()
    if not claimed.size:
        return None
    right = s.jacobian().reshape(len(claimed), -1)
    return Rows(s, claimed.reshape(len(claimed), -1), right, s.reach, np.all(np.isfinite(right), axis=1))
