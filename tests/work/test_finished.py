"""resume=: an interrupted run goes on; nothing is judged twice, nothing is lost, and nothing old is taken for new."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import cnngrad as cg
from cnngrad.core.errors import Interrupted
from cnngrad.targets import load_layer, load_module
from cnngrad.work.fingerprint import fingerprint, sources_of
from tests.work import layers

SOURCE = """
import cnngrad as cg
from . import factors
import helper_of_finished as helper

def vjp(x):
    helper.called(x)
    return 2 * x, lambda dy: (factors.FACTOR * dy,)

layer = cg.Layer(vjp, ("x",), "doubling", dims={"n": (1, 6)}, shapes=lambda d: {"x": (d.n,)})
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of someone's, with a helper beside it."""
    package = tmp_path / "finished_net"
    package.mkdir()
    (package / "__init__.py").write_text("from .net import layer\n")
    (package / "net.py").write_text(SOURCE)
    (package / "factors.py").write_text("FACTOR = 2.0\n")
    (tmp_path / "helper_of_finished.py").write_text("CALLS = []\ncalled = CALLS.append\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("finished_net", "helper_of_finished"))]:
        del sys.modules[name]


def checked(layer: cg.Layer, resume: Path | None, stop_after: int | None = None) -> cg.Report:
    seen = 0

    def watch(case: cg.Case) -> None:
        nonlocal seen
        seen += 1
        if seen == stop_after:
            raise KeyboardInterrupt

    return cg.check(layer, effort="exhaustive", resume=resume, watch=watch, raise_on_failure=False)


def calls_of(layer: cg.Layer, resume: Path, stop_after: int | None = None) -> tuple[cg.Report, int]:
    """The report, and how often the layer was called for it."""
    calls = sys.modules["helper_of_finished"].CALLS
    before = len(calls)
    try:
        report = checked(layer, resume, stop_after)
    except Interrupted as stop:
        report = stop.report
    return report, len(calls) - before


def test_an_interrupted_run_goes_on(folder: Path) -> None:
    layer = load_layer("finished_net.net:layer")
    alone, file, other = checked(layer, None), folder / "deep" / "run.jsonl", folder / "other.jsonl"
    part, first = calls_of(layer, file, stop_after=5)
    rest, second = calls_of(layer, file)
    _, whole = calls_of(layer, other)
    again, third = calls_of(layer, file)
    assert not part.complete
    assert rest.to_json() == again.to_json() == alone.to_json()
    opening = third  # the one forward that asks how the layer is called at all
    assert (first - opening) + (second - opening) == whole - opening
    assert opening < 5 < min(first, second)
    keys = [json.loads(line)["key"] for line in file.read_text().splitlines()]
    assert len(set(keys)) == len(keys) == len(alone.cases)
    assert sorted(keys) == sorted(json.loads(line)["key"] for line in other.read_text().splitlines())


def test_a_line_that_was_not_finished_is_done_again(folder: Path) -> None:
    layer, file = load_layer("finished_net.net:layer"), folder / "run.jsonl"
    alone = checked(layer, file)
    lines = file.read_bytes().splitlines(keepends=True)
    for kept in (0, 20, len(lines[-1]) - 1):
        file.write_bytes(b"".join(lines[:-1]) + lines[-1][:kept])
        assert checked(layer, file).to_json() == alone.to_json()
        assert file.read_bytes() == b"".join(lines)


def test_failures_and_inconclusive_results_are_kept_as_they_are(tmp_path: Path) -> None:
    for name in ("wrong", "raising", "right"):
        layer, file = getattr(layers, name), tmp_path / f"{name}.jsonl"
        with contextlib.chdir(tmp_path):
            reports = [
                cg.check(layer, resume=r, effort="quick", diagnose=False, raise_on_failure=False).to_json()
                for r in (None, file, file)
            ]
        assert reports[0] == reports[1] == reports[2]


def test_what_hung_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    for _ in range(2):
        report = cg.check(
            layers.hanging, case="n=2 width=3 seed=0", time_limit=0.1, resume=file, raise_on_failure=False
        )
        assert report.status == "error"
        assert not file.exists()


def test_a_run_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    """Nor does one that is done."""
    bare = cg.Layer(lambda x: (x, lambda dy: (dy,)), ("x",), "bare")
    for layer, more in ((bare, {}), (layers.right, {"case": "no=1"}), (layers.right, {"effort": "huge"})):
        with pytest.raises(cg.UsageError):
            cg.check(layer, resume=tmp_path / "deep" / "run.jsonl", **more)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_takes_no_more_is_told() -> None:
    for path in ("/dev", "/dev/full", "/dev/null"):
        with pytest.raises(cg.UsageError, match=rf"^cannot resume from {path}: it is no file; name one, or a new one$"):
            checked(layers.right, Path(path))
    with pytest.raises(cg.UsageError, match=r"^cannot write /dev/null/run.jsonl: Not a directory$"):
        checked(layers.right, Path("/dev/null/run.jsonl"))
    with pytest.raises(cg.UsageError, match=r"^cannot (write|resume from) a\\x00b: embedded null byte$"):
        checked(layers.right, Path("a\0b"))


def test_results_of_other_code_are_not_taken(folder: Path) -> None:
    def prints() -> str:
        return fingerprint(load_module("finished_net.net"))

    first = prints()
    assert first == prints()
    for path in ("finished_net/factors.py", "helper_of_finished.py", "finished_net/net.py", "finished_net/__init__.py"):
        before = (folder / path).read_text()
        (folder / path).write_text(before + "# changed\n")
        assert prints() != first, path
        (folder / path).write_text(before)
    assert prints() == first
    assert {path.name for path in sources_of(load_module("finished_net.net"))} == {
        *("__init__.py", "factors.py", "helper_of_finished.py", "net.py")
    }
    assert sources_of(ModuleType("made_up")) == sources_of(shutil) == sources_of(pytest) == []


def test_a_file_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "precious.txt"
    for text in ("one line without an end", '{"keys": 3}\n', "x\n" * 9, '{"key": "' + "0" * 32 + '"}\nmy notes'):
        file.write_text(text)
        with pytest.raises(cg.UsageError, match=r"precious[.]txt is no file to resume from, by its line [12]: name"):
            checked(layers.right, file)
        assert file.read_text() == text
    file.write_text("")
    checked(layers.right, file)
    broken = [line[:60] + "\n" for line in file.read_text().splitlines()]
    file.write_text("".join(broken))
    with pytest.raises(cg.UsageError, match=r"precious[.]txt holds a line that cannot be read: .*; delete it"):
        checked(layers.right, file)
