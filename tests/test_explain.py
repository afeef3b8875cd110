"""``cnngrad explain``: every reference derivation with numbers, computed, and refused where it is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnngrad import explain as module
from cnngrad import layers
from cnngrad.cli import main
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.explain import beside, explain
from cnngrad.oracles.identities import IDENTITIES
from tests.mistakes.mistake import spoil


def test_every_layer_is_explained_and_its_numbers_agree() -> None:
    for layer in layers.ALL:
        found = explain(layer.name)
        assert found.agrees, layer.name
        assert set(found.gradients) == set(layer.differentiable), layer.name
        assert all(np.isfinite(each.bound).all() for each in found.differences.values()), layer.name
        assert any(np.any(gradient != 0) for gradient in found.gradients.values()), layer.name
        text = str(found)
        assert layer.name + "\n" in text
        assert "seed" in found.derivation or "not in the source texts" in found.derivation, layer.name
        for name in layer.differentiable:
            assert f"d{name}, backward" in text, layer.name
        assert "oracle: " in text, layer.name
        assert max(map(len, text.splitlines())) <= 120, layer.name


def test_pooling_is_the_worked_example_of_the_text() -> None:
    assert explain("mean_pool").gradients["x"][0, 0].tolist() == [
        [0.25, 0.25, 0.75, 0.75],
        [0.25, 0.25, 0.75, 0.75],
        [0.5, 0.5, 1.0, 1.0],
        [0.5, 0.5, 1.0, 1.0],
    ]
    placed = [[0, 0, 0, 3], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 4, 0]]
    assert explain("max_pool").gradients["x"][0, 0].tolist() == placed


def test_identities_name_layers_that_exist() -> None:
    known = {layer.name for layer in layers.ALL}
    for identity in IDENTITIES:
        assert set(identity.layers) <= known, identity.name
        assert identity.layers, identity.name


def wrong(name: str) -> Layer:
    layer = getattr(layers, name)
    return replace(layer, vjp=spoil(layer, {"x": lambda s: -s.right.x}))


def test_a_wrong_derivation_does_not_agree(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "ALL", (wrong("dense"), layers.relu))
    assert not explain("dense").agrees
    assert main(["explain", "dense"]) == 1
    assert main(["explain", "relu"]) == 0
    assert "dx, differences" in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_the_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "maxpool"]) == 2
    near = "did you mean max_pool or mean_pool or p_norm_pool? All of them: conv, true_conv, "
    assert capsys.readouterr().err.startswith(f"cnngrad: there is no reference layer 'maxpool'; {near}")
    with pytest.raises(UsageError, match=r"there is no reference layer 'zzz'; All of them: conv, true_conv, "):
        explain("zzz")


def test_numbers_stand_under_their_names() -> None:
    text = beside({"x": np.array([[[1.0, -2.5]], [[3.0, 4.0]]]), "b": np.array(-0.0)})
    assert text.splitlines() == ["x          b", "   1 -2.5  0", "", "3 4"]
