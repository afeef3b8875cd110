"""What a run leaves for machines, and what it says where it is stopped or cannot write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from cnngrad import layers
from cnngrad.cli import main
from cnngrad.oracles.identities import IDENTITIES
from cnngrad.report.json import schema

ROOT = Path(__file__).parents[1]
SOURCE = """
import cnngrad as cg

def scaling(factor):
    def vjp(x):
        def backward(dy):
            return (factor * dy,)
        return 2 * x, backward
    return vjp

def stopping(x):
    def backward(dy):
        raise KeyboardInterrupt
    return 2 * x, backward

facts = dict(inputs=("x",), shapes={"x": (3,)})
right = cg.Layer(scaling(2.0), name="right", **facts)
wrong = cg.Layer(scaling(3.0), name="wrong", **facts)
stopped = cg.Layer(stopping, name="stopped", **facts)
hostile = cg.Layer(scaling(3.0), name="</x>\\x1b[2J\\ud800\\n::error::", **facts)
"""
BACKWARD = SOURCE[: SOURCE.index("def backward")].count("\n") + 1


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def check(layers: str, *options: str) -> int:
    return main(["check", *(f"net.py:{name}" for name in layers.split()), *options, "--effort", "quick"])


def loaded(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    jsonschema.validate(document, schema())
    return document


def test_json_holds_every_layer_and_equal_seeds_equal_bytes(folder: Path) -> None:
    for name in ("one", "two"):
        assert check("right wrong", "--seed", "5", "--json", f"sub/{name}.json") == 1
    one, two = (loaded(folder / "sub" / f"{name}.json") for name in ("one", "two"))
    assert one["run"]["command"][:4] == ["cnngrad", "check", "net.py:right", "net.py:wrong"]
    assert len(one["run"]["layer_seconds"]) == 2
    assert one.pop("run") != two.pop("run")
    assert json.dumps(one) == json.dumps(two)
    assert [(layer["status"], layer["complete"]) for layer in one["layers"]] == [("passed", True), ("failed", True)]
    assert one["layers"][1]["source"] == {"path": "net.py", "line": BACKWARD}


def test_junit(folder: Path) -> None:
    assert check("right wrong", "--junit", "out.xml") == 1
    root = ElementTree.parse(folder / "out.xml").getroot()
    assert [suite.get("name") for suite in root] == ["right", "wrong"]
    assert (root.get("failures"), root.get("errors")) == ("1", "0")
    assert float(root.get("time", "")) > 0


def test_github_is_told_where_the_backward_is(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = folder / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))
    assert check("right wrong", "--github") == 1
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("::")]
    assert line.startswith(
        f"::error file={folder.name}/net.py,line={BACKWARD},title=wrong%3A failed::wrong: gradients_"
    )
    assert summary.read_text().startswith("before\n### cnngrad: 1 of 2 layers verified\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert check("wrong") == 1
    assert "::error file=" in capsys.readouterr().out
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder))
    assert check("right") == 2
    assert capsys.readouterr().err == f"cnngrad: cannot write {folder} (GITHUB_STEP_SUMMARY): Is a directory\n"


def test_hostile_names_do_no_harm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("hostile", "--json", "out.json", "--junit", "out.xml", "--github") == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if line.startswith("::error")][1:] == [
        line for line in out.splitlines() if line.startswith("::error file=")
    ]
    assert loaded(folder / "out.json")["layers"][0]["layer"].startswith("</x>\x1b[2J\ud800")
    suite = ElementTree.parse(folder / "out.xml").getroot()[0]
    assert suite.get("name") == "</x>\\x1b[2J\\ud800\n::error::"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three lines of ``cnngrad verify``, the second of them wrong."""
    flipped = replace(layers.half_squared_error, vjp=lambda y, t: (0.5 * ((y - t) ** 2).sum(), lambda d: (t - y, None)))
    monkeypatch.setattr("cnngrad.verify.layers.ALL", (layers.relu, flipped))
    monkeypatch.setattr("cnngrad.verify.DERIVATIONS", ())
    monkeypatch.setattr("cnngrad.verify.IDENTITIES", IDENTITIES[:1])
    monkeypatch.setattr("cnngrad.verify.NETWORKS", {})


@pytest.mark.usefixtures("short")
def test_verify_writes_what_its_table_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("--json", "out.json", "--junit", "out.xml", "--html", "out.html")
    assert main(["verify", *names, "--github"]) == 1
    out = capsys.readouterr().out
    document = loaded(folder / "out.json")
    told = {layer["layer"]: layer for layer in document["layers"]}
    assert [layer["status"] for layer in told.values()] == ["passed", "failed", "passed"]
    for name, layer in told.items():
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        points, entries = (int(word.replace(",", "")) for word in line.removeprefix(name).split()[:2])
        gradients = layer["totals"]["entries"]
        assert points == layer["totals"]["cases"] > 0
        assert entries == (gradients or sum(r["entries"] for r in layer["results"] if r["status"] == "passed"))
    assert f"2 of 3 lines verified; {document['totals']['entries']:,} gradient entries and " in out
    assert document["totals"]["results"]["passed"] > document["totals"]["results"]["failed"] > 0
    root = ElementTree.parse(folder / "out.xml").getroot()
    assert [suite.get("name") for suite in root] == list(told)
    assert (int(root.get("failures", "")) > 0, root.get("errors")) == (True, "0")
    page = (folder / "out.html").read_text("utf-8")
    assert f'<data value="{document["totals"]["entries"]}" id="entries">' in page
    assert [line for line in out.splitlines() if line.startswith("::error file=")]


