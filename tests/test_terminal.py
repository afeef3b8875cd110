"""Colours and progress: there where somebody looks at a terminal, and nowhere else; the words stay the same."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnngrad.cli import progress
from cnngrad.cli.progress import watching
from cnngrad.cli.terminal import say
from tests.report.results import ROTATED, failure, report, result

ROOT = Path(__file__).parents[1]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.StringIO):
    """What a terminal would be sent."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def colourful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


def said(text: object, stream: io.StringIO) -> str:
    say(text, stream)
    return stream.getvalue()


WRONG = report(failure(suspects=(ROTATED,), reproduce="cnngrad check [red]x.py:y[/red] " + "long " * 60))


def test_colours_on_a_terminal_change_no_word() -> None:
    plain, coloured = (str(each) for each in (said(WRONG, io.StringIO()), said(WRONG, Terminal())))
    assert "\x1b" not in plain
    assert ESCAPE.sub("", coloured) == plain == f"{WRONG}\n"
    assert coloured.startswith("\x1b[1;31mconv2d: gradients_match_forward failed for w\x1b[0m\n")
    assert "\x1b[1;32mpassed\x1b[0m; 4 gradient" in said(report(result()), Terminal())


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert "\x1b" not in said(WRONG, Terminal())


def test_no_colours_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert said(WRONG, Terminal()) == f"{WRONG}\n"


def test_what_moves_a_cursor_is_written_out() -> None:
    assert said("\x1b[2Ja\x07\x9bb", Terminal()) == "\\x1b[2Ja\\x07\\x9bb\n"


def watched(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, seconds: float) -> str:
    """What is shown while three points take some time."""
    monkeypatch.setattr(sys, "stderr", stream)
    with watching("conv2d", 1, 3) as watch:
        for _ in range(3):
            time.sleep(seconds / 3)
            watch("n=1")
    return stream.getvalue()


def test_short_work_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(Terminal(), monkeypatch, 0.0) == ""
    assert watched(io.StringIO(), monkeypatch, 0.0) == ""


def test_long_work_shows_a_bar_that_is_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    shown = watched(Terminal(), monkeypatch, 0.4)
    assert re.search(r"conv2d \(2 of 3\).*[123] points", ESCAPE.sub("", shown))
    assert shown.endswith("\x1b[2K")  # the line is empty again


def test_without_the_library_or_a_terminal_there_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOGGED_EVERY", 0.0)
    told = "".join(f"cnngrad: conv2d (2 of 3), {points} points, 0 s\n" for points in (1, 2, 3))
    assert watched(io.StringIO(), monkeypatch, 0.0) == told
    monkeypatch.setattr(progress, "SHOWN_EVERY", 0.0)
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    assert watched(Terminal(), monkeypatch, 0.0) == told


def test_a_real_terminal(tmp_path: Path) -> None:
    """The whole command on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "cnngrad", "check", "cnngrad.layers:relu", "--effort", "quick"],
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "TERM": "xterm-256color"},
    ):
        os.close(theirs)
        shown = b""
        while (part := _read(ours)) != b"":
            shown += part
    assert b"relu: \x1b[1;32mpassed\x1b[0m; " in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other side is closed
        return b""
