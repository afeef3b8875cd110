"""Every reference layer at configurations that Hypothesis draws: against differences and against its oracles."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnngrad as cg
from cnngrad import layers
from cnngrad.checks import gradients
from cnngrad.checks.oracle import oracle_checks
from cnngrad.core.layer import Layer

every_layer = pytest.mark.parametrize("layer", layers.ALL, ids=lambda layer: layer.name)


@every_layer
@settings(max_examples=5)
@given(data=st.data())
def test_the_gradient_is_that_of_the_forward(layer: Layer, data: st.DataObject) -> None:
    case = data.draw(cg.cases(layer))
    for result in gradients.CHECK.run(layer, case.point(layer)):
        assert result.status in ("passed", "inconclusive"), f"{case}: {result}"
        # Where nothing is kinked and nothing saturated, there is nothing that could be inconclusive but a zero.
        if result.status == "inconclusive":
            assert result.reason.startswith(("the gradient is zero", "several kinks met", "its largest entry")), result


@every_layer
@settings(max_examples=5)
@given(data=st.data())
def test_independent_computations_agree(layer: Layer, data: st.DataObject) -> None:
    case = data.draw(cg.cases(layer))
    point = case.point(layer)
    results = [result for check in oracle_checks(layer) for result in check.run(layer, point)]
    assert {str(result.status) for result in results} <= {"passed", "not_applicable"}, f"{case}: {results}"
    assert results
