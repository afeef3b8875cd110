"""What a finished unit's result hangs on beside its case: versions, and every source file that was at work."""

from __future__ import annotations

import ast
import hashlib
import platform
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec, resolve_name
from pathlib import Path
from types import ModuleType

import numpy as np

from cnngrad import __version__

OWN = Path(__file__).parents[1]  # cnngrad


def fingerprint(module: ModuleType) -> str:
    """A digest that changes with the versions, with cnngrad's own source and with that of the layer's module.

    Args:
        module: where the layer stands. The modules it imports count too, unless they are installed ones.

    >>> import cnngrad.core.case, cnngrad.core.result
    >>> fingerprint(cnngrad.core.case) == fingerprint(cnngrad.core.result)  # both are part of cnngrad
    True
    """
    digest = hashlib.sha256(f"{__version__} {platform.python_version()} {np.__version__}".encode())
    for path in [*sorted(OWN.rglob("*.py")), *sources_of(module)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def sources_of(module: ModuleType) -> list[Path]:
    """The file of a module and those of all modules it imports, wherever the import stands.

    Left out are the standard library, installed packages and cnngrad itself.

    >>> import cnngrad.core.values
    >>> sources_of(cnngrad.core.values)
    []
    """
    found: set[Path] = set()
    waiting = [(module.__name__, Path(getattr(module, "__file__", None) or ""))]
    while waiting:
        name, path = waiting.pop()
        if path in found or path.suffix != ".py" or _installed(path):
            continue
        found.add(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _located(_imported(path, package))
    return sorted(found)


def _imported(path: Path, package: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package) if node.level else str(node.module)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _located(names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    parts = (name.split(".") for name in names if name.split(".")[0] not in sys.stdlib_module_names)
    for name in dict.fromkeys(".".join(part[: k + 1]) for part in parts for k in range(len(part))):
        known = sys.modules.get(name)
        origin = getattr(known, "__file__", None) if known else _origin(name)
        if origin:
            yield name, Path(origin)


def _origin(name: str) -> str | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):  # a name within a module, or a module that is not there
        return None
    return spec.origin if spec else None


def _installed(path: Path) -> bool:
    within = (OWN, Path(sys.base_prefix) / "lib")
    return "site-packages" in path.parts or any(map(path.is_relative_to, within))
