"""Each network as the main job verifies it: right as it is; with one stage spoilt it is red, and the stage is named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnngrad.checks.parts import wrong_parts
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.data import generated_digits
from cnngrad.diagnosis import Diagnosis
from cnngrad.layers import relu, sigmoid
from cnngrad.networks import (
    DERIVATIONS,
    NETWORKS,
    chain,
    channels_last_net,
    connected_conv,
    convolutional_perceptron,
    lenet,
    paper_net,
    perceptron,
    sigmoid_net,
    toolbox,
    with_decay,
)
from cnngrad.runner import check
from cnngrad.verify import Pair, verify_layer, verify_network
from tests.mistakes.mistake import spoil as spoilt_vjp

SMALL = toolbox((("i",), ("c", 2, 3), ("s", 2), ("c", 3, 2), ("s", 2)), (12, 8), 3)
# The network, the stage that is spoilt, what that stage is, and the gradient that is wrong.
SPOILT: dict[str, tuple[Any, str, str, str]] = {
    "lenet (seed 000)": (lenet(), "C3", "conv2d", "w"),
    "lenet, max pooling (seed 000)": (lenet("max"), "S2", "max_pool", "x"),
    "perceptron (seed 001)": (perceptron((6, 5, 4, 3)), "H2", "dense_after_tanh", "z"),
    "perceptron, linear output (seed 001)": (perceptron((6, 5, 3), sigmoid, "linear"), "E", "half_squared_error", "y"),
    "convolutional_perceptron (seed 001)": (convolutional_perceptron((10, 8)), "C1", "conv2d", "b"),
    "sigmoid_net, mean pooling (seed 002)": (sigmoid_net("mean", (9, 8)), "A1", "sigmoid", "x"),
    "sigmoid_net, max pooling (seed 002)": (sigmoid_net("max", (9, 8)), "S2", "max_pool", "x"),
    "sigmoid_net, p-norm pooling (seed 002)": (sigmoid_net("p_norm", (9, 8)), "S2", "p_norm_pool", "x"),
    "channels_last_net (seed 003)": (channels_last_net(image=(10, 9, 2)), "C2", "channels_last_conv", "x"),
    "channels_last_net, connected_conv (seed 003)": (
        *(channels_last_net(connected_conv, (10, 9, 2)), "C1"),
        *("connected_conv", "w"),
    ),
    "toolbox (seed 004)": (SMALL, "fv", "flatten", "x"),
    "paper_net (seed 004)": (paper_net("sigmoid"), "S4", "subsample", "beta"),
    "paper_net, identity (seed 004)": (paper_net("identity"), "C3", "partial_conv", "w"),
}


@pytest.fixture(scope="module")
def digits() -> Pair:
    return Pair(*generated_digits(np.random.default_rng(1), 2), "generated images")


def test_every_network_has_its_spoilt_twin_and_every_source_text_its_network() -> None:
    assert set(SPOILT) == set(NETWORKS)
    assert {name[-9:-1] for name in NETWORKS} == {f"seed 00{i}" for i in range(5)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_verified(name: str, digits: Pair) -> None:
    report = verify_network(name, NETWORKS[name], digits)
    assert report.ok, str(report)
    assert report.totals.cases == 5
    assert report.layer.startswith(name)


@pytest.fixture
def undiagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake takes time too, and is not asked here."""
    monkeypatch.setattr("cnngrad.findings.diagnosis_of", lambda layer, point, name: Diagnosis())


# One network of each source text among the quick tests, the rest among those of integration, for time alone.
FIRST = {name[-9:-1]: name for name in reversed(NETWORKS)}.values()
SPLIT = [pytest.param(n, marks=() if n in FIRST else pytest.mark.integration) for n in NETWORKS]


@pytest.mark.usefixtures("without_places", "undiagnosed")
@pytest.mark.parametrize("name", SPLIT)
def test_one_spoilt_stage_is_caught_and_named(
    name: str, digits: Pair, spoil: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the point where it fails is saved
    right, stage, layer, wrong = SPOILT[name]
    net = spoil(right, stage, wrong)
    report = verify_network(name, with_decay(net, 0.25) if "002" in name else net, digits)
    assert report.status == "failed"
    named = re.findall(r"stage (\S+ \(\w+\) alone is wrong for .*)", str(report))
    assert set(named) == {f"{stage} ({layer}) alone is wrong for {wrong}"}
    assert len(named) == min(3, str(report).count(" failed for "))


@pytest.mark.parametrize("layer", DERIVATIONS, ids=lambda layer: layer.name)
def test_a_further_derivation_is_verified_and_red_when_spoilt(layer: Layer) -> None:
    assert verify_layer(layer).ok
    first = layer.inputs[0]
    wrong = replace(layer, vjp=spoilt_vjp(layer, {first: lambda seen: -getattr(seen.right, first)}))
    report = verify_layer(wrong)
    assert report.status == "failed"
    assert f"gradients_match_forward failed for {first}" in str(report)


def test_a_chain_inside_a_chain_names_the_innermost_stage(spoil: Any) -> None:
    inner = spoil(chain(A=relu, B=sigmoid), "B", "x")
    net = replace(chain(N=inner, R=relu), shapes={"x": (2, 3)})
    report = check(net, select=["gradients_match_forward"], raise_on_failure=False)
    assert report.failures[0].reason == "stage N.B (sigmoid) alone is wrong for x"
    assert "  stage N.B (sigmoid) alone is wrong for x\n" in str(report)
    # The mistake is looked for in the stage: the whole chain's gradient is wrong by no simple rule.
    assert "multiplied by" in report.failures[0].suspects[0].mistake
    inputs = (np.ones((2, 3)),)
    assert net.parts is not None
    assert [name for name, _, _ in net.parts(*inputs)] == ["N.A", "N.B", "R"]


def test_nothing_is_named_where_every_part_is_right() -> None:
    net = replace(chain(A=relu, B=sigmoid), shapes={"x": (2, 3)})
    assert wrong_parts(net, Case().point(net)) == []
    forgetful = replace(net, vjp=lambda x: (net(x)[0], lambda dy: (0.5 * net(x)[1](dy)[0],)))
    report = check(forgetful, select=["gradients_match_forward"], raise_on_failure=False)
    assert (str(report.status), report.failures[0].reason) == ("failed", "")
    assert wrong_parts(relu, Case(shapes=(("x", (2, 3)),)).point(relu)) == []
