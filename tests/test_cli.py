"""The command line: exit codes, and one clear sentence for every wrong use."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import cnngrad as cg
from cnngrad import layers
from cnngrad.cli import main
from cnngrad.cli.check import EXIT
from cnngrad.core.result import Result, Status
from cnngrad.report import Report
from cnngrad.report.data import GRADIENTS

ROOT = Path(__file__).parents[1]
SOURCE = """
import cnngrad as cg

def scaling(factor):
    return lambda x: (2 * x, lambda dy: (factor * dy,))

def raising(x):
    def backward(dy):
        raise KeyError("cache")
    return x, backward

def refusing(x):
    raise ValueError("no such shape")

facts = dict(inputs=("x",), shapes={"x": (3,)})
right = cg.Layer(scaling(2.0), name="right", **facts)
wrong = cg.Layer(scaling(3.0), name="wrong", **facts)
error = cg.Layer(raising, name="error", **facts)
flat = cg.Layer(lambda x: (0 * x, lambda dy: (0 * dy,)), name="flat", **facts)
refused = cg.Layer(refusing, name="refused", **facts)
bare = cg.Layer(scaling(2.0), ("x",), "bare")
theirs = cg.Layer(scaling(2.0), ("x",), "theirs", shapes=lambda d: 1 / 0)
number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("value = 1 / 0\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(5)\n")
    (tmp_path / "odd.py").write_text("class Odd(BaseException): pass\nraise Odd('no')\n")
    (tmp_path / "lazy.py").write_text("def __getattr__(name): raise RuntimeError('not ' + name)\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Exit codes of check.


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        (["right"], 0),
        (["wrong"], 1),
        (["error"], 1),
        (["flat"], 3),
        (["right", "flat"], 3),
        (["flat", "error"], 1),
        (["right", "wrong", "flat"], 1),
    ],
)
@pytest.mark.usefixtures("folder")
def test_exit_codes(capsys: pytest.CaptureFixture[str], targets: list[str], code: int) -> None:
    assert main(["check", *(f"net.py:{name}" for name in targets), "--effort", "quick"]) == code
    out, err = capsys.readouterr()
    assert err == ""
    assert all(re.search(rf"^{name}: ", out, re.MULTILINE) for name in targets)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "cnngrad: there is no module nonsense to import from "),
        (["nowhere.py:layer"], "cnngrad: there is no file nowhere.py: give file.py:layer or package.module:layer"),
        (["net.py"], "cnngrad: net.py names a module; name the layer in it as well: net.py:right, net.py:wrong, "),
        (["net.py:gone"], "cnngrad: net.py has no 'gone'; it has net.py:right, "),
        (["net.py:number"], "cnngrad: net.py:number is int 3, not a Layer: "),
        (["broken.py:layer"], "cnngrad: importing broken.py raised ZeroDivisionError: division by zero (line 1 of "),
        (["broken:layer"], "cnngrad: importing broken raised ZeroDivisionError: division by zero (line 1 of broken)"),
        (["exits.py:layer"], "cnngrad: importing exits.py ends the program: SystemExit(5) (line 2 of exits.py); put "),
        (["odd.py:layer"], "cnngrad: importing odd.py raised Odd: no (line 2 of odd.py)"),
        (["lazy.py:layer"], "cnngrad: asking lazy.py for 'layer' raised RuntimeError: not layer"),
        ([""], "cnngrad: '' names no module: give package.module:layer or file.py:layer"),
        ([".:layer"], "cnngrad: '.' names no module: give package.module:layer or file.py:layer"),
        (["net.py:bare"], "cnngrad: bare declares no shapes, so there is nothing to draw inputs from: pass arrays, "),
        (
            ["net.py:theirs"],
            "cnngrad: the function declared as shapes= raised ZeroDivisionError: division by zero (line ",
        ),
        (["net.py:refused"], "cnngrad: refused: the forward raised ValueError: no such shape at the first point, so "),
        (["net.py:right", "--case", "nonsense"], "cnngrad: 'nonsense' in the case 'nonsense' is not name=<whole "),
        (["net.py:right", "--case", "n=1"], "cnngrad: the case 'n=1 values=lattice seed=0' does not fit right, "),
        (["net.py:right", "--case", "values=huge"], "cnngrad: values=huge is no rule for values; accepted: lattice, "),
        (["net.py:right", "--select", "spelling"], "cnngrad: there is no check 'spelling'; there are "),
        (["net.py:right", "--json", "net.py/x.json"], "cnngrad: cannot write net.py/x.json: "),
        (["net.py:right", "--json", "."], "cnngrad: cannot write .: "),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_wrong_use_is_one_sentence_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["check", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith(sentence)
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["check", "x", "--effort", "huge"], ["check", "x", "--seed", "one"], ["compile"], ["--nonsense"]],
)
def test_what_the_parser_refuses_is_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: cnngrad" in capsys.readouterr().err


