"""Powers of the input or the output counted wrongly, as in the backward of a norm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, given
from cnngrad.diagnosis.scene import Scene


def power_of_the_output(failure: Failure) -> Iterator[Suspect]:
    """``G = Jᵀ (dy · y^k)``: a norm divided by once too often, or not at all."""
    for words, exponent in (
        ("divided by y once too often", lambda s: -1.0),
        ("multiplied by y once too often", lambda s: 1.0),
        ("not divided by y^(p - 1)", lambda s: s.numbers.get("p", 2.0) - 1),
        ("divided by y^(p - 1) twice", lambda s: 1 - s.numbers.get("p", 2.0)),
        ("not divided by y^p but multiplied", lambda s: s.numbers.get("p", 2.0)),
        ("divided by y² too often", lambda s: -2.0),
    ):
        yield from failure.lead(
            "extra factor" if "by y once" in words else "power",
            f"the gradient of {failure.name} is {words}, y being the output",
            partial(_with_power, exponent=exponent),
            "count the powers: (Σ u)^(1/p) has the slope (1/p)(Σ u)^(1/p - 1), and y is that sum's root already",
        )


def power_of_the_input(failure: Failure) -> Iterator[Suspect]:
    """``G = N ⊙ |x|^k`` or a sign that is lost: a power counted wrongly."""
    name = failure.name
    if all(s.y_shape == s.shape != () and s.is_elementwise for s in failure.scenes):
        return  # an activation: a matter of its slope
    for family, words, field in (
        ("sign", f"the sign of {name} is lost in its gradient", np.sign),
        ("power", f"the gradient of {name} has one power of |{name}| too many", np.abs),
        ("power", f"the gradient of {name} has one power of |{name}| too few", lambda x: 1 / np.abs(x)),
        ("power", f"the gradient of {name} is divided by {name}", lambda x: 1 / x),
        ("power", f"the gradient of {name} is multiplied by {name}/2: a square that is not differentiated", _half),
        ("power", f"the gradient of {name} has two powers of {name} too many", np.square),
        ("power", f"the gradient of {name} has two powers of {name} too few", lambda x: 1 / x**2),
    ):
        yield from failure.lead(
            family,
            words,
            given(lambda s, f: s.n * f(s.value), field),
            "differentiate the power once more: |x|^p has the slope p sign(x) |x|^(p - 1)",
        )


def _half(x: Array) -> Array:
    """What turns ``x``, the derivative of half a square, into the half square itself."""
    return x / 2


def _with_power(s: Scene, exponent: Callable[[Scene], float]) -> Array | None:
    if np.any(s.flat_y < 0):
        return None
    return s.true(s.cotangent * np.where(s.out > 0, s.out, 1.0) ** exponent(s))
