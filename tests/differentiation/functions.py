"""Functions whose derivative is known, of every kind a layer is made of, for the estimates to be held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cnngrad.core.arrays import Vector
from cnngrad.differentiation import Estimate, Line
from cnngrad.differentiation.line import EPS

SCALES = (1e-6, 1.0, 12.0, 1e6)
MATRIX = np.random.default_rng(0).standard_normal((5, 6))


@dataclass(frozen=True)
class Known:
    """A function of six numbers with its Jacobian times a direction; the latter runs in extended precision.

    ``sharp`` lists the scales at which the numbers are good enough to see a claim that is off by 1e-9.
    """

    name: str
    f: Callable[[Any], Any]
    jvp: Callable[[Any, Any], Any]
    sharp: tuple[float, ...] = SCALES
    scales: tuple[float, ...] = SCALES

    def line(self, scale: float, seed: int) -> Line:
        """A random point of that size, with a random direction and cotangent."""
        rng = np.random.default_rng([seed, 7])
        x = scale * rng.standard_normal(6)
        direction = rng.uniform(0.5, 1, 6) * rng.choice([-1.0, 1.0], 6)
        return Line(self.f, x, direction, rng.standard_normal(np.size(self.f(x))))

    def terms(self, line: Line) -> Vector:
        """What each output adds to the true derivative."""
        with np.errstate(all="ignore"):
            slopes = self.jvp(line.at.astype(np.longdouble), line.direction.astype(np.longdouble))
        return np.asarray(line.dy * slopes, dtype=np.float64)

    def gradient(self, line: Line) -> Vector:
        """The whole true gradient."""
        units = np.eye(6, dtype=np.longdouble)
        with np.errstate(all="ignore"):
            columns = [np.sum(line.dy * self.jvp(line.at.astype(np.longdouble), unit)) for unit in units]
        return np.array(columns, dtype=np.float64)


def inside(claimed: float, found: Estimate, terms: Vector) -> bool:
    """The central comparison, with the rounding of the claim itself."""
    return bool(abs(claimed - found.value) <= found.bound + 64 * EPS * float(np.linalg.norm(terms)))


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def log_sum_exp(x: Any) -> Any:
    return np.atleast_1d(np.max(x) + np.log(np.sum(np.exp(x - np.max(x)))))


def in_precision(dtype: type, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function computed in a shorter precision, handed on in double."""
    return lambda x: f(np.asarray(x).astype(dtype)).astype(np.float64)


def sigmoid(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _tanh_jvp(x: Any, v: Any) -> Any:
    return v / np.cosh(x) ** 2


def _sigmoid_jvp(x: Any, v: Any) -> Any:
    return v / (2 * np.cosh(x / 2)) ** 2


def _norm_jvp(x: Any, v: Any) -> Any:
    rms = np.sqrt(np.mean(x**2))
    return v / rms - x * np.mean(x * v) / rms**3


SMOOTH = (
    Known("sin", np.sin, lambda x, v: np.cos(x) * v, sharp=(1e-6, 1.0, 12.0), scales=(1e-6, 1.0, 12.0)),
    Known("tanh", np.tanh, _tanh_jvp, sharp=(1e-6, 1.0)),
    Known("sigmoid", sigmoid, _sigmoid_jvp, sharp=(1e-6, 1.0)),
    Known("square", np.square, lambda x, v: 2 * x * v, sharp=(1.0, 12.0, 1e6)),
    Known("rational", lambda x: 1 / (1 + x * x), lambda x, v: -2 * x * v / (1 + x * x) ** 2, sharp=(1.0,)),
    Known("bump", lambda x: np.exp(-x * x), lambda x, v: -2 * x * v * np.exp(-x * x), sharp=(1.0,)),
    Known("dense", lambda x: MATRIX @ x, lambda x, v: MATRIX @ v),
    Known("third", lambda x: x / 3, lambda x, v: v / 3),
    Known("log_sum_exp", log_sum_exp, lambda x, v: np.atleast_1d(softmax(x) @ v), sharp=(1.0,)),
    Known("softmax", softmax, lambda x, v: softmax(x) * (v - softmax(x) @ v), sharp=(1e-6, 1.0)),
    Known("norm", lambda x: x / np.sqrt(np.mean(x**2)), _norm_jvp),
    Known("wiggle", lambda x: x + 0.05 * np.sin(20 * x), lambda x, v: v + np.cos(20 * x) * v, (1.0,), (1e-6, 1.0)),
)
KINKED_ELSEWHERE = (
    Known("relu", lambda x: np.maximum(x, 0), lambda x, v: (x > 0) * v),
    Known("maximum", lambda x: np.atleast_1d(np.max(x)), lambda x, v: np.atleast_1d(v[np.argmax(x)])),
)
ABSORBING = (
    Known("next to 1", lambda x: 1.0 + 1e-14 * x, lambda x, v: 1e-14 * v, ()),
    Known("lost in 1e14", lambda x: (x + 1e14) - 1e14, lambda x, v: v, (), (1.0, 12.0, 1e6)),
    Known("beside 1e8", lambda x: np.append(1e8 + x, x), lambda x, v: np.append(v, v), ()),
)
SHORT = (
    Known("float32 tanh", in_precision(np.float32, np.tanh), _tanh_jvp, ()),
    Known("float32 sigmoid", in_precision(np.float32, sigmoid), _sigmoid_jvp, ()),
    Known("float32 linear", in_precision(np.float32, lambda x: x * np.float32(0.75)), lambda x, v: 0.75 * v, ()),
    Known("float16 tanh", in_precision(np.float16, np.tanh), _tanh_jvp, (), (1e-6, 1.0)),
    Known("float16 sigmoid", in_precision(np.float16, sigmoid), _sigmoid_jvp, (), (1e-6, 1.0)),
    Known(
        "float16 linear", in_precision(np.float16, lambda x: x * np.float16(0.75)), lambda x, v: 0.75 * v, (), (1.0,)
    ),
)
ALL = (*SMOOTH, *KINKED_ELSEWHERE, *ABSORBING, *SHORT)


def at_scales(*known: Known) -> list[Any]:
    """``(function, scale)`` for parametrisation."""
    return [pytest.param(each, scale, id=f"{each.name}-{scale:g}") for each in known for scale in each.scales]
