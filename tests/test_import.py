"""The public names: handed out lazily, listed three times in agreement, and cheap to import."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys

import pytest

import cnngrad

HEAVY = ("numpy", "scipy", "hypothesis", "pytest", "_pytest", "torch", "jax", "autograd")


def names_for_type_checkers(source: str) -> set[str]:
    """What the ``if TYPE_CHECKING:`` blocks of a module re-export."""
    blocks = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    chosen = [block for block in blocks if isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"]
    imports = [node for block in chosen for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname for node in imports for alias in node.names if alias.asname == alias.name}


def homes_for_type_checkers(source: str) -> dict[str, str]:
    """The module each of those names is imported from."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: str(node.module) for node in nodes for alias in node.names if alias.asname}


def test_the_three_lists_of_names_agree() -> None:
    lazy = set(cnngrad._HOME)
    assert lazy == names_for_type_checkers(inspect.getsource(cnngrad))
    assert {*lazy, "__version__"} == set(cnngrad.__all__)


def test_type_checkers_are_told_the_same_homes() -> None:
    told = homes_for_type_checkers(inspect.getsource(cnngrad))
    submodules = {name: home for name, home in cnngrad._HOME.items() if home == f"cnngrad.{name}"}
    assert told == {**cnngrad._HOME, **dict.fromkeys(submodules, "cnngrad")}


def test_a_name_missing_for_type_checkers_is_found() -> None:
    source = "if TYPE_CHECKING:\n    from a import x as x\n    from a import hidden\nfrom b import y as y\n"
    assert names_for_type_checkers(source) == {"x"}


@pytest.mark.parametrize("name", cnngrad.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(cnngrad, name)
    if name in cnngrad._HOME:
        home = importlib.import_module(cnngrad._HOME[name])
        assert value is getattr(home, name, home)


def test_names_are_listed_before_they_are_used() -> None:
    assert set(cnngrad.__all__) <= set(dir(cnngrad))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'cnngrad' has no attribute 'Lairs'"):
        cnngrad.Lairs  # type: ignore[attr-defined]  # noqa: B018 - asking is the test
    assert not hasattr(cnngrad, "Lairs")


def loaded_by(statement: str) -> set[str]:
    """Which of the heavy modules a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["cnngrad", "cnngrad.pytest_plugin"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}") == set()


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_command_line_loads_nothing_heavy_before_it_has_work_to_do(option: str) -> None:
    run = f"import sys, contextlib; sys.argv[1:] = [{option!r}]; from cnngrad.__main__ import main"
    quiet = "with contextlib.redirect_stdout(None), contextlib.suppress(SystemExit): main()"
    assert loaded_by(f"{run}; exec({quiet!r})") == set()


def test_a_heavy_import_would_be_seen() -> None:
    assert "numpy" in loaded_by("import cnngrad; cnngrad.Layer")