NONSENSE = """
check | the following arguments are required: TARGET
check : | '' names no module
check net.py:right.. | net.py has no 'right..'; it has net.py:right,
check :right | there is no module :right to import
check folder.py:x | there is no file folder.py: give
check net.py:right --seed -1 | the seed is -1; it takes a whole number, 0 or more
check net.py:right --seed 1.5 | argument --seed: invalid int value: '1.5'
check net.py:right --exclude nope | there is no check 'nope'; there are gradients_match_forward,
check net.py:right --select inputs_are_unchanged --exclude inputs_are_unchanged | leave no check to run
check net.py:right --case x=(-1) | no side can be negative
check net.py:right --case values=file:net.py | cannot read the saved case net.py:
check net.py:right --jobs 0 | '0' is no number of processes from 1 to 500
check net.py:right --time-limit nan | 'nan' is no number of seconds above 0
check net.py:right --resume net.py | net.py is no file to resume from, by its line 1: name another one, or a new one
check net.py:right --resume . | cannot resume from .: it is no file; name one, or a new one
check net.py:right --json a --junit a | --json and --junit both name a: give each a file of its own
check net.py:right --html folder.py | cannot write folder.py: Is a directory
check net.py:right net.py:gone | net.py has no 'gone'; it has
verify --seed -1 | the seed is -1; it takes a whole number, 0 or more
verify --data net.py | net.py is no folder: give the folder that holds MNIST's four files
verify --json . | cannot write .: Is a directory
verify --jobs two | 'two' is no number of processes from 1 to 500
verify --resume net.py | net.py is no file to resume from
verify net.py:right | unrecognized arguments: net.py:right
audit | the following arguments are required: TARGET
audit net.py:gone | net.py has no 'gone'; it has
audit net.py:number | net.py:number is int 3, not a Layer
audit broken.py:x | importing broken.py raised ZeroDivisionError: division by zero (line 1 of broken.py)
audit net.py:right --input y | inputs names 'y'; the inputs of right are x
audit net.py:right --select nope | there is no check 'nope'; there are
audit net.py:right --effort huge | invalid choice: 'huge' (choose from
explain | the following arguments are required: LAYER
explain nope | there is no reference layer 'nope'; did you mean
explain relu tanh | unrecognized arguments: tanh
layers extra | unrecognized arguments: extra
checks extra | unrecognized arguments: extra
init | the following arguments are required: TARGET
init nowhere.py | there is no file nowhere.py: give file.py or package.module
init net.py:right | init takes a module, file.py or package.module, not one thing in it: net.py
init . | '.' names no module
init folder.py | there is no file folder.py
init exits.py | importing exits ends the program: SystemExit(5) (line 2 of exits); put what is no definition under
init broken.py | importing broken raised ZeroDivisionError: division by zero
init net.py --output net.py | net.py is there already and is not overwritten: move it away, or give --output FILE
init net.py --output net.py/x | cannot write net.py/x: Not a directory
compile | invalid choice: 'compile' (choose from 'verify', 'check',
--seed 3 | invalid choice: '3'
"""


def test_nonsense_at_every_command_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "folder.py").mkdir()
    before = sorted(folder.iterdir())
    for line in NONSENSE.strip().split("\n"):
        words, _, sentence = line.partition(" | ")
        try:
            code: object = main(words.split())
        except SystemExit as stop:  # what argparse refuses
            code = stop.code
        out, err = capsys.readouterr()
        told = re.sub(r"^usage: .*?\n(?! )", "", err, flags=re.DOTALL)
        assert (code, out.count("Traceback"), told.count("\n")) == (2, 0, 1), (line, out, err)
        assert re.match(r"cnngrad( \w+)?: ", told), (line, err)
        assert sentence in told, (line, err)
    assert [path for path in sorted(folder.iterdir()) if path.name != "__pycache__"] == before


