"""Which mistake would explain a wrong gradient. One family of mistakes a file, simplest first.

A family is a function ``(failure) -> Iterator[Lead]``; a new one is a file and an entry in ``FAMILIES``. A lead is
given only if it explains the claim in every scene; "unknown" is better than a wrong name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Suspect
from cnngrad.diagnosis import (
    batch_norm,
    derivative,
    factor,
    geometry,
    neuron,
    nothing,
    placement,
    routing,
    small,
    summing,
    terms,
    where,
    wrong_input,
)
from cnngrad.diagnosis.failure import Failure, Lead, gather
from cnngrad.diagnosis.scene import Meter, Spent

BUDGET = 6000  # calls, forwards and backwards together, for one wrong gradient
SECONDS = 10.0  # and no call is begun after that
SHOWN = 2

Family = Callable[[Failure], Iterator[Lead]]

FAMILIES: tuple[Family, ...] = (
    nothing.nothing_returned,
    nothing.not_a_number,
    nothing.wrong_shape,
    nothing.dy_not_used,
    factor.constant_factor,
    placement.exchanged_inputs,
    derivative.wrong_slope_of_one_entry,
    derivative.wrong_slope_of_the_output,
    derivative.mask,
    terms.losses,
    terms.softmax,
    neuron.neuron,
    batch_norm.batch_norm,
    wrong_input.first_channel,
    derivative.power_of_the_output,
    factor.another_array_too_much,
    derivative.power_of_the_input,
    derivative.slope_of_the_input,
    factor.something_added,
    routing.paid_too_often,
    placement.flipped,
    placement.moved_by_one,
    summing.wrong_sum,
    summing.sums_of_dy,
    small.one_entry,
    placement.refilled,
    placement.reordered,
    geometry.overlap_assigned,
    geometry.overlap_lost,
    geometry.remainder_filled,
    routing.pooling,
    geometry.shifted,
    placement.other_input_turned,
    wrong_input.after_the_update,
    wrong_input.another_value,
    small.precision,
    wrong_input.earlier_call,
    geometry.border,
    where.only_where,
)

__all__ = ["BUDGET", "FAMILIES", "Failure", "Lead", "leads", "named_by", "suspects"]


def suspects(
    layer: Layer, point: Point, name: str, budget: int = BUDGET, also: Sequence[Point] = ()
) -> tuple[Suspect, ...]:
    """The mistakes that would explain a wrong gradient, at most two, the simplest first; empty where unknown.

    Never raises, whatever the layer does, and never calls it more than ``budget`` times.

    Args:
        layer: the layer whose gradient was found wrong.
        point: where; the smallest failing case.
        name: the input whose gradient it is.
        budget: calls that may be made.
        also: other points at which it fails.

    >>> halved = Layer(lambda x: (x * x, lambda dy: (x * dy,)), ("x",), "square", shapes={"x": (3,)})
    >>> from cnngrad.core.case import Case
    >>> suspects(halved, Case(values="normal").point(halved), "x")[0].mistake
    'the gradient of x is multiplied by 1/2'
    """
    return leads(layer, point, name, Meter(budget, SECONDS), also)


def leads(layer: Layer, point: Point, name: str, meter: Meter, also: Sequence[Point] = ()) -> tuple[Lead, ...]:
    """As :func:`suspects`, with a meter that tells what was used."""
    found: list[Lead] = []
    try:
        with np.errstate(all="ignore"):
            failure = gather(layer, point, name, meter, also)
            found += named_by(failure)
    except Spent:
        pass
    except Exception:  # the layer's own code may raise anything; a diagnosis never turns a verdict
        pass
    return tuple(found)


def named_by(failure: Failure) -> list[Lead]:
    """What the first family that has anything to say proposes."""
    for family in FAMILIES if failure.wrong else ():
        if found := _of(family, failure):
            return found
    return []


def _of(family: Family, failure: Failure) -> list[Lead]:
    """What one family proposes; one that stumbles over a strange layer harms no other."""
    found: list[Lead] = []
    try:
        for lead in family(failure):
            # One that asks for the same change under another name tells a reader nothing.
            if all(lead.mistake != other.mistake and lead.advice != other.advice for other in found):
                found.append(lead)
            if len(found) == SHOWN:
                break
    except Spent:
        if not found:
            raise
    except Exception:
        pass
    return found
