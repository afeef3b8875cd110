"""No arguments make the command line show a traceback of ours."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import strategies as st

from cnngrad.cli import main
from tests.fuzzing.fuzz import ANY_TEXT, CASE_LINES, QUICK_AND_LONG, fuzz

SOURCE = """
import cnngrad as cg

def layer(name, factor=2.0, **facts):
    return cg.Layer(lambda x: (2 * x, lambda dy: (factor * dy,)), ("x",), name, **facts)

right = layer("right", shapes={"x": (2,)})
wrong = layer("wrong", 3.0, dims={"n": (1, 2)}, shapes=lambda d: {"x": (d.n,)})
bare = layer("bare")
theirs = layer("theirs", shapes=lambda d: 1 / 0)
odd = layer("odd\\x1b[2J\\n\\0name", shapes={"x": (2,)})
number = 3
"""
# No name with a separator: what is asked to be written stays in the folder of the test.
NAMES = ANY_TEXT.map(lambda text: text.replace("/", "").replace("\\", "")).filter(lambda text: text not in ("", ".."))
TARGETS = (
    st.sampled_from([f"net.py:{name}" for name in ("right", "wrong", "bare", "theirs", "odd", "number", "gone")])
    | st.sampled_from(["net.py", "net", ":", "a:b:c", "net.py:", "broken.py:x", "os:path", "..:x", "\0:x", "-", ".:x"])
    | NAMES
    | NAMES.map("{}:x".format)
)
OPTIONS = st.one_of(
    st.tuples(st.just("--case"), CASE_LINES),
    st.tuples(st.sampled_from(["--seed"]), st.integers().map(str) | ANY_TEXT),
    st.tuples(st.sampled_from(["--select", "--exclude"]), st.just("gradients_match_forward") | ANY_TEXT),
    st.tuples(st.sampled_from(["--json", "--junit", "--resume"]), NAMES | st.sampled_from([".", "net.py", "\0"])),
    st.tuples(st.just("--effort"), st.sampled_from(["quick", "huge", ""])),
    st.tuples(st.just("--time-limit"), st.sampled_from(["5", "0", "nan", "inf", "1e9", "-1", ""]) | ANY_TEXT),
    st.tuples(st.just("--jobs"), st.sampled_from(["0", "-1", "x", "1e3", "9999999", ""])),
    st.tuples(st.sampled_from(["--no-diagnosis", "--github", "--help", "--nonsense"])),
    st.tuples(ANY_TEXT),
)
COMMANDS = st.sampled_from(["check", "check", "check", "explain", "layers", "checks", "audit", "init", "", "--version"])


def arguments() -> st.SearchStrategy[list[str]]:
    quick = ["--effort", "quick", "--select", "gradients_match_forward"]
    options = st.lists(OPTIONS, max_size=3).map(lambda pairs: [word for pair in pairs for word in pair])
    targets = st.lists(TARGETS, min_size=1, max_size=2)
    return st.tuples(COMMANDS, targets, st.sampled_from([quick, []]), options).map(
        lambda parts: [parts[0], *parts[1], *parts[2], *parts[3]]
    )


@QUICK_AND_LONG
def test_no_arguments_show_a_traceback(times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("value = 1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNGRAD_MEMORY", "off")
    codes: set[object] = set()

    def body(words: list[str]) -> None:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code: object = main(words)
            except SystemExit as stop:  # argparse's own refusals and help
                code = stop.code
        (tmp_path / "net.py").write_text(SOURCE)
        codes.add(code)
        assert code in (0, 1, 2, 3), words
        assert "Traceback" not in out.getvalue() + err.getvalue(), words
        assert code != 2 or err.getvalue() or out.getvalue(), words

    fuzz(arguments(), 60 * times, body)
    assert {0, 2} <= codes
