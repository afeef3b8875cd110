"""What is said of mistakes out of the blind sets, and of the other ways in which the same can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.core.layer import Layer
from cnngrad.runner import check
from tests.diagnosis.planted import Planted
from tests.diagnosis.planted_networks import again, net, pooled, power_of_the_variance
from tests.mistakes.eighth import EIGHTH
from tests.mistakes.fifth import FIFTH
from tests.mistakes.ninth import NINTH
from tests.mistakes.seventh import SEVENTH
from tests.mistakes.sixth import SIXTH

pytestmark = pytest.mark.integration  # some seconds

MISTAKE = {mistake.name: mistake for mistake in (*FIFTH, *SIXTH, *SEVENTH, *EIGHTH, *NINTH)}
# The mistake, how its first suspect begins, and a part of what it says to change.
SAID = (
    ("sixth_dense_db_sum_of_everything", "the gradient of b is one sum over everything", "axis=(0, 2, 3) for maps"),
    ("ninth_area_of_a_square", "dy is divided by the first side of the window, squared", "what the forward divides by"),
    ("eighth_mean_over_stride_area", "dy is divided by the product of the strides", "what the forward divides by"),
    ("eighth_mean_one_stride_for_all", "in the gradient of x the stride of the first axis is used", "own stride"),
    ("eighth_scatter_last_stride_for_all", "in the gradient of x the stride of the last axis is used", "own stride"),
    ("eighth_rot90_without_axes", "the gradient of x is computed with w turned round along other axes", "np.rot90"),
    ("eighth_neuron_weights_and_inputs_swapped", "what is returned for w is the gradient of x", "multiply by x"),
    ("sixth_batch_norm_matlab_var", "the variance is divided by N - 1, in the forward by N", "dx = γ/σ"),
    ("eighth_variance_power_minus_half", "the path through the variance lacks 1/σ²", "dx = γ/σ"),
    ("sixth_perceptron_slope_not_renewed", "the slope f' of the layer of H1.b is that of the next layer", "own values"),
    ("eighth_dw_from_pre_activation", "the gradient of H2.w takes the layer's input before its", "activation's output"),
    ("eighth_unflattened_channels_last", "the gradient of x takes dy as if the channels came last", "move no axis"),
    ("sixth_sigmoid_net_decay_averaged", "the term 0.25 C1.w dE is missing", "the whole of its derivative"),
    ("ninth_tanh_unsquared", "the derivative is 1 - y", "f' = 1 - y²"),
    ("sixth_flatten_features_by_batch", "dy, in the gradient of x, is reshaped", "take the one for the other"),
    ("ninth_dx_keeps_last_kernel", "the gradient of x takes only the last entry of axis 1 of dy", "(+=)"),
    ("ninth_hidden_slope_forgotten", "the slope f' of the layer of F1.b is missing", "own values"),
    ("ninth_slope_twice_in_dx", "a(1 - a) is multiplied in twice", "dx = δ w"),
    ("ninth_full_pads_k", "in the gradient of x everything is one entry too far", "kernel - 1 zeros"),
    ("seventh_conv2d_col2im_by_fancy_index", "the gradient of x is assigned where windows overlap", "np.add.at"),
)  # fmt: skip  # a table: what belongs together stays on one line


def said(layer: Layer) -> tuple[str, str]:
    report = check(layer, effort="quick", select=("gradients_match_forward",), raise_on_failure=False)
    lead = report.failures[0].suspects[0]
    return lead.mistake, lead.advice


@pytest.mark.parametrize(("name", "mistake", "advice"), SAID, ids=[name for name, *_ in SAID])
def test_what_is_said_first(name: str, mistake: str, advice: str) -> None:
    found = said(MISTAKE[name].wrong)
    assert found[0].startswith(mistake)
    assert advice in found[1]


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (lambda rank: (1,), "channels"),
        (lambda rank: (0,), "samples"),
        (lambda rank: (0, 1), "samples and channels"),
        (lambda rank: tuple(range(2, rank)), "windows of its map"),
        (lambda rank: tuple(range(rank)), "windows"),
    ],
)
def test_over_what_else_a_maximum_was_sought(axes: Callable[[int], tuple[int, ...]], words: str) -> None:
    def spoil(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
        return pooled(v, dy * (y == y.max(axis=axes(y.ndim), keepdims=True)), c)

    mistake, _ = said(Planted(layers.max_pool, "x", spoil, len, "").spoiled)
    assert mistake == f"a maximum gets dy only where it is the largest of all {words}"


@pytest.mark.parametrize(
    ("power", "words"),
    [(1.5, "(var + ε)^(-3/4)"), (2.0, "1/σ², as with x - μ"), (4.0, "1/σ⁴"), (6.0, "1/σ⁶"), (-3.0, "σ³")],
)
def test_which_power_the_path_through_the_variance_has(power: float, words: str) -> None:
    def spoil(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
        return power_of_the_variance(v, dy, c, power)

    mistake, _ = said(Planted(layers.batch_norm, "x", spoil, len, "").spoiled)
    assert mistake.startswith(f"the path through the variance has {words}")


def test_a_share_divided_by_the_last_side_squared() -> None:
    def spoil(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
        return g * np.prod(c["window"]) / c["window"][-1] ** len(c["window"])

    mistake, _ = said(Planted(layers.mean_pool, "x", spoil, len, "").spoiled)
    assert mistake.startswith("dy is divided by the last side of the window, squared, not by the number of entries")


def test_a_slope_of_a_hidden_layer_that_is_multiplied_in_twice() -> None:
    def spoil(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
        return dy * again(v, H2_z=lambda s: s.right.z * (1 - np.tanh(s.z) ** 2))["H1.b"]

    mistake, _ = said(Planted(net, "H1.b", spoil, len, "").spoiled)
    assert mistake == "the slope f' of the layer of H1.b is multiplied in twice, in the gradient of H1.b"
