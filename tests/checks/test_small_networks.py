"""A right network is never called wrong, also where its cost is 1e-12 and rounds in steps of 1e-16."""

from __future__ import annotations

import pytest

from cnngrad.checks import gradients
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from tests.checks.judging import spoilt
from tests.checks.small_networks import SMALL_NETWORKS

SLOW = [pytest.param(rule, marks=pytest.mark.integration) for rule in ("kink", "saturated", "scale:1e-3", "scale:1e3")]
RULES = ("lattice", "normal", "integers", *SLOW)
# Where the rounding inside was once taken for a slope of 0, a plateau for the derivative, or an accident for exactness.
UNLUCKY = {
    "relu, max_pool, softmax_cross_entropy": ("lattice 0", "lattice 18", "normal 1", "kink 5", "kink 7"),
    "relu, mean_pool, softmax_cross_entropy": ("kink 12",),
    "tanh, max_pool, softmax_cross_entropy": ("integers 24",),
    "tanh, mean_pool, softmax_cross_entropy": ("integers 8", "integers 9", "saturated 12"),
    "sigmoid, max_pool, softmax_cross_entropy": ("integers 24", "saturated 1"),
    "sigmoid, max_pool, half_squared_error": ("integers 3",),
    "sigmoid, mean_pool, softmax_cross_entropy": ("integers 16", "integers 18", "saturated 2", "saturated 12"),
}


def failed(net: Layer, rule: str, seed: int) -> set[str]:
    results = gradients.CHECK.run(net, Case(values=rule, seed=seed).point(net))
    return {result.input for result in results if result.status == Status.FAILED}


@pytest.mark.integration
def test_unlucky_points() -> None:
    for name, points in UNLUCKY.items():
        for rule, seed in (point.split() for point in points):
            assert not failed(SMALL_NETWORKS[name], rule, int(seed)), (name, rule, seed)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule(rule: str) -> None:
    for name, net in SMALL_NETWORKS.items():
        assert not failed(net, rule, 1000), name


@pytest.mark.usefixtures("without_places")
@pytest.mark.parametrize("wrong", [lambda right: -right, lambda right: 1.01 * right, lambda right: 0 * right])
def test_a_wrong_one_is_still_seen(wrong: object) -> None:
    for name, net in SMALL_NETWORKS.items():
        bad = spoilt(net, **{"C1.w": lambda seen: wrong(getattr(seen.right, "C1.w"))})  # type: ignore[operator]  # called
        assert failed(bad, "normal", 1000) == {"C1.w"}, name
