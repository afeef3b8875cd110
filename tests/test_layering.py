"""Imports point one way: the source of every module is read, function bodies and TYPE_CHECKING blocks included."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

import pytest

import cnngrad

# What each part may import, beside itself. An entry with a dot is one module of a part.
ALLOWED: dict[str, tuple[str, ...]] = {
    "core": (),
    "layers": ("core",),
    "networks": ("core", "layers"),
    "adapters": ("core",),
    "differentiation": ("core.arrays", "core.errors"),
    "oracles": ("core", "layers"),
    "checks": ("core", "differentiation", "oracles"),
    "diagnosis": ("core", "differentiation", "checks"),
    "data": ("core",),
    "report": ("core",),
    "pytest_plugin": (),
    "shrinking": ("core",),
    "search": ("core", "shrinking"),
    "varying": ("core",),
    "points": ("core", "search", "varying"),
    "memory": ("core",),
    "targets": ("core",),
    "scaffold": ("core", "adapters"),
    "findings": ("core", "checks", "diagnosis", "report", "search", "shrinking"),
    "work": ("core", "checks", "memory", "points", "targets"),
    "units": ("core", "checks", "report", "search"),
    "examining": ("core", "checks", "findings", "report", "search", "units", "work"),
    "runner": (
        *("core", "checks", "examining", "findings", "memory", "points", "pytest_plugin", "report", "search", "work"),
    ),
    "auditing": ("core", "checks", "examining", "points", "report", "runner", "units", "work"),
    "testing": ("core", "checks", "report", "runner", "pytest_plugin"),
    "verify": (
        *("core", "checks", "data", "examining", "layers", "networks", "oracles", "points", "report", "search", "work"),
    ),
    "explain": ("core", "differentiation", "layers", "oracles"),
    "cli": (
        *("auditing", "core", "checks", "diagnosis", "explain", "layers", "report", "runner", "targets", "verify"),
        "scaffold",
        "work",
    ),
    "__main__": ("cli",),
}
FRAMEWORKS = ("torch", "jax", "jaxlib", "autograd")
FRAMEWORK_PARTS = ("adapters",)
SLOW = ("hypothesis", "scipy.signal")

Modules = Mapping[str, str]


@dataclass(frozen=True)
class Import:
    """One import, wherever it stands."""

    target: str
    in_function: bool = False
    type_checking: bool = False


def imports_of(name: str, modules: Modules) -> set[Import]:
    """Everything the module ``name`` imports, as absolute names of modules."""
    is_package = any(other.startswith(name + ".") for other in modules)
    package = name if is_package else name.rpartition(".")[0]
    return {
        Import(target, in_function, type_checking)
        for node, in_function, type_checking in _nodes(modules[name])
        for target in _targets(node, package, modules)
    }


@cache
def _nodes(source: str) -> list[tuple[ast.AST, bool, bool]]:
    return list(_walk(ast.parse(source)))


def _walk(
    node: ast.AST, in_function: bool = False, type_checking: bool = False
) -> Iterator[tuple[ast.AST, bool, bool]]:
    yield node, in_function, type_checking
    in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    type_checking |= isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, in_function, type_checking)


def _targets(node: ast.AST, package: str, modules: Modules) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = resolve_name("." * node.level + (node.module or ""), package)
        return [_member(base, alias.name, modules) for alias in node.names]
    if isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__"):
        literals = [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        return [resolve_name(literal, package) for literal in literals]
    return []


def _called(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _member(base: str, name: str, modules: Modules) -> str:
    """``from base import name`` imports the module of that name if there is one, else from ``base`` itself."""
    if f"{base}.{name}" in modules or (base, name) == ("cnngrad", "__version__"):
        return f"{base}.{name}"
    return base


def part_of(module: str) -> str:
    """The part of the package a module belongs to; empty for the package itself."""
    return module.removeprefix("cnngrad").lstrip(".").split(".")[0]


def _is_within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


def wrong_direction(modules: Modules) -> set[str]:
    """Imports from one part of another that it must not know."""
    return {
        f"{name} imports {found.target}"
        for name in modules
        for found in imports_of(name, modules)
        if _is_within(found.target, ("cnngrad",)) and not _may_import(name, found)
    }


def _may_import(name: str, found: Import) -> bool:
    if name == "cnngrad":
        return found.type_checking
    part, target = part_of(name), found.target.removeprefix("cnngrad").lstrip(".")
    return target == "__version__" or _is_within(target, (part, *ALLOWED.get(part, ())))


def cycles(modules: Modules) -> set[frozenset[str]]:
    """Groups of modules that import each other in a circle; the public package, which hands out all, aside."""
    imported = {
        name: {found.target for found in imports_of(name, modules)} & (set(modules) - {"cnngrad"})
        for name in modules
        if name != "cnngrad"
    }
    reached = {name: _reachable(name, imported) for name in imported}
    return {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in imported
        if name in reached[name]
    }


def _reachable(start: str, imported: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(imported[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(imported[name])
    return seen


def wrong_third_party(modules: Modules) -> set[str]:
    """Frameworks outside the adapters or imported early, slow modules imported early, a core that needs more."""
    return {
        f"{name} imports {found.target}"
        for name in modules
        for found in imports_of(name, modules)
        if _is_misplaced(part_of(name), found)
    }


def _is_misplaced(part: str, found: Import) -> bool:
    if _is_within(found.target, FRAMEWORKS):
        return part not in FRAMEWORK_PARTS or not found.in_function
    if _is_within(found.target, SLOW) and not (found.in_function or found.type_checking):
        return True
    top = found.target.split(".")[0]
    return part == "core" and top not in (*sys.stdlib_module_names, "numpy", "cnngrad")


def modules_of_the_package() -> dict[str, str]:
    """Every module of cnngrad with its source."""
    root = Path(cnngrad.__file__).parent
    return {
        ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__"): path.read_text("utf-8")
        for path in root.rglob("*.py")
    }


def test_every_part_is_known() -> None:
    parts = {part_of(name) for name in modules_of_the_package()} - {""}
    assert parts <= set(ALLOWED), "a new part of the package needs a line in ALLOWED"


def test_imports_point_one_way() -> None:
    assert wrong_direction(modules_of_the_package()) == set()


def test_no_modules_import_each_other() -> None:
    assert cycles(modules_of_the_package()) == set()


def test_frameworks_and_slow_modules_are_imported_late() -> None:
    assert wrong_third_party(modules_of_the_package()) == set()


def test_the_plan_itself_has_no_circle() -> None:
    plan = {part: {entry.split(".")[0] for entry in allowed} for part, allowed in ALLOWED.items()}
    assert not [part for part in plan if part in _reachable(part, plan)]


# Planted violations, which must be found, and their harmless neighbours, which must not.

NAMES = """
    core core.a core.arrays core.layer report report.text layers layers.conv differentiation differentiation.ladder
    adapters adapters.torch cli