def test_no_command_shows_the_help_and_is_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: cnngrad" in capsys.readouterr().out


# What check does with its options.


@pytest.mark.usefixtures("folder")
def test_case_replays_one_point(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "net.py:right", "--case", "values=normal seed=3"]) == 0
    assert "compared at 1 points" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_a_printed_reproduce_line_runs(capsys: pytest.CaptureFixture[str]) -> None:
    import shlex

    main(["check", "net.py:wrong", "--select", GRADIENTS])
    out = capsys.readouterr().out
    (line,) = re.findall(r"^  reproduce: cnngrad (.*)$", out, re.MULTILINE)
    assert main([*shlex.split(line), "--select", GRADIENTS]) == 1
    assert capsys.readouterr().out == out


@pytest.mark.usefixtures("folder")
def test_select_and_exclude(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check", "net.py:wrong", "--exclude", GRADIENTS]) in (2, 3)  # a pass must be earned
    assert GRADIENTS + " failed" not in capsys.readouterr().out
    assert main(["check", "net.py:right", "--select", GRADIENTS, "--json", "out.json"]) == 0
    (layer,) = json.loads((tmp_path / "out.json").read_text())["layers"]
    assert {result["check"] for result in layer["results"]} == {GRADIENTS}


# The examples.


@pytest.mark.parametrize(("path", "name"), [("functions", "dense_relu_forward"), ("classes", "Conv")])
def test_the_right_examples_pass(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check", f"examples/{path}/layers.py:right", "--effort", "quick"]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: passed; ")


@pytest.mark.parametrize(("path", "name"), [("functions", "dense_relu_forward"), ("classes", "ConvWrong")])
def test_the_wrong_examples_name_the_layer_the_input_and_the_worst_entry(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check", f"examples/{path}/layers.py:wrong", "--effort", "quick"]) == 1
    out = capsys.readouterr().out
    first, second, *_ = out.splitlines()
    failed = re.fullmatch(rf"{name}: \w+ failed for (\w+)", first)
    assert failed is not None
    assert re.match(rf"  worst at {failed[1]}\[[\d, ]+\]: ", second)
    assert f"reproduce: cnngrad check examples/{path}/layers.py:wrong --case " in out


# The other commands.


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cnngrad {cg.__version__}\n"


def test_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [layer.name for layer in layers.ALL]
    assert all(len(line.split()) > 3 for line in lines)


def test_checks(capsys: pytest.CaptureFixture[str]) -> None:
    from cnngrad import checks

    assert main(["checks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[each.name, each.statement] for each in checks.ALL]


def judged(status: str) -> Report:
    return Report("conv", (Result("conv", GRADIENTS, Status(status), "x", entries=4),), ("x",))


@pytest.mark.parametrize(
    ("statuses", "code"),
    [("passed", 0), ("passed failed", 1), ("error passed", 1), ("passed inconclusive", 3), ("inconclusive failed", 1)],
)
def test_verify_is_as_good_as_its_worst_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, statuses: str, code: int
) -> None:
    reports = [judged(status) for status in statuses.split()]
    planned = [(report.layer, partial(lambda report: report, report)) for report in reports]
    monkeypatch.setattr("cnngrad.verify.plan", lambda *_: planned)
    assert main(["verify"]) == code
    out = capsys.readouterr().out
    assert out.startswith("No --data folder with MNIST's files: the network is checked on generated images.\n")
    assert f"{statuses.split().count('passed')} of {len(reports)} lines verified" in out


def test_verify_without_the_files_is_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["verify", "--data", str(tmp_path / "nowhere")]) == 2
    assert main(["verify", "--data", str(tmp_path)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"cnngrad: {tmp_path / 'nowhere'} is no folder: give the folder that holds MNIST's four ")
    assert second.startswith(f"cnngrad: {tmp_path} lacks train-images-idx3-ubyte.gz, ")


def test_exit_codes_cover_every_status() -> None:
    assert set(EXIT) | {"not_applicable"} == {str(status) for status in Status}


def test_python_m_is_the_same_command(folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cnngrad", "check", "net.py:wrong", "--effort", "quick", "--select", GRADIENTS],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.startswith(f"wrong: {GRADIENTS} failed for x\n")
