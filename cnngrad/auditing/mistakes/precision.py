"""Gradients of a lower precision than their inputs, or of another type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.auditing.planting import Mistake, Seen, Site, in_gradient
from cnngrad.core.arrays import Array, is_differentiable, outputs_of


def _declared(site: Site) -> str:
    declared = site.layer.precision
    return f"a lower precision is declared (precision={declared!r})" if declared else ""


def _computed_in(dtype: Any) -> Callable[[Array, Seen], Array]:
    return lambda g, seen: g.astype(dtype).astype(g.dtype)


def _narrowed(g: Array, seen: Seen) -> Array:
    return g.astype(np.float32) if g.dtype == np.float64 else g


def _widened(g: Array, seen: Seen) -> Array:
    """Where the output is float32 as well: of a layer that gives float64 for float32 nobody expects less back."""
    kept = [getattr(part, "dtype", None) == np.float32 for part in outputs_of(seen.y) if is_differentiable(part)]
    return g.astype(np.float64) if all(kept) and g.dtype == np.float32 else g


def _worse_in_float32(g: Array, seen: Seen) -> Array:
    return g * g.dtype.type(1.001) if g.dtype == np.float32 else g


MISTAKES: tuple[Mistake, ...] = (
    in_gradient("computed in float32", _computed_in(np.float32), _declared),
    in_gradient("computed in float16", _computed_in(np.float16), _declared),
    in_gradient("float32 for float64 inputs", _narrowed, _declared),
    in_gradient("float64 for float32 inputs", _widened, _declared),
    in_gradient("off by 1e-3 in float32 only", _worse_in_float32, _declared),
)
