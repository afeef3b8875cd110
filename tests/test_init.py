"""``cnngrad init``: what it recognises, what the file holds, that it runs as it is, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import cnngrad as cg
from cnngrad.cli import init, main
from cnngrad.scaffold import layers_in, proposed

THEIRS = """
import numpy as np

import cnngrad as cg


class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.ones((n_in, n_out)), np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Descent(Dense):
    def backward(self, dout, lr):
        dx = super().backward(dout)
        self.W -= lr * self.dW
        self.b -= lr * self.db
        return dx


class Loss:
    def forward(self, scores, labels):
        e = np.exp(scores)
        self.p, self.labels = e / e.sum(axis=1, keepdims=True), labels
        return -np.log(self.p[np.arange(len(labels)), labels]).sum()

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.labels] -= 1
        return d


class Wrapped:
    def __init__(self, gizmo):
        self.gizmo = gizmo

    def forward(self, x):
        return self.gizmo(x)

    def backward(self, dy):
        return dy


def conv_forward(x, w):
    y = np.zeros(x.shape[:1] + w.shape[:1] + (x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1))
    for i, j in np.ndindex(y.shape[2:]):
        y[:, :, i, j] = np.einsum("ncuv,fcuv->nf", x[:, :, i : i + w.shape[2], j : j + w.shape[3]], w)
    return y, (x, w)


def conv_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(dout.shape[2:]):
        window = np.s_[:, :, i : i + w.shape[2], j : j + w.shape[3]]
        dx[window] += np.einsum("nf,fcuv->ncuv", dout[:, :, i, j], w)
        dw += np.einsum("nf,ncuv->fcuv", dout[:, :, i, j], x[window])
    return dx, dw


def square(x):
    print("not for the terminal")
    return x**2


def grad_square(x, dy):
    return 2 * x * dy


def helper(x):
    return x


declared = cg.Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "declared", shapes={"x": (3,)})
bare = cg.Layer(lambda x: (2 * x, lambda dy: (2 * dy,)), ("x",), "bare")
"""
WRONG = THEIRS.replace("2 * x * dy", "x * dy")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("their_net", "slow_net", "plain_net", "mod", "packed", "packed.mod"):
        sys.modules.pop(name, None)
    (tmp_path / "their_net.py").write_text(THEIRS)
    return tmp_path


def test_what_it_writes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "their_net.py"]) == 0
    said = capsys.readouterr().out
    assert "not for the terminal" not in said
    assert "dense: Dense, a class with forward(x) and backward(dout)\n" in said
    assert (
        "wrapped: Wrapped, a class with forward(x) and backward(dy); it needs values for gizmo, which make an" in said
    )
    assert "bare: bare, a Layer; it needs the shapes of x, where it is declared: shapes={'x': ...}\n" in said
    assert said.endswith(
        "wrote test_their_net_gradients.py; run it with:  python -m pytest test_their_net_gradients.py\n"
    )
    text = Path("test_their_net_gradients.py").read_text("utf-8")
    assert (
        """
# Dense, a class with forward(x) and backward(dout)
dense = cg.from_class(
    lambda: their_net.Dense(n_in=3, n_out=4),
    params={"W": "dW", "b": "db"},
    shapes={"x": (2, 3), "W": (3, 4), "b": (4,)},
    name="dense",
)
"""
        in text
    )
    assert '    params=("W", "b"),\n    backward_takes=("dy", "rate"),\n' in text
    assert '    draw={"labels": lambda rng, shape, d: rng.integers(0, 2, shape)},\n' in text
    assert '    shapes={"x": (2, 3, 5, 6), "w": (4, 3, 2, 2)},\n' in text
    assert '    forward_returns="y",\n    backward_takes=("x", "dy"),\n' in text
    assert "@cg.parametrize_with_checks([dense, descent, loss, their_net.declared, square, conv])" in text.replace(
        "conv, square", "square, conv"
    )
    assert "helper" not in text


@pytest.mark.parametrize(("source", "wrong"), [(THEIRS, set()), (WRONG, {"square"})])
def test_what_is_proposed_is_checked_as_it_is(source: str, wrong: set[str]) -> None:
    module: Any = types.ModuleType("theirs")
    exec(source, module.__dict__)
    ready = [each for each in proposed(layers_in(module, "theirs"), module, "theirs") if not each.needs]
    layers = {each.name: eval(each.code, {"cg": cg, "theirs": module}) for each in ready}
    assert set(layers) == {"dense", "descent", "loss", "declared", "square", "conv"}
    failing = {name for name, layer in layers.items() if not cg.check(layer, effort="quick", raise_on_failure=False).ok}
    assert failing == wrong


@pytest.mark.integration
def test_the_file_runs_as_it_is(folder: Path) -> None:
    assert main(["init", "their_net.py"]) == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_their_net_gradients.py"]
    done = subprocess.run([*command, "-rs"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout
    assert "wrapped needs values for gizmo, which make an object, and the shape of x" in done.stdout
    Path("their_net.py").write_text(WRONG)
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 1
    assert "test_gradients[square-gradients_match_forward]" in done.stdout


def test_a_module_in_a_package_is_imported_as_such(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "packed").mkdir()
    (folder / "packed/__init__.py").touch()
    (folder / "packed/other.py").write_text(THEIRS)
    (folder / "packed/mod.py").write_text("from .other import declared\n")
    assert main(["init", "packed/mod.py", "--output", "tests/test_it.py"]) == 0
    assert main(["init", "packed/mod.py"]) == 0
    assert capsys.readouterr().out.endswith(
        "wrote test_mod_gradients.py; run it with:  python -m pytest test_mod_gradients.py\n"
    )
    assert main(["init", "packed.mod", "--output", "again.py"]) == 0
    for path in ("tests/test_it.py", "test_mod_gradients.py", "again.py"):
        text = Path(path).read_text("utf-8")
        assert "import packed.mod as mod\n" in text
        assert "[mod.declared]" in text


def test_a_long_import_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(init, "PATIENCE", 0.05)
    (folder / "slow_net.py").write_text(f"import time\ntime.sleep(0.3)\n{THEIRS}")
    assert main(["init", "slow_net.py"]) == 0
    said = capsys.readouterr().err
    assert said.startswith(
        "cnngrad: importing slow_net.py takes long. If it trains, stop this with Ctrl-C and put what"
    )
    monkeypatch.setattr(init, "PATIENCE", 60.0)
    Path("test_slow_net_gradients.py").unlink()
    assert main(["init", "slow_net.py"]) == 0
    assert capsys.readouterr().err == ""


def test_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Path("test_their_net_gradients.py")
    kept.write_text("mine")
    assert main(["init", "their_net.py"]) == 2
    assert "test_their_net_gradients.py is there already and is not overwritten" in capsys.readouterr().err
    assert kept.read_text() == "mine"


def test_messages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "plain_net.py").write_text("number = 3\n")
    (folder / "my-net.py").touch()
    (folder / "broken_net.py").write_text("1 / 0\n")
    for target, sentence in {
        "plain_net.py": "nothing in plain_net.py looks like a layer: a Layer, a pair such as conv_forward and",
        "absent.py": "there is no file absent.py: give file.py or package.module",
        "absent": "there is no module absent",
        "my-net.py": "my-net.py cannot be imported by a test file: its name is no name in Python, so rename it",
        "their_net.py:Dense": "init takes a module, file.py or package.module, not one thing in it: their_net.py",
        "broken_net.py": "importing broken_net raised ZeroDivisionError",
    }.items():
        assert main(["init", target]) == 2
        assert sentence in capsys.readouterr().err
    assert not list(folder.glob("test_*"))
