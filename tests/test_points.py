"""What is varied around a user's own arrays or shapes, and what is said of what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.points import around
from cnngrad.report.data import GRADIENTS

X = np.array([[0.5, 1.5, 2.0], [1.0, 3.0, 0.25]])
SHAPES: dict[str, Any] = {"shapes": {"x": (2, 3)}}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def judged(vjp: Callable[..., Any], *arrays: Any, **options: Any) -> cg.Report:
    facts = {name: options.pop(name) for name in ("batch_axis", "domain", "draw") if name in options}
    layer = cg.Layer(vjp, ("x",), "layer", **facts)
    return cg.check(layer, *arrays, raise_on_failure=False, diagnose=False, **options)


def cut_sigmoid(x: Any) -> Any:
    y = 1 / (1 + np.exp(-x))
    return y, lambda dy: (np.where(np.abs(x) > 4, 0, dy * y * (1 - y)),)


def relu_without_mask(x: Any) -> Any:
    return np.maximum(x, 0), lambda dy: (1.0 * dy,)


def clipping(x: Any) -> Any:
    return 3 * x, lambda dy: (3 * np.clip(dy, -5, 5),)


def wrong_for_one(x: Any) -> Any:
    return x**2, lambda dy: (dy * x * (4 if len(x) == 1 else 2),)


def wrong_for_three(x: Any) -> Any:
    return x**2, lambda dy: (dy * x * (4 if len(x) == 3 else 2),)


@pytest.mark.parametrize("vjp", [cut_sigmoid, relu_without_mask, clipping, wrong_for_one, wrong_for_three])
def test_from_shapes_alone_values_scale_sign_batch_and_dy_are_varied(vjp: Callable[..., Any]) -> None:
    assert judged(vjp, batch_axis=0, **SHAPES).status == "failed"


@pytest.mark.parametrize("vjp", [cut_sigmoid, relu_without_mask, clipping, wrong_for_one])
def test_at_arrays_scale_sign_batch_and_dy_are_varied(vjp: Callable[..., Any]) -> None:
    report = judged(vjp, X, batch_axis=0)
    assert report.status == "failed"
    theirs = "found at values that are not yours: x of both signs and x up to 16; if x is never such, declare where it"
    assert (theirs in str(report)) == (vjp in (cut_sigmoid, relu_without_mask))
    assert judged(vjp, case=str(report.failures[0].case)).status == "failed"


def test_one_sample_gets_another_beside_it() -> None:
    layer = cg.Layer(lambda x, w: (x @ w, lambda dy: (dy @ w.T, x.T @ dy)), ("x", "w"), "dense", batch_axis=0)
    shapes = [p["x"].shape for p in around(layer, (X[:1], np.ones((3, 2))), {}, 0, "normal")]
    assert shapes == [(1, 3), (1, 3), (1, 3), (1, 3), (1, 3), (2, 3)]
    assert [p["x"].shape for p in around(layer, (X[:1], np.ones((3, 2))), {}, 0)] == [(1, 3)] * 3
    assert [p["x"].shape for p in around(layer, (X[:1], np.ones((3, 1))), {}, 0, "normal")] == [(1, 3)] * 5


def test_a_number_of_samples_that_the_layer_refuses_is_not_tried() -> None:
    def pairs(x: Any) -> Any:
        if len(x) % 2:
            raise ValueError("samples come in pairs")
        return x**2, lambda dy: (2 * dy * x,)

    assert judged(pairs, X, batch_axis=0).ok
    assert judged(pairs, batch_axis=0, **SHAPES).ok


def test_domain_and_draw_are_kept_to() -> None:
    log = lambda x: (np.log(x), lambda dy: (dy / x,))  # noqa: E731 - short as a user writes it
    within = cg.Layer(log, ("x",), "log", domain={"x": (0, np.inf)}, batch_axis=0, **SHAPES)
    drawn = cg.Layer(log, ("x",), "log", draw={"x": lambda rng, shape, d: rng.uniform(1, 2, shape)}, **SHAPES)
    for layer, lowest in ((within, 0.0), (drawn, 1.0)):
        report = cg.check(layer, select=(GRADIENTS,))
        assert len(report.cases) >= 5
        assert all((case.point(layer)["x"] > lowest).all() for case in report.cases)


@pytest.mark.parametrize("wrong", [0.0, -1.0, 9.0, np.nan])
def test_numbers_outside_the_domain_are_refused(wrong: float) -> None:
    said = rf"layer: x holds {wrong:g}, and domain\['x'\] is the open interval \(0, 9\): pass numbers inside it, or"
    square = lambda x: (x**2, lambda dy: (2 * x * dy,))  # noqa: E731 - short as a user writes it
    with pytest.raises(cg.UsageError, match=said):
        judged(square, np.array([1.0, wrong]), domain={"x": (0, 9)})
    assert judged(square, np.array([1.0, 8.5]), domain={"x": (0, 9)}).ok


def refusing(x: Any) -> Any:
    if (x < 0).any():
        raise ValueError("not below 0")
    return x**2, lambda dy: (2 * dy * x,)


def clipped(p: Any) -> Any:
    return -np.log(np.clip(p, 1e-7, 1)), lambda dy: (-dy / p,)


POSITIVE: list[tuple[Callable[..., Any], Any, str]] = [
    (lambda x: (np.log(x), lambda dy: (dy / x,)), X, "x up to 16 and x a thousandth in size"),
    (lambda x: (np.sqrt(x), lambda dy: (dy / np.sqrt(x) / 2,)), X, "x up to 16 and x a thousandth in size"),
    (refusing, X, "x up to 16 and x a thousandth in size"),
    (clipped, X / 4, ""),  # probabilities
]


@pytest.mark.parametrize(("vjp", "x", "tried"), POSITIVE)
def test_layers_for_positive_numbers_pass_at_positive_numbers(vjp: Callable[..., Any], x: Any, tried: str) -> None:
    report = judged(vjp, x)
    assert report.ok, str(report)
    assert "  x was given with entries of one sign only, so nothing was seen of the others: shapes={" in str(report)
    assert "tried beside your values" not in str(report) if not tried else f"values: {tried}\n" in str(report)


def test_what_was_varied_is_said() -> None:
    relu = lambda x: (np.maximum(x, 0), lambda dy: (dy * (x > 0),))  # noqa: E731 - short as a user writes it
    said, varied = "  x was given with entries of one sign only", "\n  tried beside your values: "
    report = str(judged(relu, X))
    assert f"{varied}x of both signs, x up to 16 and x a thousandth in size" in report
    assert said not in report
    assert f"{varied}x up to 16 and x a thousandth in size" in str(judged(relu, X - 1))
    assert f"{varied}x a thousandth in size" in str(judged(relu, 100 * X - 100))
    assert said in str(judged(relu, X, effort="quick"))
    for unvaried in (judged(relu, X, effort="quick"), judged(relu, X, domain={"x": (0, 9)}), judged(relu, **SHAPES)):
        assert varied not in str(unvaried)
    assert said not in str(judged(relu, X, domain={"x": (0, 9)}))
    assert varied not in str(judged(lambda x: (x**2, lambda dy: (dy * x,)), X))  # the first point is the last
    assert said not in str(judged(relu, **SHAPES))


def test_exhaustive_is_all_and_says_so() -> None:
    layer = cg.Layer(
        lambda x: (x**2, lambda dy: (2 * dy * x,)),
        ("x",),
        "square",
        dims={"n": (1, 3), "d": (1, 4)},
        shapes=lambda d: {"x": (d.n, d.d)},
        where=lambda d: d.n != d.d,
    )
    report = cg.check(layer, effort="exhaustive", select=(GRADIENTS,))
    assert "\n  exhaustive: all 9 configurations of dims were judged" in str(report)
    assert {case.dims for case in report.cases} == {
        (("n", n), ("d", d)) for n in range(1, 4) for d in range(1, 5) if n != d
    }
    for effort in ("quick", "normal"):
        assert "exhaustive" not in str(cg.check(layer, effort=effort, select=(GRADIENTS,)))
    one = str(report.cases[0])
    assert "exhaustive" not in str(cg.check(layer, effort="exhaustive", select=(GRADIENTS,), case=one))
