"""Where a gradient is wrong, which side is off, and the page that a reader is sent to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.checks.oracle import wrong_side
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.core.result import Where
from cnngrad.diagnosis import diagnosis_of, pages
from cnngrad.runner import check
from tests.diagnosis.planted import PLANTED, Planted, failing_point


def spoiled(layer: Layer, name: str, wrong: Callable[..., Any]) -> Layer:
    return Planted(layer, name, wrong, PLANTED[0].family, "").spoiled


def where(layer: Layer, name: str) -> Where:
    found = diagnosis_of(layer, failing_point(layer, name), name).where
    assert found is not None
    return found


def only_with_stride(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
    return g * (3 if any(s > 1 and t > 1 for s, t in zip(c["stride"], y.shape[2:], strict=True)) else 1)


def last_channel(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
    wrong = np.array(g)
    wrong[:, -1] *= 2
    return wrong


def twice_at_zero(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
    return np.where(v["x"] == 0, 2 * dy, g)


@pytest.mark.parametrize(
    ("layer", "name", "wrong", "entries", "only"),
    [
        (layers.dense, "w", lambda g, dy, y, v, c: 2 * g, "every entry", ()),
        (layers.dense, "w", lambda g, dy, y, v, c: g / len(dy), "every entry", ("batch > 1",)),
        (layers.max_pool, "x", only_with_stride, "every entry", ("stride > 1",)),
        (
            layers.softmax,
            "z",
            lambda g, dy, y, v, c: last_channel(g, dy, y, v, c),
            "only the last entry along axis 1",
            (),
        ),
        (layers.mean_pool, "x", last_channel, "only the last channel", ()),
        (layers.relu, "x", lambda g, dy, y, v, c: np.where(v["x"] > 0, g, dy), "only entries where x <= 0", ()),
        (layers.relu, "x", twice_at_zero, "only entries at a kink of the forward", ("zeros",)),
    ],
)
def test_the_entries_and_the_condition(
    layer: Layer, name: str, wrong: Callable[..., Any], entries: str, only: tuple[str, ...]
) -> None:
    found = where(spoiled(layer, name, wrong), name)
    assert found.entries == entries
    assert found.only == only
    assert found.smallest
    assert 0 < found.failing <= found.such <= found.tried


def test_entries_of_no_pattern_are_counted() -> None:
    def some(g: Any, dy: Any, y: Any, v: Any, c: Any) -> Any:
        return g * (1 + (np.arange(g.size) % 3 == 1)).reshape(g.shape)

    assert " entries in " in where(spoiled(layers.dense, "w", some), "w").entries


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (Where(), ""),
        (Where("every entry", (), 7, 7, 7), "every entry, at all 7 points tried"),
        (Where("", (), 3, 7, 7), "at 3 of 7 points tried"),
        (
            Where(
                "only the border",
                ("padding",),
                3,
                4,
                9,
                True,
                "the forward is that of plain loops: the backward is off",
            ),
            "only the border, only with padding (3 of 4 such points, none of 5 others); this is the smallest "
            "configuration that fails; the forward is that of plain loops: the backward is off",
        ),
    ],
)
def test_the_words(seen: Where, text: str) -> None:
    assert str(seen) == text


POINT = Case((("n", 2), ("features", 3), ("outputs", 2)), values="normal").point(layers.dense)


def test_a_named_mistake_of_the_backward_does_not_blame_the_forward() -> None:
    def unmasked(x: Any, w: Any, b: Any) -> Any:
        return np.maximum(x @ w.T + b, 0), layers.dense.vjp(x, w, b)[1]

    layer = replace(layers.dense, vjp=unmasked)
    assert wrong_side(layer, POINT) == "the gradients are those of connection matrix: the forward is off"
    found = check(layer, effort="quick", select=("gradients_match_forward",), raise_on_failure=False).failures[0]
    assert "the mask" in found.suspects[0].mistake
    assert found.where is not None
    assert found.where.side == ""


def test_the_report_says_where_and_links_the_derivation() -> None:
    wrong = spoiled(layers.dense, "w", lambda g, dy, y, v, c: g / len(dy))
    report = check(wrong, select=("gradients_match_forward",), raise_on_failure=False)
    text = str(report)
    assert "; see docs/derivations/dense\n  where: every entry, only with batch > 1 (" in text
    assert "; this is the smallest configuration that fails; the forward is that of connection matrix:" in text
    (suspect, *_) = report.failures[0].suspects
    assert (suspect.family, suspect.link) == ("constant factor", "docs/derivations/dense")
    told = report.failures[0].to_dict()
    assert told["where"]["only"] == ("batch > 1",)
    assert told["suspects"][0]["family"] == "constant factor"
    assert len(text.splitlines()) <= 15


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("Conv2D", "conv"),
        ("AffineLayer", "dense"),
        ("avg_pool", "mean_pool"),
        ("MaxPooling", "max_pool"),
        ("BatchNorm1d", "batch_norm"),
        ("SoftmaxCrossEntropy", "softmax_cross_entropy"),
        ("MSELoss", "half_squared_error"),
        ("relu_conv", "relu_conv"),
        ("gadget", ""),
    ],
)
def test_the_page_a_layer_resembles(name: str, page: str) -> None:
    assert pages.page_of(Layer(lambda x: None, ("x",), name)) == page


def test_every_reference_layer_has_its_own_page() -> None:
    assert {layer.name: pages.page_of(layer) for layer in layers.ALL} == {
        layer.name: layer.name for layer in layers.ALL
    }


def test_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_documentation", lambda: "")
    assert pages.address("conv") == "docs/derivations/conv"
    assert pages.address("") == "docs/derivations"
    monkeypatch.setattr(pages, "_documentation", lambda: "https://example.org/docs/")
    assert pages.address("conv") == "https://example.org/docs/derivations/conv"
