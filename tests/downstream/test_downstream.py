"""A project that has installed the wheel, and nothing else, gates itself with the pytest plugin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.test_packaging import ROOT, run

PROJECT = Path(__file__).with_name("project")

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment with the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("downstream")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    venv.create(folder / "venv", with_pip=True)
    run(folder / "venv/bin/python", "-m", "pip", "install", "-q", next(folder.glob("*.whl")), cwd=folder)
    return folder / "venv/bin/python"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")))


def gate(python: Path, project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(list(map(str, command)), cwd=project, env=environment, capture_output=True, text=True)


def test_right_layers_pass_the_gate(python: Path, project: Path) -> None:
    done = gate(python, project, "--junitxml=junit.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gradient checks: " in done.stdout
    items = {case.get("name") for case in ElementTree.parse(project / "junit.xml").iter("testcase")}
    assert {"test_relu_at_its_own_numbers", "test_gradients[relu-gradients_match_forward]"} <= items
    assert "test_layer[Dense-gradients_match_forward]" in items
    assert len(items) > 20


def test_a_mistake_stops_at_the_gate(python: Path, project: Path) -> None:
    source = project / "handmade.py"
    source.write_text(source.read_text("utf-8").replace("self.x.T @ dy,", "self.x.T @ dy / len(dy),"), "utf-8")
    done = gate(python, project)
    assert done.returncode == 1
    assert "gradients_match_forward failed for W" in done.stdout
    assert "test_handmade.py::TestDense::test_layer[Dense-gradients_match_forward]" in done.stdout
    assert "test_gradients[relu" not in done.stdout
    assert gate(python, project, "-k", "relu").returncode == 0
