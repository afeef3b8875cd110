"""Every reference layer agrees with every oracle that answers for it; every spoilt one is found out."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnngrad.oracles
from cnngrad import layers
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.oracles import ALL, Oracle, compare, oracles_for
from tests.oracles.support import RULES, cotangent, one_entry, point_with, points, spoilt

OF_ONE_RANK = tuple(getattr(layers, f"{name}{rank}d") for name in ("conv", "true_conv") for rank in (1, 2, 3))
LAYERS = {layer.name: layer for layer in (*layers.ALL, *OF_ONE_RANK)}
PAIRS = [
    pytest.param(oracle, layer, id=f"{name}-{oracle.name}")
    for name, layer in LAYERS.items()
    for oracle in oracles_for(name)
]
EXACT = ("conv", "true_conv", "relu_conv", "channels_last_conv", "dense", "flatten", "relu", "identity", "max_pool")


@pytest.mark.parametrize(
    ("oracle", "layer", "rule"),
    [
        pytest.param(*pair.values, rule, id=f"{pair.id}-{rule}")
        for pair in PAIRS
        for rule in (("lattice", "normal") if pair.values[1] in OF_ONE_RANK else RULES)
    ],
)
def test_agreement(oracle: Oracle, layer: Layer, rule: str) -> None:
    for point in points(layer, rule, 2):
        comparisons = compare(oracle, layer, point, cotangent(layer, point))
        assert comparisons
        for comparison in comparisons:
            assert comparison.holds, f"{comparison.claim} at {point.case}"


def test_a_sum_whose_terms_cancel_is_no_disagreement() -> None:
    """Found by ``make sweep``: what is left of db is a thousandth of its two terms, and so is its rounding."""
    at = "rank=1 n=1 c=1 depth=1 height=1 width=2 window=2 sigmoid=1 values=lattice seed=45"
    point = Case.parse(at).point(layers.subsample)
    for oracle in oracles_for("subsample"):
        assert all(c.holds for c in compare(oracle, layers.subsample, point, cotangent(layers.subsample, point)))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("rule", ["lattice", "integers", "kink"])
def test_agreement_is_bitwise_where_the_arithmetic_is_exact(name: str, rule: str) -> None:
    layer = LAYERS[name]
    for point in points(layer, rule, 2, seed=1):
        for oracle in oracles_for(name):
            assert all(c.bound == 0 and c.holds for c in compare(oracle, layer, point, cotangent(layer, point)))


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_a_forward_oracle(name: str) -> None:
    assert any(oracle.forward for oracle in oracles_for(name))


@pytest.mark.parametrize("name", LAYERS)
def test_every_gradient_has_an_oracle(name: str) -> None:
    layer = LAYERS[name]
    (point,) = points(layer, "lattice", 1)
    inputs = dict(zip(point.names, point.inputs, strict=True))
    known = {what for o in oracles_for(name) for what in o.answers(inputs, point.config, cotangent(layer, point))}
    assert known == {"y", *(f"d{name}" for name in layer.differentiable)}


def test_no_oracle_names_a_layer_that_does_not_exist() -> None:
    assert {name for oracle in ALL for name in oracle.layers} == set(LAYERS)


@pytest.mark.parametrize(("oracle", "layer"), PAIRS)
def test_one_wrong_entry_is_found(oracle: Oracle, layer: Layer) -> None:
    found: set[str] = set()
    for point in points(layer, "normal", 4):
        dy = cotangent(layer, point)
        inputs = dict(zip(point.names, point.inputs, strict=True))
        # A millionth of nothing is no mistake.
        wrong = [what for what, answer in oracle.answers(inputs, point.config, dy).items() if np.any(answer)]
        for what in set(wrong) - found:
            failing = [c.claim for c in compare(oracle, spoilt(layer, what, one_entry), point, dy) if not c.holds]
            assert failing == [f"{what} of {layer.name} is that of {oracle.name}"]
            found.add(what)
    assert found == {"y", *(f"d{name}" for name in layer.differentiable)}


def with_config(layer: Layer, **changed: Any) -> Layer:
    """The layer with a keyword that its caller cannot change."""
    return replace(layer, vjp=lambda *inputs, **config: layer.vjp(*inputs, **{**config, **changed}))


def named(layer: Layer, name: str) -> Layer:
    return replace(layer, name=name)


def scaled(layer: Layer, factor: float) -> Layer:
    """Forward and backward both wrong by the same factor, so that each is the other's right partner."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*inputs, **config)
        return factor * y, lambda dy: backward(factor * dy)

    return replace(layer, vjp=vjp)


