"""What the README shows is what happens: its code runs, and its message is the one that is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnngrad.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_code_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, names)
    printed = capsys.readouterr().out
    assert "gradients_match_forward failed for W" in printed
    assert re.search(r"^True \d+$", printed, re.MULTILINE)
    assert callable(names["test_conv"])


def test_the_message_is_the_one_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    (shown,) = blocks("text")
    assert main(["check", "examples/classes/layers.py:wrong"]) == 1
    assert capsys.readouterr().out.strip() == shown.strip()


def test_the_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\$ make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
