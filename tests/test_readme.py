"""What the READMEs show: their code and messages are run by tests/docs; here the commands and the picture."""

from __future__ import annotations

import re

import pytest

from tests.docs import heatmaps
from tests.docs.blocks import ROOT, blocks, commands

READMES = ("README.md", "README.zh-CN.md")


@pytest.mark.parametrize("name", READMES)
def test_the_targets_of_make_exist(name: str) -> None:
    readme = (ROOT / name).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"\bmake (\w+)", " ".join(re.findall(r"`[^`]*`|\$ .*", readme)))
    assert set(targets) >= {"verify", "test", "docs"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_both_languages_show_the_same_commands() -> None:
    shown = [
        [
            line.split("#")[0].strip()
            for block in blocks((ROOT / name).read_text("utf-8"))
            for line, _ in commands(block.text)
        ]
        for name in READMES
    ]
    assert shown[0] == shown[1]


def test_the_picture_is_of_a_real_run() -> None:
    kept = heatmaps.PICTURE.read_text(encoding="utf-8")
    assert kept == heatmaps.picture(), "draw it again: python -m tests.docs.heatmaps"
    assert all(f"docs/_static/{heatmaps.PICTURE.name}" in (ROOT / name).read_text("utf-8") for name in READMES)
