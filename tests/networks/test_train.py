"""The training program: it learns, goes on where it stopped, and stops at a wrong gradient with the diagnosis."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.data import Digits, generated_digits
from cnngrad.networks import initial, perceptron

PROGRAM = Path(__file__).parents[2] / "examples" / "train.py"


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_example", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def judge(wrong_gradients: Any) -> Any:
    """A check by central differences that answers as cnngrad.check does; counts its calls."""
    calls: list[str] = []

    def check(layer: Any, *inputs: Any, **keywords: Any) -> Any:
        calls.append(layer.name)
        wrong = wrong_gradients(layer, inputs)
        text = f"{layer.name}: wrong for {', '.join(wrong)}" if wrong else f"{layer.name}: right"
        return type("Report", (SimpleNamespace,), {"__str__": lambda self: text})(
            status="failed" if wrong else "passed", results=[]
        )

    check.calls = calls  # type: ignore[attr-defined]  # wrong on purpose
    return check


@pytest.fixture(scope="module")
def data() -> Digits:
    rng = np.random.default_rng(0)
    return Digits(*generated_digits(rng, 200), *generated_digits(rng, 100), "generated")


def _options(train: ModuleType, *more: str) -> Any:
    return train.arguments(["--network", "001", "--batch", "20", "--check-every", "5", *more])


def test_it_learns_and_the_gradient_is_checked_on_the_way(train: Any, judge: Any, data: Digits) -> None:
    task = train.NETWORKS["001"](np.random.default_rng(0))
    state = train.train(task, data, _options(train, "--epochs", "20", "--check-every", "50"), judge)
    assert state.step == 200
    assert np.mean(state.losses[-10:]) < 0.5 * state.losses[0]
    assert len(judge.calls) == 4
    before = train.percent_wrong(task, task.start, data.test_images, data.test_labels)
    assert train.percent_wrong(task, state.parameters, data.test_images, data.test_labels) < before - 20.0


@pytest.mark.parametrize("network", ["000", "001-conv", "002", "003", "004", "004-paper"])
def test_every_network_takes_a_step(train: Any, judge: Any, data: Digits, network: str) -> None:
    task = train.NETWORKS[network](np.random.default_rng(0))
    few = Digits(data.train_images[:4], data.train_labels[:4], data.test_images[:4], data.test_labels[:4], "")
    state = train.train(task, few, _options(train, "--network", network, "--batch", "2"), judge)
    assert state.step == 2
    assert all(np.any(state.parameters[name] != task.start[name]) for name in task.start)


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    train: Any, judge: Any, data: Digits, tmp_path: Path, capsys: Any
) -> None:
    task = train.NETWORKS["001"](np.random.default_rng(0))
    whole = train.train(task, data, _options(train, "--epochs", "2"), judge)
    calls = []

    def interrupting(layer: Any, *inputs: Any, **keywords: Any) -> Any:
        calls.append(layer)
        if len(calls) == 4:
            raise KeyboardInterrupt
        unclear = SimpleNamespace(status="inconclusive", input="x", reason="several kinks")
        return SimpleNamespace(status="inconclusive", results=[unclear])

    path = tmp_path / "state.npz"
    options = _options(train, "--epochs", "2", "--checkpoint", str(path))
    with pytest.raises(KeyboardInterrupt):
        train.train(task, data, options, interrupting)
    assert "after 5 batches the gradient check says: inconclusive\n  x: several kinks\n" in capsys.readouterr().out
    resumed = train.train(task, data, options, judge)
    assert f"resumed from {path} after 10 batches" in capsys.readouterr().out
    assert resumed.losses == whole.losses
    for name, value in whole.parameters.items():
        np.testing.assert_array_equal(resumed.parameters[name], value)
    with pytest.raises(UsageError, match=r"is the checkpoint of another run \(network=001 .*seed=0; now .*seed=1\)"):
        train.train(task, data, _options(train, "--seed", "1", "--checkpoint", str(path)), judge)
    path.write_bytes(b"half a file")
    with pytest.raises(UsageError, match="is no checkpoint of this program"):
        train.train(task, data, options, judge)


@pytest.mark.parametrize("after", [0, 5])
def test_a_spoilt_gradient_stops_it_with_the_report(
    train: Any, data: Digits, spoil: Any, after: int, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    import cnngrad

    monkeypatch.chdir(tmp_path)  # the failing point is saved
    small = perceptron((784, 5, 10))
    task = train.Task(small, "O2", "E.t", 0.1, initial(small, np.random.default_rng(0)), shape=(784,))
    net = spoil(task.net, "H1", "b")
    calls: list[str] = []

    def right_at_first(*inputs: Any) -> Any:
        """The gradient of H1.b goes wrong once so many batches were seen, as when someone edits a running layer."""
        batch = len(inputs[0]) > 2
        calls.extend(["batch"] * batch)
        return (net if len(calls) >= after else task.net).vjp(*inputs)

    spoilt = replace(task, net=replace(net, vjp=right_at_first))
    with pytest.raises(SystemExit) as stopped:
        train.train(spoilt, data, _options(train), cnngrad.check)
    message = str(stopped.value)
    first, second, *_ = message.split("\n")
    assert first == f"stopped after {after} batches, the gradient is wrong:"
    assert second == "perceptron: gradients_match_forward failed for H1.b"
    assert "stage H1 (dense) alone is wrong for b" in message
    assert "not affected: " in message
    assert "H1.w" in message
    said = capsys.readouterr().out
    assert said.endswith(f"after {after} batches the gradient check says: failed\n")
    assert ("after 0 batches the gradient check says: passed" in said) == (after > 0)
    right = train.train(task, data, _options(train), cnngrad.check)
    assert right.step == 10


def test_the_whole_program(train: Any, judge: Any, data: Digits, monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(train, "digits", lambda folder: data)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert train.main(["--network", "001", "--curve", str(tmp_path / "c.png")], judge) == 0
    out = capsys.readouterr().out
    assert "network 001 on generated" in out
    assert "  4 of 4 batches" in out
    assert "4 batches, " in out
    assert "test error" in out
    assert "no loss curve: matplotlib is not installed" in out
    assert train.main(["--batch", "300"], judge) == 2
    assert "--batch 300 is more than the 200 training images there are" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train.main(["--epochs", "0"], judge)
    assert "--epochs is 0; it takes a whole number from 1 on" in capsys.readouterr().err


def test_without_a_folder_it_says_what_it_runs_on(train: Any, monkeypatch: Any, judge: Any, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert "generated digits (no --data folder with MNIST" in train.digits(None).source
    small = SimpleNamespace(images=np.full((1410, 8, 8), 16.0), target=np.zeros(1410, dtype=int))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", SimpleNamespace(load_digits=lambda: small))
    found = train.digits(None)
    assert found.train_images.shape == (1400, 1, 28, 28)
    assert found.train_images[0, 0, 1:3, 2].tolist() == [0.0, 1.0]
    assert "small digits of scikit-learn, enlarged to 28x28" in found.source
    assert train.main(["--data", "/nowhere"], judge) == 2
    assert "/nowhere is no folder" in capsys.readouterr().err
