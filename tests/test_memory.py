"""Failing cases are remembered by layer and check, tried first, and forgotten one by one as they pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnngrad as cg
from cnngrad.core.case import Case
from cnngrad.memory import FOLDER, folder, key_of, recall, remember
from cnngrad.report.data import GRADIENTS

DIMS: dict[str, Any] = {"dims": {"n": (1, 3), "d": (1, 4)}, "shapes": lambda d: {"x": (d.n, d.d)}}
NAMES = (GRADIENTS, "backward_is_linear_in_dy")
wrong_from = {"n": 9}  # from which n on the layer below is wrong: its text stays the same while it is mended


def cubic(x: Any) -> Any:
    factor = 2 if len(x) >= wrong_from["n"] else 1
    return x**3, lambda dy: (factor * 3 * x**2 * dy,)


def other_cubic(x: Any) -> Any:
    return cubic(x)


@pytest.fixture(autouse=True)
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A memory of its own for every test."""
    monkeypatch.setenv("CNNGRAD_MEMORY", str(tmp_path / "memory"))
    monkeypatch.setitem(wrong_from, "n", 9)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "memory"


def layer_of(vjp: Callable[..., Any] = cubic, name: str = "cubic", **facts: Any) -> cg.Layer:
    return cg.Layer(vjp, ("x",), name, **{**DIMS, **facts})


def run(layer: cg.Layer, *arrays: Any, **options: Any) -> cg.Report:
    facts = {"select": (GRADIENTS,), "effort": "quick", "raise_on_failure": False, "diagnose": False, **options}
    return cg.check(layer, *arrays, **facts)


def entries(where: Path) -> list[dict[str, str]]:
    return [json.loads(path.read_text()) for path in sorted(where.glob("*"))]


def test_a_failure_is_remembered_tried_first_and_forgotten(where: Path) -> None:
    layer = layer_of()
    assert run(layer).ok
    assert not where.exists()
    wrong_from["n"] = 2
    first = run(layer)
    assert "tried first" not in str(first)
    assert entries(where) == [{"layer": "cubic", "check": GRADIENTS, "case": str(first.failures[0].case)}]
    again = run(layer, seed=5)
    assert again.cases == (first.failures[0].case,)
    assert str(again).endswith("\n  this failed before, so it was tried first")
    wrong_from["n"] = 9
    mended = run(layer)
    assert mended.ok
    assert mended.cases[0] == first.failures[0].case
    assert "tried first" not in str(mended)
    assert entries(where) == []
    assert run(layer).cases[0] != first.failures[0].case


def test_a_pass_deletes_that_entry_only(where: Path) -> None:
    layer = layer_of()
    for n, check in ((1, GRADIENTS), (3, GRADIENTS), (1, "backward_is_linear_in_dy")):
        remember(layer, check, Case((("n", n), ("d", 1)), values="normal"))
    remember(layer_of(name="another"), GRADIENTS, Case((("n", 1), ("d", 1)), values="normal"))
    wrong_from["n"] = 3
    assert run(layer, case="n=1 d=1 values=normal seed=0").ok
    left = {(entry["layer"], entry["check"], entry["case"][:3]) for entry in entries(where)}
    assert left == {
        ("another", GRADIENTS, "n=1"),
        ("cubic", "backward_is_linear_in_dy", "n=1"),
        ("cubic", GRADIENTS, "n=3"),
    }
    assert run(layer).status == "failed"
    assert run(layer_of(name="another", where=lambda d: d.n < 3)).ok
    assert {entry["layer"] for entry in entries(where)} == {"cubic"}


def test_a_point_that_cannot_be_judged_deletes_nothing(where: Path) -> None:
    zero = layer_of(lambda x: (0 * x, lambda dy: (0 * dy,)), "zero")
    remember(zero, GRADIENTS, Case((("n", 1), ("d", 1))))
    assert run(zero).status == "inconclusive"
    assert len(entries(where)) == 1


def closing_over(number: int) -> Callable[..., Any]:
    return lambda x: (number * x, lambda dy: (number * dy,))


def scaled(number: int, x: Any) -> Any:
    return number * x, lambda dy: (number * dy,)