"""
PACKAGE = {"cnngrad": "", **{f"cnngrad.{name}": "" for name in NAMES.split()}}


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [
        ("core.a", "from cnngrad.report import Report", "report"),
        ("core.a", "from cnngrad import report", "report"),
        ("core.a", "import cnngrad.report.text as t", "report.text"),
        ("core.a", "def f():\n    from cnngrad.report.text import view", "report.text"),
        ("core.a", "class A:\n    def f(self):\n        return lambda: __import__('cnngrad.report')", "report"),
        ("core.a", "if TYPE_CHECKING:\n    from cnngrad.report import Report", "report"),
        ("core.a", "if typing.TYPE_CHECKING:\n    from ..report.text import view", "report.text"),
        ("core.a", "from ..report import Report", "report"),
        ("core.a", "from .. import report", "report"),
        ("core", "from ..report import Report", "report"),
        ("core.a", "try:\n    import cnngrad.cli\nexcept ImportError:\n    pass", "cli"),
        ("core.a", "import importlib\nimportlib.import_module('cnngrad.cli')", "cli"),
        ("core.a", "from importlib import import_module\nimport_module('..cli', __package__)", "cli"),
        ("differentiation.ladder", "from cnngrad.core.layer import Layer", "core.layer"),
        ("differentiation.ladder", "from cnngrad.core import layer", "core.layer"),
        ("layers.conv", "from cnngrad.unheard_of import x", "unheard_of"),
    ],
)
def test_an_import_upwards_is_found(name: str, source: str, target: str) -> None:
    assert wrong_direction({**PACKAGE, f"cnngrad.{name}": source}) == {f"cnngrad.{name} imports cnngrad.{target}"}


@pytest.mark.parametrize("source", ["import cnngrad as cg", "from cnngrad import Layer", "from .. import Layer"])
def test_the_public_names_are_for_users(source: str) -> None:
    assert wrong_direction({**PACKAGE, "cnngrad.layers.conv": source}) == {"cnngrad.layers.conv imports cnngrad"}


def test_the_public_package_imports_nothing_early() -> None:
    early = {**PACKAGE, "cnngrad": "from cnngrad.core.layer import Layer"}
    assert wrong_direction(early) == {"cnngrad imports cnngrad.core.layer"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("core.a", "from cnngrad.core.arrays import flatten"),
        ("core.a", "from . import arrays"),
        ("core.a", "from cnngrad import __version__"),
        ("core.a", "'''import cnngrad.report'''"),
        ("core.a", "def f(load):\n    load('cnngrad.report')"),
        ("differentiation.ladder", "from cnngrad.core.arrays import flatten"),
        ("layers.conv", "from cnngrad.core.layer import Layer"),
        ("cli", "def f():\n    from cnngrad.report.text import view"),
        ("adapters.torch", "def f():\n    import torch"),
        ("layers.conv", "def f():\n    import scipy.signal"),
    ],
)
def test_a_right_import_is_accepted(name: str, source: str) -> None:
    modules = {**PACKAGE, f"cnngrad.{name}": source}
    assert (wrong_direction(modules), cycles(modules), wrong_third_party(modules)) == (set(), set(), set())


@pytest.mark.parametrize(
    ("sources", "circle"),
    [
        ({"core.a": "from . import arrays", "core.arrays": "from cnngrad.core import a"}, {"core.a", "core.arrays"}),
        (
            {"core.a": "import cnngrad.core.layer", "core.layer": "def f():\n    import cnngrad.core.a"},
            {"core.a", "core.layer"},
        ),
        (
            {
                "core.a": "from .arrays import x",
                "core.arrays": "if TYPE_CHECKING:\n    from .layer import Layer",
                "core.layer": "from .a import y",
            },
            {"core.a", "core.arrays", "core.layer"},
        ),
        (
            {"layers": "from .conv import conv", "layers.conv": "from cnngrad.layers import conv2d"},
            {"layers", "layers.conv"},
        ),
    ],
)
def test_a_circle_is_found(sources: dict[str, str], circle: set[str]) -> None:
    modules = {**PACKAGE, **{f"cnngrad.{name}": source for name, source in sources.items()}}
    assert cycles(modules) == {frozenset(f"cnngrad.{name}" for name in circle)}


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [
        ("layers.conv", "def f():\n    import torch", "torch"),
        ("adapters.torch", "import torch", "torch"),
        ("adapters.torch", "if TYPE_CHECKING:\n    from jax.numpy import ndarray", "jax.numpy"),
        ("adapters.torch", "class A:\n    import autograd", "autograd"),
        ("cli", "def f():\n    importlib.import_module('torch')", "torch"),
        ("layers.conv", "from scipy.signal import correlate", "scipy.signal"),
        ("cli", "import hypothesis", "hypothesis"),
        ("core.a", "def f():\n    import scipy", "scipy"),
    ],
)
def test_a_misplaced_dependency_is_found(name: str, source: str, target: str) -> None:
    assert wrong_third_party({**PACKAGE, f"cnngrad.{name}": source}) == {f"cnngrad.{name} imports {target}"}
