"""Gradients of a lower precision than their inputs, or of another type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.auditing.planting import Mistake, Seen, Site, in_gradient
from cnngrad.core.arrays import Array


def _declared(site: Site) -> str:
    declared = site.layer.precision
    return f"a lower precision is declared (precision={declared!r})" if declared else ""


def _computed_in(dtype: Any) -> Callable[[Array, Seen], Array]:
    return lambda g, seen: g.astype(dtype).astype(g.dtype)


def _exchanged(given: Any, returned: Any) -> Callable[[Array, Seen], Array]:
    """Returned in one type where it is of another."""
    return lambda g, seen: g.astype(returned) if g.dtype == given else g


def _worse_in_float32(g: Array, seen: Seen) -> Array:
    return g * g.dtype.type(1.001) if g.dtype == np.float32 else g


MISTAKES: tuple[Mistake, ...] = (
    in_gradient("computed in float32", _computed_in(np.float32), _declared),
    in_gradient("computed in float16", _computed_in(np.float16), _declared),
    in_gradient("float32 for float64 inputs", _exchanged(np.float64, np.float32), _declared),
    in_gradient("float64 for float32 inputs", _exchanged(np.float32, np.float64), _declared),
    in_gradient("off by 1e-3 in float32 only", _worse_in_float32, _declared),
)
