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

from cnngrad.core.arrays import Vector
from cnngrad.differentiation.line import EPS, Estimate, Line
from cnngrad.differentiation.precision import remainders

STEP = 2.0**-100  # a power of two: what cancelled inside is left in whole roundings
SMALL = 2.0**-10
ASIDE = 2.0**-26, 2.0**-17, 2.0**-8


def complex_step(line: Line) -> Estimate | None:
    """The derivative along a line from one complex forward; ``None`` where the code refuses complex numbers.

    >>> line = Line(np.sin, np.array([0.3]), np.ones(1), np.ones(1))
    >>> bool(abs(complex_step(line).value - np.cos(0.3)) < 1e-15)
    True
    """
    slopes = _slopes(line, line.at)
    if slopes is None:
        return None
    terms = line.dy * slopes
    # STEP itself stands for the term in STEP^2 that the step leaves out, where everything else is 0.
    bound = 64 * EPS * float(np.linalg.norm(terms)) + _cancelled(line, slopes) + 4 * line.rounding / line.scale + STEP
    return Estimate(float(np.sum(terms)), bound, "complex step")


def _slopes(line: Line, at: Vector) -> Vector | None:
    """What every output changes by along the line from a point; ``None`` where the code refuses complex numbers."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), complex_buffers():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            y = np.asarray(line.f(at + 1j * STEP * line.direction))
    except Exception:
        return None  # the user's code was not asked to take complex numbers, so this is no error of theirs
    if y.dtype != np.complex128 or y.shape != line.y0.shape or not np.all(np.isfinite(y)):
        return None
    return np.asarray(y.imag / STEP)


def _cancelled(line: Line, slopes: Vector) -> float:
    """The rounding of larger slopes inside that cancel, as in ``x - tanh x``: second differences show it.

    Only slopes far smaller than the direction can be what is left of larger ones.
    """
    largest = float(np.max(np.abs(line.direction), initial=0.0))
    if np.max(np.abs(slopes), initial=0.0) >= SMALL * largest or not np.any(slopes):
        return 0.0
    signs = np.where(np.arange(line.at.size) % 2, 1.0, -1.0)
    left = EPS * float(np.linalg.norm(line.dy[remainders(slopes)]))
    luck = 1 + 8 / max(int(np.count_nonzero(line.dy * slopes)), 1)
    for share in ASIDE:
        away = share * signs * line.at
        if line.room is not None:
            away = np.where(2 * np.abs(away) < line.room, away, 0.0)
        up, down = _slopes(line, line.at + away), _slopes(line, line.at - away)
        if up is None or down is None:
            return np.inf
        noise = float(np.linalg.norm(line.dy * (up - 2 * slopes + down)))
        if noise > 0:  # else the step may be lost in that rounding as well
            return 2 * luck * noise + left
    return left


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
        fill = args[1] if len(args) > 1 else kwargs.get("fill_value")
        filled_with_integer = position == 2 and isinstance(fill, (bool, int))
        if dtype is None and not filled_with_integer:
            kwargs["dtype"] = complex
        elif dtype is float or (dtype is not None and np.dtype(dtype) == np.float64):
            args, kwargs = args[:position], {**kwargs, "dtype": complex}
        return original(*args, **kwargs)

    return made
