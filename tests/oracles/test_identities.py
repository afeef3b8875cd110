"""The eight identities hold; each fails where the layer it speaks of is spoilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.oracles import identities
from cnngrad.oracles.identities import IDENTITIES, Identity
from tests.oracles.support import spoilt

NAMES = [
    "relu_convolution_backward",
    "kernel_gradient_sides",
    "backward_along_connections",
    "separate_correlations",
    "kernel_gradient_by_patches",
    "upsampling_keeps_the_total",
    "worked_example",
    "recursion_before_the_activation",
]
BY_NAME = {identity.name: identity for identity in IDENTITIES}


def failing(identity: Identity, seed: int = 0) -> list[str]:
    return [c.claim for c in identity.claims(np.random.default_rng(seed)) if not c.holds]


def test_there_are_eight() -> None:
    assert list(BY_NAME) == NAMES
    assert len(IDENTITIES) == 8


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_identity(name: str, seed: int) -> None:
    assert BY_NAME[name].claims(np.random.default_rng(seed))
    assert failing(BY_NAME[name], seed) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_can_fail(name: str) -> None:
    for comparison in BY_NAME[name].claims(np.random.default_rng(0)):
        wrong = comparison.left + 1 if comparison.equal else comparison.right
        assert not replace(comparison, left=wrong).holds, comparison.claim


@pytest.mark.parametrize("name", NAMES)
def test_claims_compare_with_tolerance_zero(name: str) -> None:
    assert all(comparison.bound == 0 for comparison in BY_NAME[name].claims(np.random.default_rng(0)))


def turned(values: Any) -> Any:
    """Rotated by 180 degrees."""
    return values[..., ::-1, ::-1]


def doubled(values: Any) -> Any:
    return 2 * values


def cut(values: Any) -> Any:
    """A kernel's gradient with its last row lost."""
    return values[..., :-1, :]


def swapped(values: Any) -> Any:
    """The channels, which are last, in reverse order."""
    return values[..., ::-1]


def is_true_convolution() -> Any:
    return layers.true_conv2d


# identity, the name of the layer it uses, the wrong one in its place, how many claims fall with it
SPOILT: list[tuple[str, str, Callable[[], Any], int]] = [
    ("relu_convolution_backward", "relu_conv", lambda: spoilt(layers.relu_conv, "dw", turned), 2),
    ("relu_convolution_backward", "relu_conv", lambda: spoilt(layers.relu_conv, "dx", turned), 2),
    ("relu_convolution_backward", "relu_conv", lambda: layers.conv, 4),
    ("kernel_gradient_sides", "conv2d", lambda: spoilt(layers.conv2d, "dw", cut), 4),
    ("kernel_gradient_sides", "conv2d", is_true_convolution, 2),
    ("backward_along_connections", "conv2d", lambda: spoilt(layers.conv2d, "dx", turned), 1),
    ("backward_along_connections", "conv2d", is_true_convolution, 2),
    ("backward_along_connections", "mean_pool", lambda: spoilt(layers.mean_pool, "dx", doubled), 1),
    ("separate_correlations", "channels_last_conv", lambda: spoilt(layers.channels_last_conv, "dx", swapped), 1),
    ("separate_correlations", "channels_last_conv", lambda: spoilt(layers.channels_last_conv, "y", swapped), 1),
    ("separate_correlations", "channels_last_conv", lambda: spoilt(layers.channels_last_conv, "dw", swapped), 1),
    ("kernel_gradient_by_patches", "conv2d", is_true_convolution, 3),
    ("kernel_gradient_by_patches", "true_conv", lambda: layers.conv2d, 3),
    ("upsampling_keeps_the_total", "mean_pool", lambda: spoilt(layers.mean_pool, "dx", doubled), 2),
    ("upsampling_keeps_the_total", "max_pool", lambda: spoilt(layers.max_pool, "dx", doubled), 2),
    ("worked_example", "mean_pool", lambda: spoilt(layers.mean_pool, "dx", doubled), 1),
    ("worked_example", "max_pool", lambda: spoilt(layers.max_pool, "dx", turned), 1),
    ("worked_example", "upsample_mean", lambda: lambda dy, window: 4 * layers.upsample_mean(dy, window), 1),
    ("worked_example", "upsample_max", lambda: lambda dy, place, window: layers.upsample_max(dy, 3 - place, window), 1),
    ("recursion_before_the_activation", "relu", lambda: layers.identity, 2),
    ("recursion_before_the_activation", "dense", lambda: spoilt(layers.dense, "dx", doubled), 1),
]


@pytest.mark.parametrize(("name", "layer", "wrong", "fallen"), SPOILT, ids=[f"{n}-{k}" for n, k, *_ in SPOILT])
def test_a_spoilt_side_makes_it_fail(
    monkeypatch: pytest.MonkeyPatch, name: str, layer: str, wrong: Callable[[], Any], fallen: int
) -> None:
    monkeypatch.setattr(identities, layer, wrong())
    assert len(failing(BY_NAME[name])) == fallen


def test_every_identity_has_a_spoilt_side() -> None:
    assert {name for name, *_ in SPOILT} == set(NAMES)


def test_the_worked_example_is_that_of_the_text() -> None:
    mean, best = [c.right for c in BY_NAME["worked_example"].claims(np.random.default_rng(0))][:2]
    assert mean.tolist() == [[0.25, 0.25, 0.75, 0.75]] * 2 + [[0.5, 0.5, 1.0, 1.0]] * 2
    assert best.tolist() == [[0, 0, 0, 3], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 4, 0]]
