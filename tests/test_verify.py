"""The main job is red for every spoilt derivation: in its backward, in its forward, or consistently in both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks import gradients
from cnngrad.checks.oracle import oracle_checks
from cnngrad.core.arrays import cotangent_like
from cnngrad.core.case import Case, Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result
from cnngrad.data import generated_digits
from cnngrad.networks import DERIVATIONS, NETWORKS, chain, lenet
from cnngrad.oracles import Comparison
from cnngrad.oracles.identities import IDENTITIES, Identity
from cnngrad.report.data import GRADIENTS
from cnngrad.verify import Pair, plan, verify_identity, verify_layer, verify_network
from tests.mistakes.mistake import spoil

Spoil = Callable[[Any], Any]

QUICK = (layers.relu, layers.tanh, layers.dense, layers.softmax, layers.half_squared_error)


# What is right is green.


@pytest.mark.parametrize("layer", QUICK, ids=lambda layer: layer.name)
def test_a_right_derivation_is_good(layer: Layer) -> None:
    report = verify_layer(layer)
    assert (report.ok, report.layer, report.missing_features) == (True, layer.name, ())
    assert report.totals.cases >= 8
    assert report.totals.entries > report.totals.cases
    assert set(report.features) == set(layer.features)
    checks = {check for check, _ in report.statements}
    assert checks == {GRADIENTS, *(each.name for each in oracle_checks(layer))} > {GRADIENTS}


def test_every_derivation_identity_and_network_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnngrad.verify.verify_layer", lambda layer, *_: layer.name)
    monkeypatch.setattr("cnngrad.verify.verify_identity", lambda identity, seed: identity.name)
    monkeypatch.setattr("cnngrad.verify.verify_network", lambda name, *_: name)
    planned = plan()
    reports: list[Any] = [verified() for _, verified in planned]
    derivations = [layer.name for layer in (*layers.ALL, *DERIVATIONS)]
    assert reports == [*derivations, *(identity.name for identity in IDENTITIES), *NETWORKS]
    assert all(name.startswith(report) for (name, _), report in zip(planned, reports, strict=True))


def test_a_feature_that_is_not_reached_is_red() -> None:
    features = {"zeros": lambda point: bool((point["x"] == 0).any()), "rank 9": lambda point: point["x"].ndim == 9}
    report = verify_layer(replace(layers.relu, features=features))
    assert report.missing_features == ("rank 9",)
    assert report.features["zeros"] > 0
    assert str(report) == "relu: every_feature_is_reached failed\n  not one point had rank 9"
    assert verify_layer(replace(layers.relu, features={"zeros": features["zeros"]})).ok


# Every reference layer, spoilt in every way, beside itself unspoilt.


@dataclass(frozen=True)
class Way:
    """One way to spoil: what it makes of a gradient, and of which gradients it makes something else."""

    name: str
    change: Spoil
    shows: Callable[[Any], bool] = lambda gradient: True


WAYS = (
    Way("sign", lambda gradient: -gradient),
    Way("half", lambda gradient: gradient / 2),
    Way("flipped", np.flip, lambda gradient: not np.array_equal(gradient, np.flip(gradient))),
)

MOST = 24  # entries of all inputs together: a failure looks at each


@cache
def point_of(name: str) -> Point:
    """The largest of some configurations of a layer, at lattice values, so that every mistake has room to show."""
    layer = next(layer for layer in layers.ALL if layer.name == name)
    rng = np.random.default_rng(0)
    best: tuple[int, Case] = (0, Case())
    for _ in range(300):
        sizes = {dim: int(rng.integers(low, high + 1)) for dim, (low, high) in (layer.dims or {}).items()}
        if layer.allows(sizes):
            entries = sum(math.prod(shape) for shape in layer.shapes_at(sizes).values())
            best = max(best, (entries, Case(tuple(sizes.items()))), key=lambda pair: pair[0] * (pair[0] <= MOST))
    return best[1].point(layer)


def verdict(layer: Layer) -> list[Result]:
    """What ``verify_layer`` asks, at one point and without shrinking what failed."""
    checks = (gradients.CHECK, *oracle_checks(layer))
    return [result for check in checks for result in check.run(layer, point_of(layer.name))]


def failed(layer: Layer) -> set[tuple[str, str]]:
    return {(result.check, result.input) for result in verdict(layer) if result.status != "passed"}


def right_gradients(layer: Layer) -> dict[str, Any]:
    point = point_of(layer.name)
    y, backward = layer.vjp(*point.inputs, **point.config)
    dy = cotangent_like(y, point.cotangent(np.size(y)))
    return dict(zip(layer.inputs, backward(dy), strict=True))


every_layer = pytest.mark.parametrize("layer", layers.ALL, ids=lambda layer: layer.name)


@every_layer
def test_the_unspoilt_twin_passes(layer: Layer) -> None:
    assert {str(result.status) for result in verdict(layer)} == {"passed"}


def changed(name: str, way: Way) -> Spoil:
    return lambda seen: way.change(getattr(seen.right, name))


@pytest.mark.usefixtures("without_places")
@every_layer
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_spoilt_backward_is_red(layer: Layer, way: Way) -> None:
    right = right_gradients(layer)
    spoilt = [name for name in layer.differentiable if way.shows(right[name])]
    for name in spoilt:
        wrong = replace(layer, vjp=spoil(layer, {name: changed(name, way)}))
        found = failed(wrong)
        assert (GRADIENTS, name) in found
        assert {input for check, input in found if check == GRADIENTS} == {name}
        assert {check for check, _ in found} > {GRADIENTS}  # the oracles see it too
    assert spoilt


def scaled(y: Any) -> Any:
    return 1.5 * y


def shifted(y: Any) -> Any:
    return y + 1


def forward_alone(layer: Layer, change: Spoil) -> Layer:
    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)
        return change(y), backward

    return replace(layer, vjp=vjp)


def wrong_together(layer: Layer, change: Spoil) -> Layer:
    """The forward changed, and the backward with it: no difference can see this."""
    slope = change(1.0) - change(0.0)

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)
        return change(y), lambda dy: backward(slope * dy)

    return replace(layer, vjp=vjp)


@pytest.mark.usefixtures("without_places")
@every_layer
def test_a_spoilt_forward_is_red(layer: Layer) -> None:
    checks = {check for check, _ in failed(forward_alone(layer, scaled))}
    assert checks > {GRADIENTS}


@every_layer
@pytest.mark.parametrize("change", [scaled, shifted])
def test_a_derivation_wrong_in_both_is_red_by_its_oracles(layer: Layer, change: Spoil) -> None:
    checks = {check for check, _ in failed(wrong_together(layer, change))}
    assert checks
    assert all(check.startswith("agrees_with_") for check in checks)


# The same through the main job's own function.


def rotated_together(layer: Layer) -> Layer:
    """Forward and backward of the true convolution, under the name of the cross-correlation."""
    return replace(layer, vjp=layers.true_conv.vjp)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(layers.relu, vjp=spoil(layers.relu, {"x": lambda seen: -seen.right.x})),
        replace(layers.dense, vjp=spoil(layers.dense, {"w": lambda seen: seen.right.w[::-1]})),
        replace(layers.max_pool, vjp=spoil(layers.max_pool, {"x": lambda seen: seen.right.x / 2})),
        forward_alone(layers.tanh, scaled),
        wrong_together(layers.softmax, shifted),
        rotated_together(layers.conv),
    ],
    ids=["sign", "rotation", "division", "forward", "both", "rotation in both"],
)
def test_verify_layer_is_red(wrong: Layer) -> None:
    report = verify_layer(wrong)
    assert report.status == "failed"
    assert str(report).startswith(f"{wrong.name}: ")
    assert " failed" in str(report).split("\n")[0]


def test_a_derivation_that_raises_is_red() -> None:
    def vjp(x: Any) -> Any:
        def backward(dy: Any) -> Any:
            raise ValueError("unfinished")

        return x, backward

    report = verify_layer(replace(layers.relu, vjp=vjp))
    assert report.status == "error"
    assert "gradients_match_forward error: backward raised ValueError: unfinished" in str(report)


# Identities.


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.name)
def test_an_identity_is_good(identity: Identity) -> None:
    report = verify_identity(identity)
    assert report.ok
    assert identity.source in report.layer
    assert [(result.check, bool(result.entries)) for result in report.results] == [("identity_holds", True)] * 5
    assert (report.totals.cases, report.totals.entries) == (5, 0)  # numbers, and none of them a gradient's entry


def test_a_spoilt_identity_is_red() -> None:
    def claims(rng: Any) -> list[Comparison]:
        right, *others = IDENTITIES[0].claims(rng)
        return [replace(right, left=right.left + 1), *others]

    report = verify_identity(replace(IDENTITIES[0], claims=claims))
    (claim,) = {comparison.claim for comparison in IDENTITIES[0].claims(np.random.default_rng(0))[:1]}
    assert str(report) == f"{report.layer}: identity_holds failed\n  does not hold: {claim}"


def test_an_identity_that_claims_nothing_is_red() -> None:
    report = verify_identity(replace(IDENTITIES[0], claims=lambda rng: []))
    assert (report.status, report.failures[0].reason) == ("failed", "it claims nothing")


# Networks.


@pytest.fixture(scope="module")
def digits() -> Pair:
    return Pair(*generated_digits(np.random.default_rng(1), 2), "generated images")


def test_lenet_is_good(digits: Pair) -> None:
    report = verify_network("lenet", lenet(), digits)
    assert report.ok
    assert report.layer == "lenet, generated images"
    assert report.totals.entries == 5 * (3_898 + 2 * 28 * 28)


@pytest.mark.parametrize("stage", ["C1", "O5"])
def test_a_network_with_one_spoilt_stage_is_red(
    digits: Pair, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the point where it fails is saved
    stages = dict(lenet().stages)
    stages[stage] = replace(stages[stage], vjp=spoil(stages[stage], {"b": lambda seen: -seen.right.b}))
    report = verify_network("lenet", replace(lenet(), vjp=chain(**stages).vjp), digits)
    assert report.status == "failed"
    assert f"gradients_match_forward failed for {stage}.b" in str(report)
    assert str(report).count(" failed for ") == 1
    (saved,) = (tmp_path / ".cnngrad").iterdir()
    assert f"values=file:.cnngrad/{saved.name}" in str(report)