def last_on_a_tie(layer: Layer) -> Layer:
    """A max pooling that reads its windows backwards; right forward, right wherever no two entries tie."""

    def vjp(x: Any, **config: Any) -> Any:
        axes = tuple(range(2, x.ndim))
        y, backward = layer.vjp(np.flip(x, axes), **config)
        return np.flip(y, axes), lambda dy: (np.flip(backward(np.flip(dy, axes))[0], axes),)

    return replace(layer, vjp=vjp)


@pytest.mark.parametrize("layer", layers.ALL, ids=lambda layer: layer.name)
def test_a_layer_spoilt_consistently_is_found(layer: Layer) -> None:
    for oracle in oracles_for(layer.name):
        for point in points(layer, "lattice", 1):
            dy = cotangent(layer, point)
            assert not all(c.holds for c in compare(oracle, scaled(layer, 1 + 2.0**-20), point, dy))


Make = Callable[[], Layer]
PLANAR = {"rank": 2, "height": 4, "width": 4}
CONSISTENT: dict[str, tuple[Make, Layer, dict[str, Any]]] = {
    "kernel rotated in both directions": (
        lambda: named(layers.true_conv, "conv"), layers.conv, {**PLANAR, "kh": 2, "kw": 3},
    ),
    "kernel not rotated in either": (
        lambda: named(layers.conv, "true_conv"), layers.true_conv, {**PLANAR, "kh": 2, "kw": 3},
    ),
    "dilation ignored": (
        lambda: with_config(layers.conv, dilation=1, pad=1), layers.conv,
        {**PLANAR, "kh": 3, "kw": 3, "dilation": 2, "pad": 2},
    ),
    "relu instead of sigmoid": (lambda: named(layers.relu_conv, "sigmoid_conv"), layers.sigmoid_conv, PLANAR),
    "rows before columns": (
        lambda: with_config(layers.flatten, row_fastest=False), layers.flatten, {**PLANAR, "row_fastest": 1},
    ),
    "padding not counted": (
        lambda: with_config(layers.mean_pool, count_padding=False), layers.mean_pool,
        {**PLANAR, "kh": 2, "kw": 2, "pad": 1, "count_padding": 1},
    ),
    "the last of a tie": (
        lambda: last_on_a_tie(layers.max_pool), layers.max_pool,
        {**PLANAR, "kh": 2, "kw": 2, "stride_rest": 2, "stride_w": 2, "values": "kink"},
    ),
    "another p": (
        lambda: with_config(layers.p_norm_pool, p=2), layers.p_norm_pool, {**PLANAR, "kh": 2, "kw": 2, "p2": 6},
    ),
    "no activation": (
        lambda: with_config(layers.subsample, activation="identity"), layers.subsample, {"rank": 1, "sigmoid": 1},
    ),
    "another epsilon": (
        lambda: with_config(layers.batch_norm, eps=1e-4), layers.batch_norm, {"n": 4, "large_eps": 0},
    ),
}  # fmt: skip  # a table: what belongs together stays on one line


@pytest.mark.parametrize("mistake", CONSISTENT)
def test_a_backward_that_fits_a_wrong_forward_is_found(mistake: str) -> None:
    make, right, sizes = CONSISTENT[mistake]
    point = point_with(right, **{"n": 2, **sizes})
    dy = cotangent(right, point)
    for oracle in oracles_for(right.name):
        assert all(c.holds for c in compare(oracle, right, point, dy))
        assert not all(c.holds for c in compare(oracle, make(), point, dy))


def _modules() -> list[Path]:
    return sorted(Path(cnngrad.oracles.__file__).parent.glob("*.py"))


def imported(source: str) -> set[str]:
    """Every module named in an import, function bodies included."""
    nodes = list(ast.walk(ast.parse(source)))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.stem)
def test_oracles_share_no_code_with_the_layers(path: Path) -> None:
    from_layers = {name for name in imported(path.read_text("utf-8")) if name.startswith("cnngrad.layers")}
    assert from_layers == ({"cnngrad.layers"} if path.stem == "identities" else set())


def test_that_the_import_of_a_layer_would_be_seen() -> None:
    assert imported("def f():\n    from cnngrad.layers._windows import windows") == {"cnngrad.layers._windows"}
