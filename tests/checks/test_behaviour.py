"""Every check of behaviour on every reference layer, and what they make of points with nothing in them."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks import (
    ALL,
    Check,
    array_layouts_do_not_matter,
    backward_is_linear_in_dy,
    calls_are_independent,
    earlier_results_are_unchanged,
    gradients,
    gradients_have_the_inputs_shape_and_dtype,
    inputs_are_unchanged,
    outputs_are_separate,
    same_call_same_result,
    samples_are_independent,
)
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.examining import examine
from cnngrad.work import Subject
from tests.checks.behaviour import FirstForwardOnly, dense_layer, layer_of, of_x

BEHAVIOUR = (
    gradients_have_the_inputs_shape_and_dtype.CHECK,
    inputs_are_unchanged.CHECK,
    earlier_results_are_unchanged.CHECK,
    same_call_same_result.CHECK,
    calls_are_independent.CHECK,
    backward_is_linear_in_dy.CHECK,
    outputs_are_separate.CHECK,
    samples_are_independent.CHECK,
    array_layouts_do_not_matter.CHECK,
)
RULES = ("kink", "saturated", "scale:1e6")


def by_name(thing: Check | Layer) -> str:
    return thing.name


def some_configurations(layer: Layer) -> list[dict[str, int]]:
    """Two valid ones, drawn; the search proper is tested elsewhere."""
    rng = np.random.default_rng(0)
    drawn = ({n: int(rng.integers(low, high + 1)) for n, (low, high) in (layer.dims or {}).items()} for _ in range(999))
    return list(islice((sizes for sizes in drawn if layer.allows(sizes)), 2))


@pytest.mark.parametrize("layer", layers.ALL, ids=by_name)
def test_reference_layers_behave(layer: Layer) -> None:
    judged = set()
    for number, sizes in enumerate(some_configurations(layer)):
        for rule in RULES:
            point = Case(tuple(sizes.items()), values=rule, seed=number).point(layer)
            for each in BEHAVIOUR:
                for result in each.run(layer, point):
                    assert result.status not in (Status.FAILED, Status.ERROR), result
                    judged |= {each.name} if result.status == Status.PASSED else set()
    # one output each; samples mix or there is but one, wherever batch_axis is not declared
    assert judged >= {each.name for each in BEHAVIOUR} - {"outputs_are_separate", "samples_are_independent"}


@pytest.mark.parametrize("each", BEHAVIOUR, ids=by_name)
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), ()], ids=str)
def test_empty_and_single_arrays_crash_nothing(each: Check, shape: tuple[int, ...]) -> None:
    layer = of_x(lambda x: (3 * x, lambda dy: (3 * dy,)), shape, batch_axis={"x": 0, "y": 0} if shape else None)
    results = each.run(layer, Case(values="normal").point(layer))
    assert results
    assert all(r.status in (Status.PASSED, Status.NOT_APPLICABLE, Status.INCONCLUSIVE) for r in results)
    assert all(r.reason for r in results if r.status != Status.PASSED)


@pytest.mark.parametrize("each", BEHAVIOUR, ids=by_name)
def test_infinite_outputs_crash_nothing(each: Check) -> None:
    layer = of_x(lambda x: (x / 0, lambda dy: (dy * np.inf,)), batch_axis=0)
    results = each.run(layer, Case(values="normal").point(layer))
    assert {r.status for r in results} & {Status.FAILED, Status.ERROR} == set()


@pytest.mark.parametrize("each", BEHAVIOUR, ids=by_name)
def test_layer_that_raises_is_an_error(each: Check) -> None:
    def raising(x):
        raise ZeroDivisionError("no such luck")

    layer = of_x(raising, batch_axis=0)
    (result,) = each.run(layer, Case(values="normal").point(layer))
    assert (result.status, result.reason) == (Status.ERROR, "forward raised ZeroDivisionError: no such luck")


def test_names_are_the_statements() -> None:
    names = [each.name for each in ALL]
    assert len(set(names)) == len(names)
    assert {each.name for each in BEHAVIOUR} <= set(names)
    assert all(each.statement and name == name.lower() for each, name in zip(ALL, names, strict=True))


def test_found_by_name_in_a_whole_run() -> None:
    def findings(layer: Layer) -> set[str]:
        points = [Case(values=rule).point(layer) for rule in ("lattice", "normal")]
        return {failure.check for failure in examine(Subject(layer, (gradients.CHECK, *BEHAVIOUR)), points).failures}

    assert findings(layer_of(FirstForwardOnly)) == {"calls_are_independent"}
    assert findings(dense_layer()) == set()
