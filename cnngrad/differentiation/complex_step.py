"""The complex step: ``Im f(a + i h v) / h`` is the derivative along v with no subtraction, so h can be 1e-30.

After J. N. Lyness and C. B. Moler (1967). Exact to rounding wherever f computes the analytic continuation of itself,
silently wrong where it does not (``abs``, comparisons, ``np.var``): so an answer from here counts only where it agrees
with real differences. It never crosses a kink.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnngrad.differentiation.line import EPS, Estimate, Line

STEP = 1e-30


def complex_step(line: Line) -> Estimate | None:
    """The derivative along a line from one complex forward; ``None`` where the code refuses complex numbers.

    >>> line = Line(np.sin, np.array([0.3]), np.ones(1), np.ones(1))
    >>> bool(abs(complex_step(line).value - np.cos(0.3)) < 1e-15)
    True
    """
    moved = line.at + 1j * STEP * line.direction
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), complex_buffers():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            y = np.asarray(line.f(moved))
    except Exception:
        return None  # the user's code was not asked to take complex numbers, so this is no error of theirs
    if y.dtype != np.complex128 or y.shape != line.y0.shape or not np.all(np.isfinite(y)):
        return None
    slopes = y.imag / STEP
    terms = line.dy * slopes
    # STEP itself stands for the term in STEP^2 that the step leaves out, where everything else is 0.
    bound = 64 * EPS * float(np.linalg.norm(terms)) + 4 * line.rounding / line.scale + STEP
    return Estimate(float(np.sum(terms)), bound, "complex step")


@contextmanager
def complex_buffers() -> Iterator[None]:
    """Give the buffers a layer fills (``np.zeros(shape)`` and kin) a complex type while it runs."""
    names = ("zeros", "empty", "ones", "full")
    originals = {name: getattr(np, name) for name in names}
    try:
        for name, original in originals.items():
            setattr(np, name, _made_complex(original, 2 if name == "full" else 1))
        yield
    finally:
        for name, original in originals.items():
            setattr(np, name, original)


def _made_complex(original: Callable[..., Any], position: int) -> Callable[..., Any]:
    def made(*args: Any, **kwargs: Any) -> Any:
        dtype = args[position] if len(args) > position else kwargs.get("dtype")
        filled_with_integer = position == 2 and len(args) > 1 and isinstance(args[1], (bool, int))
        if dtype is None and not filled_with_integer:
            kwargs["dtype"] = complex
        elif dtype is float or (dtype is not None and np.dtype(dtype) == np.float64):
            args, kwargs = args[:position], {**kwargs, "dtype": complex}
        return original(*args, **kwargs)

    return made