@pytest.mark.usefixtures("short")
def test_an_interrupted_verify_leaves_what_it_has(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cnngrad.verify.verify_identity", stopped)
    assert main(["verify", "--json", "out.json"]) == 130
    assert capsys.readouterr().err == "cnngrad: interrupted; what stands above is incomplete\n"
    document = loaded(folder / "out.json")
    assert [(layer["status"], layer["complete"]) for layer in document["layers"]] == [
        *(("passed", True), ("failed", True), ("inconclusive", False))
    ]


def test_an_interruption_leaves_an_incomplete_report_and_is_code_130(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("right stopped wrong", "--json", "out.json", "--junit", "out.xml") == 130
    out, err = capsys.readouterr()
    assert err == "cnngrad: interrupted; what stands above is incomplete\n"
    assert "stopped: inconclusive; nothing was compared\n  incomplete: stopped after 0 points\n" in out
    document = loaded(folder / "out.json")
    assert (document["complete"], document["status"]) == (False, "inconclusive")
    told = [(layer["layer"], layer["status"], layer["complete"]) for layer in document["layers"]]
    assert told == [("right", "passed", True), ("stopped", "inconclusive", False), ("wrong", "inconclusive", False)]
    assert document["layers"][2]["notes"] == ["  incomplete: not begun"]
    root = ElementTree.parse(folder / "out.xml").getroot()
    assert [error.get("message") for error in root.iter("error")] == ["the run was stopped before its end"] * 2


def test_ctrl_c(folder: Path) -> None:
    """The real signal, in the middle of a layer that takes its time."""
    slow = "time.sleep(0.02); print('at it', flush=True)"
    # A run in the background of a shell ignores the signal, and hands that on to what it starts.
    heard = "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nimport cnngrad"
    source = SOURCE.replace("import cnngrad", heard, 1).replace("def vjp(x):", f"def vjp(x):\n        {slow}")
    (folder / "net.py").write_text(source)
    command = [sys.executable, "-m", "cnngrad", "check", "net.py:right", "--json", "out.json", "--html", "out.html"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        for _ in range(20):
            assert running.stdout.readline() == "at it\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "cnngrad: interrupted; what stands above is incomplete\n")
    assert "\n  incomplete: stopped after " in out
    assert loaded(folder / "out.json")["complete"] is False
    assert "incomplete: the run was stopped before its end" in (folder / "out.html").read_text("utf-8")


@pytest.mark.parametrize("option", ["--json", "--junit", "--html"])
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("net.py/out", "cannot write net.py/out: "),
        (".", "cannot write .: Is a directory"),
        ("/dev/full", "cannot write /dev/full: No space left on device"),
    ],
)
def test_a_file_that_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str, path: str, sentence: str
) -> None:
    before = sorted(folder.iterdir())
    assert check("right", option, path) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"cnngrad: {sentence}")
    assert err.count("\n") == 1
    assert (out == "") == (path != "/dev/full")  # told before the work where that can be known
    assert [path for path in sorted(folder.iterdir()) if path.name not in (".cnngrad", "__pycache__")] == before


def test_two_files_of_one_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("right", "--json", "out", "--html", "./out") == 2
    assert capsys.readouterr() == ("", "cnngrad: --json and --html both name out: give each a file of its own\n")
    assert not (folder / "out").exists()


def run(folder: Path, shell: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = f"'{sys.executable}' -m cnngrad check net.py:right --effort quick {shell}"
    clean = {n: value for n, value in os.environ.items() if not n.startswith(("GITHUB", "CNNGRAD", "PYTHON"))}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("shell", "why"),
    [
        ("> /dev/full", "No space left on device"),
        ("--json /dev/stdout > /dev/full", "No space left on device"),
        ("| (exec true); exit ${PIPESTATUS[0]}", "Broken pipe"),  # the reader ends long before anything is written
    ],
)
def test_an_output_that_takes_no_more_is_code_2(folder: Path, shell: str, why: str) -> None:
    done = run(folder, shell)
    assert (done.returncode, done.stderr) == (2, f"cnngrad: cannot write the output: {why}\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])  # an output that is kept back is refused later
@pytest.mark.parametrize("option", ["--version", "check --help"])
def test_so_it_is_for_the_version_and_the_help(option: str, unbuffered: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m cnngrad {option} > /dev/full"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "cnngrad: cannot write the output: No space left on device\n")


def test_json_on_standard_output_is_all_there(folder: Path) -> None:
    done = run(folder, "--json /dev/stdout | tail -n +2")
    assert done.stderr == ""
    jsonschema.validate(json.loads(done.stdout), schema())


def test_letters_the_output_has_not_are_no_crash(folder: Path) -> None:
    (folder / "net.py").write_text(SOURCE.replace('name="right"', 'name="übrig 转置"'))
    done = run(folder, "", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(r"\xfcbrig \u8f6c\u7f6e: passed; ")