def test_every_layer_has_a_key_of_its_own() -> None:
    pair = {
        "inputs": ("x",),
        "forward_returns": ("y", "cache"),
        "backward_takes": ("dy", "cache"),
        "backward_returns": ("x",),
    }
    layers = [
        layer_of(),
        layer_of(name="cubic2"),
        layer_of(other_cubic),
        layer_of(closing_over(2), "by"),
        layer_of(closing_over(3), "by"),
        layer_of(partial(scaled, 3), "by"),
        layer_of(partial(scaled, 4), "by"),
        cg.from_functions(np.sin, np.cos, name="pair", **pair),
        cg.from_functions(np.cos, np.sin, name="pair", **pair),
        cg.from_functions(lambda x: (x, x), np.sin, name="pair", **pair),
    ]
    keys = [key_of(layer) for layer in layers]
    assert len(set(keys)) == len(keys)
    assert key_of(layer_of(closing_over(2), "by")) == keys[3]
    assert key_of(layer_of(dims={"n": (1, 9), "d": (1, 9)})) == keys[0]
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.") for key in keys)
    assert key_of(layer_of(name="a/b c")).startswith("a_b_c-")


def test_what_the_layer_no_longer_declares_is_kept_and_not_tried(where: Path) -> None:
    for n in (1, 3):
        remember(layer_of(), GRADIENTS, Case((("n", n), ("d", 2))))
    for narrower in ({"dims": {"n": (1, 2), "d": (1, 4)}}, {"where": lambda d: d.n < 3}):
        assert [entry.case.sizes["n"] for entry in recall(layer_of(**narrower), NAMES)[0]] == [1]
    renamed = layer_of(dims={"m": (1, 3)}, shapes=lambda d: {"x": (d.m,)})
    assert recall(renamed, NAMES) == ([], ())
    assert recall(layer_of(), ("inputs_are_unchanged",)) == ([], ())
    assert len(entries(where)) == 2


def test_shapes_given_by_hand_are_remembered_for_those_shapes(where: Path) -> None:
    bare = cg.Layer(cubic, ("x",), "cubic")
    wrong_from["n"] = 2
    report = run(bare, shapes={"x": (2, 2)})
    assert [entry["case"] for entry in entries(where)] == [str(report.failures[0].case)]
    assert "x=(2,2)" in entries(where)[0]["case"]
    assert "tried first" in str(run(bare, shapes={"x": (2, 2)}))
    assert run(bare, shapes={"x": (1, 2)}).ok
    assert len(entries(where)) == 1


def test_the_users_own_arrays_are_not_remembered_here(where: Path) -> None:
    wrong_from["n"] = 2
    report = run(layer_of(), np.ones((2, 2)))
    assert report.status == "failed"
    assert not where.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"check": "x"}', '{"check": "x", "case": "n=many"}', "\xff\x00"])
def test_a_damaged_file_is_ignored_with_a_note(where: Path, text: str) -> None:
    layer = layer_of()
    where.mkdir()
    path = where / f"{key_of(layer)}-{GRADIENTS}-0.json"
    path.write_bytes(text.encode("latin-1"))
    report = run(layer)
    assert report.ok
    assert str(report).endswith(f"\n  {path} is no remembered case and was ignored; delete it")
    assert path.exists()


@pytest.mark.parametrize("blocked", ["memory", "memory/failures"])
def test_a_folder_that_cannot_be_written_is_no_error(
    where: Path, blocked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = where.parent / blocked.split("/")[0]
    file.write_text("a file in the place of a folder")
    monkeypatch.setenv("CNNGRAD_MEMORY", str(where.parent / blocked))
    wrong_from["n"] = 2
    assert run(layer_of()).status == "failed"
    assert file.read_text() == "a file in the place of a folder"


@pytest.mark.parametrize("word", ["off", "OFF", "0", "no", " false "])
def test_memory_can_be_switched_off(where: Path, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNGRAD_MEMORY", word)
    wrong_from["n"] = 2
    assert run(layer_of()).status == "failed"
    assert folder() is None
    assert list(where.parent.iterdir()) == []


def test_the_usual_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CNNGRAD_MEMORY")
    assert folder() == FOLDER == Path(".cnngrad/failures")
    wrong_from["n"] = 2
    run(layer_of())
    assert len(list((tmp_path / ".cnngrad" / "failures").iterdir())) == 1


@settings(max_examples=3)
@given(st.integers(0, 9))
def test_inside_a_given_test_nothing_is_remembered(seed: int) -> None:
    wrong_from["n"] = 2
    assert run(layer_of(), seed=seed).status == "failed"
    memory = folder()
    assert memory is not None
    assert not memory.exists()


def test_a_forward_that_breaks_where_it_failed_before_is_told_as_ever(where: Path) -> None:
    remember(layer_of(), GRADIENTS, Case((("n", 3), ("d", 1))))

    def breaks(x: Any) -> Any:
        if len(x) == 3:
            raise ValueError("three")
        return x**3, lambda dy: (3 * x**2 * dy,)

    breaks.__qualname__ = "cubic"
    report = run(layer_of(breaks))
    assert report.status == "error"
    assert "where=lambda d: not (d.n == 3)" in str(report)
