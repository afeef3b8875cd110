"""What a configuration exercises, told from usual names; and where the report says it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.core.features import WINDOWS, features_of_sizes, role_of, windows_of
from cnngrad.report.data import GRADIENTS
from tests.wrong_at.layers import conv, mean_pool


@pytest.mark.parametrize(
    ("names", "role"),
    [
        ("n batch batch_size samples N", ("batch", "")),
        ("height h H", ("size", "h")),
        ("width W", ("size", "w")),
        ("size side length", ("size", "")),
        ("k kernel kernel_size window pool_size K filter", ("kernel", "")),
        ("kh kernel_h k_h kernel_height window_h", ("kernel", "h")),
        ("kw pool_w kernel_size_w", ("kernel", "w")),
        ("stride s S", ("stride", "")),
        ("stride_w sw", ("stride", "w")),
        ("pad padding p", ("pad", "")),
        ("pad_h ph padding_height", ("pad", "h")),
        ("dilation", ("dilation", "")),
        ("c f classes rank stride_rest large_eps hidden", ("", "")),
    ],
)
def test_what_names_mean(names: str, role: tuple[str, str]) -> None:
    assert {name: role_of(name) for name in names.split()} == dict.fromkeys(names.split(), role)


PLAIN = {"n": 1, "height": 3, "width": 3, "k": 3, "stride": 1, "pad": 0, "dilation": 1}


@pytest.mark.parametrize(
    ("change", "gained", "lost"),
    [
        ({"n": 2}, "batch > 1", ""),
        ({"stride": 2, "height": 5, "width": 5}, "stride > 1", "one window only"),
        ({"stride": 3}, "stride > 1, stride = window", "window > stride"),
        ({"stride": 4}, "stride > 1, stride > window", "window > stride"),
        ({"pad": 1}, "padding", "one window only"),
        ({"dilation": 2, "pad": 1}, "padding, dilation > 1", ""),
        ({"stride": 2, "height": 4, "width": 4}, "stride > 1, remainder", ""),
        ({"height": 4}, "H != W", "one window only"),
        ({"k": 2}, "even window", "window of 3, one window only"),
        ({"k": 1}, "stride = window, window of 1", "window of 3, one window only, window > stride"),
        ({"kw": 1}, "rectangular window", "window of 3, one window only"),
    ],
)
def test_each_feature_comes_with_its_sizes(change: dict[str, int], gained: str, lost: str) -> None:
    before, after = set(features_of_sizes(PLAIN)), set(features_of_sizes({**PLAIN, **change}))
    assert before == {"window > stride", "window of 3", "one window only"}
    assert after - before == set(filter(None, gained.split(", ")))
    assert before - after == set(filter(None, lost.split(", ")))


def test_keywords_that_are_tuples_say_one_number_an_axis() -> None:
    found = windows_of({"height": 5, "width": 4, "window": (3, 2), "stride": (1, 2), "pad": 0})
    assert [(a.size, a.kernel, a.stride) for a in found] == [(5, 3, 1), (4, 2, 2)]
    assert windows_of({"length": 5, "k": 3})[0].slack == 2


@pytest.mark.parametrize(
    "sizes", [{}, {"k": 3}, {"height": 3}, {"height": 3, "k": "same"}, {"size": 4, "k": 2, "stride": 0}, {"a": 2}]
)
def test_sizes_that_tell_no_windows_tell_none(sizes: dict[str, Any]) -> None:
    assert windows_of(sizes) == ()
    assert not set(features_of_sizes(sizes)) & set(WINDOWS)


def test_names_speak_for_themselves_where_there_are_no_windows() -> None:
    assert features_of_sizes({"height": 3, "width": 2, "stride": 2, "pad": 1}) == ("stride > 1", "padding", "H != W")


def checked(layer: cg.Layer, *arrays: Any, **options: Any) -> cg.Report:
    return cg.check(layer, *arrays, select=(GRADIENTS,), **{"effort": "quick", **options})


def test_a_report_counts_what_was_exercised_and_says_so() -> None:
    report = checked(conv)
    assert {"stride > 1", "padding", "remainder", "H != W", "even window", "batch > 1", "c > 1", "f > 1"} <= set(
        report.exercised
    )
    assert report.features == {}
    assert 0 < report.exercised["padding"] < report.totals.cases
    assert "; features met: every side 1" in str(report) or ", every side 1" in str(report)
    assert len(str(report).splitlines()) == 1
    assert '"exercised": {' in report.to_json()


def test_declared_features_are_the_ones_that_count() -> None:
    report = checked(replace(mean_pool, features={"wide": lambda p: p.d.width > 4, "never": lambda p: False}))
    assert (set(report.features), report.exercised) == ({"wide", "never"}, {})
    assert report.missing_features == ("never",)
    assert str(report).endswith("; features met: wide")


def test_what_is_not_exercised_fails_nobody() -> None:
    layer = cg.Layer(lambda x: (3 * x, lambda dy: (3 * dy,)), ("x",), "triple", batch_axis=0)
    alone = checked(layer, np.array([[1.0, -2.0]]))
    assert (alone.ok, alone.exercised) == (True, {})
    assert "features met" not in str(alone)
    assert checked(layer, np.array([[1.0], [-2.0]])).exercised["batch > 1"] == 3
    assert checked(layer, shapes={"x": (1, 1)}).exercised == {"every side 1": 2}
