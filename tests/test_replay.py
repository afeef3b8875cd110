"""The replay line of every failure really replays it: command line, notebook-style call, pytest, saved arrays."""

from __future__ import annotations

import runpy
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.cli import main
from cnngrad.core.result import Result
from cnngrad.targets import load_layer

MYNET = """
import numpy as np
import cnngrad as cg

def dense(x, w, scale=1.0):
    def backward(dy):
        dx = scale * dy @ w.T
        return (dx if len(x) < 2 else 2 * dx), scale * x.T @ dy
    return scale * x @ w, backward

def greedy(x):
    def backward(dy):
        return dy * 2 * x
    def vjp_backward(dy):
        dx = dy * 2 * x
        x[...] = 0
        return (dx,)
    y = x * x
    return y, vjp_backward

def breaks(x):
    if x.shape[0] == 3:
        raise ValueError("three")
    return x * x, lambda dy: (2 * x * dy,)

DIMS = dict(dims={"n": (1, 3), "d": (1, 4)})
dense_layer = cg.Layer(dense, ("x", "w"), "dense_layer", shapes=lambda d: {"x": (d.n, d.d), "w": (d.d, 2)}, **DIMS)
configured = cg.Layer(dense, ("x", "w"), "configured", shapes=lambda d: {"x": (d.n, d.d), "w": (d.d, 2)},
                      config=lambda d: {"scale": float(d.d)}, **DIMS)
bare = cg.Layer(dense, ("x", "w"), "bare")
square = cg.Layer(greedy, ("x",), "square", shapes={"x": (2, 3)})
breaking = cg.Layer(breaks, ("x",), "breaking", shapes=lambda d: {"x": (d.n, d.d)}, **DIMS)
"""
X, W = np.array([[0.5, -1.5], [1.0, 3.0], [-2.0, 0.25]]), np.array([[1.0, -2.0], [0.5, 4.0]])
CALLS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "dims": ("dense_layer", (), {}),
    "dims and config": ("configured", (), {}),
    "config of the call": ("dense_layer", (), {"config": {"scale": 3.0}}),
    "shapes": ("bare", (), {"shapes": {"x": (2, 3), "w": (3, 2)}}),
    "shapes and config": ("bare", (), {"shapes": {"x": (2, 3), "w": (3, 2)}, "config": {"scale": 3.0}}),
    "shapes where there are dims": ("configured", (), {"shapes": {"x": (2, 3), "w": (3, 2)}}),
    "declared shapes": ("square", (), {}),
    "an error": ("breaking", (), {}),
    "arrays": ("bare", (X, W), {}),
    "arrays and config": ("bare", (X, W), {"config": {"scale": 3.0}}),
    "arrays where there are dims": ("configured", (X, W), {}),
    "arrays and searched dims": ("dense_layer", (X[:1], W), {"effort": "normal"}),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mynet.py").write_text(MYNET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def failures(layer: cg.Layer, *arrays: Any, **options: Any) -> tuple[Result, ...]:
    return cg.check(
        layer, *arrays, **{"effort": "quick", "raise_on_failure": False, "diagnose": False, **options}
    ).failures


def facts(result: Result) -> tuple[Any, ...]:
    return (result.check, result.status, result.input, result.index, result.analytic, result.numeric, str(result.case))


@pytest.mark.parametrize("call", CALLS)
def test_the_line_for_a_notebook(call: str) -> None:
    name, arrays, options = CALLS[call]
    layers = runpy.run_path("mynet.py")
    found = failures(layers[name], *arrays, **options)
    assert found
    for failure in found:
        with pytest.raises((cg.GradientMismatch, cg.NotVerified)) as raised:
            eval(failure.reproduce, {**layers, "cg": cg})
        assert facts(failure) in [facts(again) for again in raised.value.report.failures]


@pytest.mark.parametrize("call", [call for call in CALLS if "config" not in CALLS[call][2]])
def test_the_line_for_the_command_line(call: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, arrays, options = CALLS[call]
    found = failures(load_layer(f"mynet.py:{name}"), *arrays, **options)
    assert found
    for failure in found:
        program, *words = shlex.split(failure.reproduce)
        assert program == "cnngrad"
        assert main([*words, "--json", "again.json"]) == 1
        said = capsys.readouterr().out
        assert f"{name}: {failure.check} {failure.status}" in said
        assert failure.reproduce in said


@pytest.mark.parametrize("call", ["arrays", "arrays where there are dims", "arrays and config"])
def test_saved_arrays_are_the_users_own(call: str, folder: Path) -> None:
    name, arrays, options = CALLS[call]
    layer = runpy.run_path("mynet.py")[name]
    (failure, *_) = failures(layer, *arrays, **options)
    (saved,) = (folder / ".cnngrad").iterdir()
    assert str(failure.case) == f"values=file:.cnngrad/{saved.name} seed=0"
    with np.load(saved) as kept:
        assert np.array_equal(kept["input_x"], X)
        assert np.array_equal(kept["input_w"], W)


def test_a_name_that_is_no_file_name_is_still_replayed(folder: Path) -> None:
    layers = runpy.run_path("mynet.py")
    odd = cg.Layer(layers["dense"], ("x", "w"), 'my/own "dense" $layer', target="mynet.py:bare")
    (failure, *_) = failures(odd, X, W)
    assert [path.parent.name for path in (folder / ".cnngrad").rglob("*.npz")] == [".cnngrad"]
    assert main(shlex.split(failure.reproduce)[1:]) == 1


def test_the_line_in_the_output_of_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        whole_net=MYNET,
        test_net="import cnngrad as cg\nfrom whole_net import *\n\ndef test_it():\n    cg.check(dense_layer)\n",
    )
    failed = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")
    failed.assert_outcomes(failed=1)
    line = next(line for line in failed.outlines if "reproduce:" in line).split("reproduce: ")[1].strip()
    assert line.startswith('cg.check(dense_layer, case="')
    pytester.makepyfile(test_net=f"import cnngrad as cg\nfrom whole_net import *\n\ndef test_again():\n    {line}\n")
    again = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")
    again.assert_outcomes(failed=1)
    assert any(line in printed for printed in again.outlines)
    pytester.makepyfile(whole_net=MYNET.replace("2 * dx", "dx"))
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=1)
