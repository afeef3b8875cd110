"""Failing cases remembered from run to run: one small file each, tried first next time, removed by a pass at that case.

They lie in ``.cnngrad/failures``, or where the environment variable ``CNNGRAD_MEMORY`` says; ``CNNGRAD_MEMORY=off``
remembers nothing. The name of a file holds the layer, the check and the case, so that no two of them share one, and a
pass of one layer never takes away what another failed at.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.files import write_whole
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status

FOLDER = Path(".cnngrad") / "failures"
OFF = ("off", "0", "no", "false")
DEPTH = 6  # how far wrappers around the user's own functions are looked through


@dataclass(frozen=True)
class Remembered:
    """One case at which a check of the layer failed before."""

    check: str
    case: Case
    path: Path

    def forget(self) -> None:
        """Remove this entry and no other; one that cannot be removed stays."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            return


def folder() -> Path | None:
    """Where failing cases are kept; ``None`` where nothing is to be remembered."""
    said = os.environ.get("CNNGRAD_MEMORY", "").strip()
    if said.lower() in OFF:
        return None
    return Path(said) if said else FOLDER


def remember(layer: Layer, check: str, case: Case) -> None:
    """Keep a failing case. A folder that cannot be written is no error: then nothing is remembered.

    >>> remember(Layer(lambda x: None, ("x",), "demo"), "some_check", Case(values="file:x.npz"))  # kept elsewhere
    """
    where = folder()
    if where is None or case.values.startswith("file:") or not _declared(layer, case):
        return
    entry = {"layer": layer.name, "check": check, "case": str(case)}
    path = where / f"{key_of(layer)}-{check}-{_digest(str(case))}.json"
    try:
        write_whole(path, lambda file: file.write(json.dumps(entry, indent=2).encode() + b"\n"))
    except UsageError:
        return


def recall(layer: Layer, checks: Iterable[str]) -> tuple[list[Remembered], tuple[str, ...]]:
    """What is remembered of a layer for these checks, in a fixed order, and notes on files that cannot be read.

    Cases that the layer no longer declares are left out and kept.
    """
    where = folder()
    found: list[Remembered] = []
    notes: list[str] = []
    wanted = set(checks)
    try:
        paths = sorted(where.glob(f"{key_of(layer)}-*.json")) if where else []
    except OSError:
        paths = []
    for path in paths:
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            check, case = str(entry["check"]), Case.parse(entry["case"])
        except (OSError, ValueError, KeyError, TypeError):  # a UsageError is a ValueError
            notes.append(f"  {path} is no remembered case and was ignored; delete it")
            continue
        if check in wanted and _declared(layer, case):
            found.append(Remembered(check, case, path))
    return found, tuple(notes)


def learn(layer: Layer, known: Iterable[Remembered], results: Iterable[Result]) -> None:
    """Remember what failed, and forget what was known and passed: that case of that check, nothing else."""
    by_statement: dict[tuple[str, Case], set[Status]] = {}
    for result in results:
        if result.case is None:
            continue
        by_statement.setdefault((result.check, result.case), set()).add(result.status)
        if result.status in (Status.FAILED, Status.ERROR):
            remember(layer, result.check, result.case)
    for entry in known:
        statuses = by_statement.get((entry.check, entry.case), set())
        if Status.PASSED in statuses and statuses <= {Status.PASSED, Status.NOT_APPLICABLE}:
            entry.forget()


def key_of(layer: Layer) -> str:
    """The layer's part of a file's name: its name, and a digest of what it is made of and where that is written.

    The text of the functions is not part of it: a layer that is being corrected stays the same layer.
    """
    readable = re.sub(r"[^A-Za-z0-9_.]+", "_", layer.name)[:40]
    return f"{readable}-{_digest(repr((layer.name, layer.inputs, made_of(layer))))}"


def made_of(layer: Layer) -> list[str]:
    """Names, files and plain values that a layer's function is made of."""
    return list(_identity(layer.vjp, DEPTH))


def _declared(layer: Layer, case: Case) -> bool:
    dims = layer.dims or {}
    within = all(name in dims and dims[name][0] <= size <= dims[name][1] for name, size in case.dims)
    shapes = {} if layer.dims or callable(layer.shapes) else dict(layer.shapes or {})
    fits = all(shapes.get(name) == shape for name, shape in case.shapes)
    return within and fits and set(case.sizes) == set(dims) and layer.allows(case.sizes)


def _identity(thing: Any, depth: int) -> Iterator[str]:
    """Names, files and plain values that a callable is made of, through partials, closures, methods and wrappers."""
    if isinstance(thing, (bool, int, float, complex, str, bytes, type(None))):
        yield repr(thing)
    elif depth and isinstance(thing, partial):
        yield from _all((thing.func, *thing.args, thing.keywords), depth)
    elif depth and isinstance(thing, MethodType):
        yield from _all((thing.__self__, thing.__func__), depth)
    elif depth and isinstance(thing, FunctionType):
        yield from _named(thing.__code__, thing.__qualname__)
        yield from _all(_contents(thing), depth)
    elif depth and isinstance(thing, (tuple, list)):
        yield from _all(thing, depth)
    elif depth and isinstance(thing, Mapping):
        yield from _all([part for item in thing.items() for part in item], depth)
    elif isinstance(thing, type):
        yield f"{thing.__module__}.{thing.__qualname__}"
    else:
        yield f"a {type(thing).__module__}.{type(thing).__qualname__} {getattr(thing, '__name__', '')}"
        if depth and type(thing).__module__.startswith("cnngrad."):
            yield from _all(list(getattr(thing, "__dict__", {}).values()), depth)


def _named(code: CodeType, name: str) -> Iterator[str]:
    path = Path(code.co_filename)
    if path.is_file():  # cells of a notebook have made-up names that change
        own = path.resolve()
        yield str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)
    yield name
    if "<lambda>" in name:
        yield from code.co_names


def _contents(function: FunctionType) -> list[Any]:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # still empty
            continue
    return [*cells, *(function.__defaults__ or ()), function.__kwdefaults__ or {}]


def _all(parts: Iterable[Any], depth: int) -> Iterator[str]:
    for part in parts:
        yield from _identity(part, depth - 1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
