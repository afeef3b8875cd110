"""Which mistake would explain a wrong gradient. One family of mistakes a file, simplest first.

A family is a function ``(failure) -> Iterator[Suspect]``; a new one is a file and an entry in ``FAMILIES``. A lead is
given only if it explains the claim in every scene; "unknown" is better than a wrong name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Suspect, Where
from cnngrad.diagnosis import (
    batch_norm,
    before_activation,
    combination,
    dense_slopes,
    derivative,
    factor,
    filling,
    geometry,
    hidden,
    masked_weights,
    neuron,
    nothing,
    of_dy,
    output_error,
    placement,
    places,
    powers,
    routing,
    samples,
    scaled,
    small,
    state,
    summing,
    terms,
    through,
    updated,
    where,
    wrong_input,
)
from cnngrad.diagnosis.extent import extent
from cnngrad.diagnosis.failure import Failure, gather
from cnngrad.diagnosis.pages import address, page_of
from cnngrad.diagnosis.scene import Meter, Spent

BUDGET = 6000  # calls, forwards and backwards together, for one wrong gradient
SECONDS = 10.0  # and no call is begun after that
SHOWN = 2
SEVERAL = 3  # failing scenes at least that a mistake explains if it need not explain those that pass

Family = Callable[[Failure], Iterator[Suspect]]

# What these propose says what every entry is.
EXACT: tuple[Family, ...] = (
    nothing.nothing_returned,
    nothing.not_a_number,
    nothing.wrong_shape,
    state.accumulated,
    nothing.dy_not_used,
    factor.constant_factor,
    of_dy.added_whatever_dy,
    updated.updated_value,
    of_dy.dy_itself,
    of_dy.multiple_of_itself,
    placement.exchanged_inputs,
    terms.losses,
    terms.softmax,
    neuron.neuron,
    batch_norm.batch_norm,
    combination.combinations,
    derivative.wrong_slope_of_one_entry,
    before_activation.handed_down_before,
    derivative.wrong_slope_of_the_output,
    derivative.mask,
    before_activation.slope_of_another_activation,
    of_dy.not_linear,
    wrong_input.first_channel,
    powers.power_of_the_output,
    factor.another_array_too_much,
    powers.power_of_the_input,
    before_activation.slope_of_the_first_activation,
    derivative.slope_of_the_input,
    places.wrong_places,
    routing.paid_too_often,
    placement.flipped,
    placement.moved_by_one,
    summing.wrong_sum,
    summing.sums_of_dy,
    summing.paired,
    samples.one_sample_only,
    samples.first_sample_for_others,
    output_error.slope_at_the_output,
    small.one_entry,
    small.only_at_kinks,
    small.precision,
    filling.refilled,
    placement.reordered,
    geometry.overlap_assigned,
)
# These see a part of it, or a trait.
LOOSE: tuple[Family, ...] = (
    geometry.overlap_lost,
    geometry.remainder_filled,
    routing.pooling,
    updated.after_the_update,
    dense_slopes.slope_of_a_hidden_layer,
    dense_slopes.input_before_its_activation,
    hidden.error_of_the_last_input,
    placement.other_input_turned,
    geometry.shifted,
    masked_weights.unused_entries,
    masked_weights.transposed_table,
    wrong_input.another_value,
    before_activation.input_not_activated,
    scaled.another_factor,
    scaled.powers,
    scaled.times_function_of_output,
    scaled.times_a_field,
    state.does_not_follow,
    through.by_another_way,
    scaled.unknown_factor,
    geometry.border,
    where.only_where,
)
FAMILIES = (*EXACT, *LOOSE)

__all__ = ["BUDGET", "FAMILIES", "Diagnosis", "Failure", "diagnosis_of", "measured", "named_by"]


@dataclass(frozen=True)
class Diagnosis:
    """What can be said of one wrong gradient.

    Attributes:
        suspects: mistakes that would explain it, at most two; empty where unknown.
        where: which entries and configurations are wrong; ``None`` where the layer could not be looked at.
    """

    suspects: tuple[Suspect, ...] = ()
    where: Where | None = None


def diagnosis_of(layer: Layer, point: Point, name: str, budget: int = BUDGET, also: Sequence[Point] = ()) -> Diagnosis:
    """Which mistake a wrong gradient looks like, and where it is wrong.

    Never raises, whatever the layer does, and never calls it more than ``budget`` times.

    Args:
        layer: the layer whose gradient was found wrong.
        point: where; the smallest failing case.
        name: the input whose gradient it is.
        budget: calls that may be made.
        also: other points at which it fails.

    >>> halved = Layer(lambda x: (x * x, lambda dy: (x * dy,)), ("x",), "square", shapes={"x": (3,)})
    >>> from cnngrad.core.case import Case
    >>> found = diagnosis_of(halved, Case(values="normal").point(halved), "x")
    >>> found.suspects[0].mistake, str(found.where)
    ('the gradient of x is multiplied by 1/2', 'every entry, at all 7 points tried')
    """
    return measured(layer, point, name, Meter(budget, SECONDS), also)


def measured(layer: Layer, point: Point, name: str, meter: Meter, also: Sequence[Point] = ()) -> Diagnosis:
    """As :func:`diagnosis_of`, with a meter that tells what was used."""
    found: list[Suspect] = []
    where: Where | None = None
    # The layer's own code may raise anything, and calls may run out: a diagnosis never turns a verdict.
    with np.errstate(all="ignore"), suppress(Spent, Exception):
        failure = gather(layer, point, name, meter, also)
        with suppress(Spent):
            found += named_by(failure)
        where = extent(failure) if failure.wrong else None
    link = address(page_of(layer))
    return Diagnosis(tuple(replace(lead, link=lead.link or link) for lead in found), where)


def named_by(failure: Failure) -> list[Suspect]:
    """What the first family that has anything to say proposes."""
    if not failure.wrong:
        return []
    seen = failure.finite  # a NaN here and there is what the same mistake leaves, or another one
    for part in (seen,) if len(seen.scenes) == len(failure.scenes) else (seen, failure):
        for families, scenes in _passes(part):
            for family in families:
                if found := _of(family, scenes):
                    return found
    return []


def _passes(failure: Failure) -> Iterator[tuple[tuple[Family, ...], Failure]]:
    """The families in turn; where none explains every scene, one may explain those that fail."""
    yield EXACT, failure
    if len(failure.scenes) > len(failure.wrong) >= SEVERAL:
        yield EXACT, replace(failure, scenes=failure.wrong)
    yield LOOSE, failure


def _of(family: Family, failure: Failure) -> list[Suspect]:
    """What one family proposes; one that stumbles over a strange layer harms no other."""
    found: list[Suspect] = []
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
