"""The package as others get it: a wheel in an environment of its own, away from this folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import cnngrad

ROOT = Path(__file__).parent.parent
LOWER_BOUND = re.compile(r"([\w.-]+)>=([\w.]+)")
OLDEST_PYTHON = "python3.11"

pytestmark = pytest.mark.integration


def lower_bounds(dependencies: list[str]) -> list[str]:
    """The oldest version of each dependency that is promised to work."""
    matches = [LOWER_BOUND.fullmatch(dependency) for dependency in dependencies]
    assert all(matches), f"every dependency needs a lower bound and nothing else: {dependencies}"
    return [f"{match[1]}=={match[2]}" for match in matches if match]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside the tree, warnings as errors, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def oldest(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and the oldest dependencies it admits."""
    folder = tmp_path_factory.mktemp("oldest")
    python = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which(OLDEST_PYTHON)
    if python is None:
        pytest.skip(f"the lower bounds are for {OLDEST_PYTHON}, which is not installed here")
    run(python, "-m", "venv", folder / "venv", cwd=folder)
    bounds = lower_bounds(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"])
    run(folder / "venv/bin/python", "-m", "pip", "install", "-q", wheel, *bounds, cwd=folder)
    return folder / "venv/bin"


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"cnngrad/py.typed", "cnngrad/__init__.py"} <= names
    assert {name.split("/")[0] for name in names} == {"cnngrad", f"cnngrad-{cnngrad.__version__}.dist-info"}


def test_the_wheel_holds_every_module_and_what_they_read(wheel: Path) -> None:
    files = [path for path in (ROOT / "cnngrad").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    here = {str(path.relative_to(ROOT)) for path in files}
    assert {"cnngrad/report/schema.json", "cnngrad/report/page/page.js"} <= here
    assert here <= set(zipfile.ZipFile(wheel).namelist())


def test_the_newest_dependencies_work(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv/bin"
    run(programs / "python", "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    assert_it_works(programs, tmp_path)


def test_the_oldest_dependencies_work(oldest: Path, tmp_path: Path) -> None:
    assert_it_works(oldest, tmp_path)


def test_the_oldest_dependencies_verify_the_reference_layers(oldest: Path, tmp_path: Path) -> None:
    run(oldest / "cnngrad", "verify", cwd=tmp_path)


def assert_it_works(programs: Path, cwd: Path) -> None:
    """Every public name is there, from the wheel, without a warning; so is the command and the pytest plugin."""
    use = "import cnngrad as c; [getattr(c, name) for name in c.__all__]; print(c.__file__)"
    assert str(programs.parent) in run(programs / "python", "-W", "error", "-c", use, cwd=cwd)
    assert cnngrad.__version__ in run(programs / "cnngrad", "--version", cwd=cwd)
    assert "--cnngrad-effort" in run(programs / "pytest", "--help", cwd=cwd)


def test_a_dependency_without_a_lower_bound_is_found() -> None:
    assert lower_bounds(["numpy>=2.0"]) == ["numpy==2.0"]
    with pytest.raises(AssertionError, match="needs a lower bound"):
        lower_bounds(["numpy>=2.0", "scipy"])
