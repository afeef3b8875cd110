"""Whether numbers of lower precision would do for a computation, seen from the float64 one.

Each operand is moved in turn, once by units of its last bit and once by as much less as float64 has bits more than the
lower precision. Where every result follows in proportion, bit for bit, nothing was rounded though the operand was that
much longer; so at the operand itself nothing is rounded in the lower precision either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnngrad.checks.calling import Call, call
from cnngrad.core.arrays import Array
from cnngrad.core.call import Evaluation
from cnngrad.differentiation.few_bits import lowest_bit
from cnngrad.differentiation.precision import DOUBLE, fits

LONGEST = 16  # bits of an operand


def computes_without_rounding(at: Evaluation, exact: Call, eps: float) -> bool:
    """Whether the call would give the same numbers, bit for bit, in a precision with this rounding.

    True only for what is linear in each operand by itself, and everywhere: sums of products, means over powers of two.

    >>> from cnngrad.core.layer import Layer
    >>> from cnngrad.core.case import Case
    >>> def at(f, slope):
    ...     layer = Layer(lambda x: (f(x), lambda dy: (slope * dy,)), ("x",), "demo", shapes={"x": (3,)})
    ...     return Evaluation(layer, Case().point(layer))
    >>> third, half = at(lambda x: x / 3, 1 / 3), at(lambda x: x / 2, 0.5)
    >>> [computes_without_rounding(each, call(each, each.point.inputs), 2.0**-23) for each in (third, half)]
    [False, True]
    """
    shift = 2.0 ** (1 - DOUBLE) / eps
    places = [k for k, name in enumerate(at.layer.inputs) if name in at.layer.differentiable]
    operands = [*(np.asarray(exact.inputs[k]) for k in places), exact.dy]
    if at.layer.domain or not all(np.all(fits(operand, LONGEST)) for operand in operands):
        return False
    rng = np.random.default_rng(0)
    for number, operand in enumerate(operands):
        step = lowest_bit(operand) * (2.0 * rng.integers(0, 4, operand.shape) + 1.0)
        far, near = (_moved(at, exact, places, number, operand + size * step) for size in (1.0, shift))
        if not all(_in_proportion(far.results[n] - r, near.results[n] - r, shift) for n, r in exact.results.items()):
            return False
    return True


def _in_proportion(far: Array, near: Array, shift: float) -> bool:
    return bool(np.array_equal(shift * far, near))


def _moved(at: Evaluation, exact: Call, places: Sequence[int], number: int, value: Array) -> Call:
    """The same call with one operand changed: an input, or the cotangent, which comes last."""
    inputs: list[Any] = list(exact.inputs)
    if number == len(places):
        return call(at, inputs, value)
    inputs[places[number]] = value[()]
    return call(at, inputs, exact.dy)
