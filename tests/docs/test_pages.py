"""The pages: one for every derivation, pictures drawn from the layers, and code blocks that somebody runs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

import cnngrad as cg
from cnngrad import layers
from tests.docs.blocks import PAGES, ROOT, Block, agrees, blocks, commands, run

DERIVATIONS = ROOT / "docs" / "derivations"


def test_every_derivation_has_a_page_with_its_own_numbers() -> None:
    index = (DERIVATIONS / "index.md").read_text(encoding="utf-8")
    for layer in layers.ALL:
        page = (DERIVATIONS / f"{layer.name}.md").read_text(encoding="utf-8")
        assert f"\n{layer.name}\n" in index, layer.name
        for directive in ("numbers", "held-by"):
            assert re.findall(rf"```{{{directive}}} (.*)", page) == [layer.name], layer.name
        assert "## Forward\n\n$$" in page, layer.name
        assert "## Backward\n\n$$" in page, layer.name
        assert "seed 00" in page or "seeds 00" in page or "not in the source texts" in page, layer.name


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    return importlib.import_module("pictures")


def grid(drawing: str, name: str) -> list[str]:
    """The texts in the cells of one map of a picture."""
    after = drawing.split(f">{name}</text>")[1].split('class="name"')[0]
    return re.findall(r"<text [^>]*>([^<]*)</text>", after)


def test_pictures_show_what_the_layers_do(pictures: Any) -> None:
    drawings = {name: draw() for name, draw in pictures.PICTURES.items()}
    assert grid(drawings["conv"], "x") == ["1", "2", "3", "4"]
    assert grid(drawings["conv"], "dy") == ["4", "3", "2", "1"]  # the kernel, rotated
    assert grid(drawings["true_conv"], "x") == ["4", "3", "2", "1"]
    assert grid(drawings["true_conv"], "dy") == ["1", "2", "3", "4"]
    assert grid(drawings["conv_stride"], "dy") == ["9", "7", "3", "1"]  # the corners of a 3 x 3 kernel, rotated
    assert grid(drawings["relu_conv"], "dy") == ["2", "1"]
    assert grid(drawings["mean_pool"], "dx") == ["a/4", "a/4", "b/4", "b/4"] * 2 + ["c/4", "c/4", "d/4", "d/4"] * 2
    assert grid(drawings["max_pool"], "dx") == ["b", "a", "c", "d"]
    assert grid(drawings["max_pool_overlap"], "dx") == ["c", "a+b+d+e", "f"]
    assert grid(drawings["p_norm_pool"], "dx") == ["0.6a", "0.6b", "0.8b", "-0.8a"]
    assert grid(drawings["flatten"], "dx") == ["a", "c", "e", "b", "d", "f"]
    shown = {name for page in PAGES for name in re.findall(r"```{picture} (.*)", (ROOT / page).read_text("utf-8"))}
    assert shown == set(drawings)
    assert all(drawing.startswith("<svg ") and "http" not in drawing[40:] for drawing in drawings.values())


# The finder and runner of code blocks.


def test_blocks_are_found() -> None:
    page = "```python\nx = 1\n```\n```text\nout\n```\n```{code-block} cpp\n:caption: a.cpp\n\nint a;\n```\n"
    assert [(block.kind, block.text, block.file) for block in blocks(page)] == [
        ("python", "x = 1\n", ""),
        ("file", "int a;\n", "a.cpp"),
    ]


@pytest.mark.parametrize("head", ["bash", "", "{code-block} python", "cpp", "{literalinclude} x.py"])
def test_code_that_nobody_would_run_is_refused(head: str) -> None:
    with pytest.raises(ValueError, match="nobody runs this block"):
        blocks(f"```{head}\ncode\n```\n")


def test_output_is_held_against_what_is_shown(tmp_path: Path) -> None:
    session = Block("python", ">>> x = 2\n>>> x + 1\n3\n", 0)
    assert run(session, tmp_path, {}).text == session.text
    wrong = Block("python", ">>> x = 2\n>>> x + 1\n4\n", 0)
    assert not agrees(wrong.text, run(wrong, tmp_path, {}).text)
    assert commands("$ one\nout\n$ two\n") == [("$ one\n", "out\n"), ("$ two\n", "")]
    assert agrees("passed in ...s\n", "passed in 0.1s\n")
    shown = Block("console", "$ echo yes\nno\n", 0)
    assert run(shown, tmp_path, {}).text == "$ echo yes\nyes\n"
    with pytest.raises(AssertionError, match="complains"):
        run(Block("console", "$ echo complains >&2\n", 0), tmp_path, {})


def test_every_page_has_only_blocks_that_are_run() -> None:
    found = {page: len(blocks((ROOT / page).read_text(encoding="utf-8"), (ROOT / page).parent)) for page in PAGES}
    assert sum(found.values()) > 30
    assert found["README.md"] >= 5


def test_every_public_name_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    missing = [name for name in cg.__all__ if f":: cnngrad.{name}\n" not in page and not name.startswith("__")]
    assert missing == []


def test_all_measured_tables_are_shown() -> None:
    page = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    results = sorted((ROOT / "benchmarks" / "results").glob("*.md"))
    assert results
    for path in results:
        assert f"```{{include}} ../benchmarks/results/{path.name}\n" in page, path.name


def test_the_links_of_the_readmes_lead_somewhere() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        links = re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text(encoding="utf-8"))
        assert len(links) > 5
        assert [link for link in links if not (ROOT / link).exists()] == [], name
