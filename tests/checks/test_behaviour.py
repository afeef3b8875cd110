"""Every check of behaviour on every reference layer, and what they make of points with nothing in them."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks import ALL, Check, gradients
from cnngrad.core.case import Case
from cnngrad.core.configurations import covering
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.runner import check
from tests.checks.behaviour import FirstForwardOnly, dense_layer, layer_of, of_x

BEHAVIOUR = [each for each in ALL if each is not gradients.CHECK]
RULES = ("lattice", "kink", "saturated", "scale:1e6", "scale:1e-6")


def by_name(thing: Check | Layer) -> str:
    return thing.name


@pytest.mark.parametrize("layer", layers.ALL, ids=by_name)
def test_reference_layers_behave(layer: Layer) -> None:
    judged = set()
    for number, sizes in enumerate(covering(layer)[1:3]):
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
    assert all(each.statement and name == name.lower() for each, name in zip(ALL, names, strict=True))


def test_found_by_name_in_a_whole_run() -> None:
    stale = check(layer_of(FirstForwardOnly), raise_on_failure=False, effort="quick")
    assert {failure.check for failure in stale.failures} == {"calls_are_independent"}
    assert check(dense_layer(), effort="quick").ok
