"""Paths such as ``W.grad``, ``grads['W']`` or ``get_grad()``: where a value stands on someone else's object."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from cnngrad.core.errors import UsageError

_STEP = re.compile(
    r"""\.(?P<name>[^\W\d]\w*)|\[(?P<index>-?\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]|(?P<call>\(\))"""
)


class PathNotFound(LookupError):
    """The object has nothing at that path."""


@dataclass(frozen=True)
class Step:
    """One part of a path: ``.W``, ``['W']``, ``[0]`` or ``()``."""

    kind: Literal["attribute", "item", "call"]
    key: Any = None


@lru_cache(maxsize=256)
def parse(path: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        UsageError: it is no path.

    >>> [(step.kind, step.key) for step in parse("layers[0].grads['W']")]
    [('attribute', 'layers'), ('item', 0), ('attribute', 'grads'), ('item', 'W')]
    """
    text = path if path[:1] in (".", "[") else f".{path}"
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise UsageError(
                f"{path!r} is no path on an object; a path looks like W, W.grad, grads['W'], grads[0] or get_grad()"
            )
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["name"] is not None:
        return Step("attribute", match["name"])
    if match["call"] is not None:
        return Step("call")
    return Step("item", match["key"] if match["index"] is None else int(match["index"]))


def read(root: Any, path: str) -> Any:
    """The value at a path; what a method or property raises on the way comes through as it is.

    Raises:
        PathNotFound: an attribute, key or index on the way does not exist.

    >>> read({"W": [1, 2]}, "['W'][1]")
    2
    """
    for step in parse(path):
        root = _take(root, step, path)
    return root


def _take(value: Any, step: Step, path: str) -> Any:
    if step.kind == "call":
        return value()
    missing = (AttributeError,) if step.kind == "attribute" else (KeyError, IndexError, TypeError)
    try:
        return getattr(value, step.key) if step.kind == "attribute" else value[step.key]
    except missing as error:
        raise PathNotFound(path) from error


def has(root: Any, path: str) -> bool:
    """Whether something other than ``None`` stands at a path.

    >>> has([7, None], "[0]"), has([7, None], "[1]"), has([7, None], "[2]")
    (True, False, False)
    """
    try:
        return read(root, path) is not None
    except PathNotFound:
        return False


def write(root: Any, path: str, value: Any) -> None:
    """Put a value at a path; the last attribute or key need not exist yet.

    Raises:
        PathNotFound: what would hold the value does not exist.
        UsageError: the place cannot be assigned to.

    >>> weights = {"W": [1, 2]}
    >>> write(weights, "['W'][1]", 3); weights
    {'W': [1, 3]}
    """
    *way, last = parse(path)
    holder = root
    for step in way:
        holder = _take(holder, step, path)
    try:
        if last.kind == "attribute":
            setattr(holder, last.key, value)
        elif last.kind == "item":
            holder[last.key] = value
        else:
            raise TypeError("a method's result is no place")
    except (AttributeError, TypeError, IndexError) as error:
        raise UsageError(
            f"{type(root).__name__}: {path} cannot be assigned to ({error}); "
            f"let the factory hand it over: lambda {_last_name(path)}: {type(root).__name__}({_last_name(path)})"
        ) from error


def _last_name(path: str) -> str:
    names = re.findall(r"[^\W\d]\w*", path)
    return str(names[-1]) if names else "value"


def methods_of(value: Any) -> list[str]:
    """Names of the public methods, ``__call__`` among them."""
    public = [name for name in dir(value) if not name.startswith("_")]
    methods = [name for name in public if callable(inspect.getattr_static(value, name))]
    return [*methods, "__call__"] if callable(value) else methods


def attributes_of(value: Any) -> list[str]:
    """Names of the public attributes and properties that are no methods."""
    methods = methods_of(value)
    return [name for name in dir(value) if not name.startswith("_") and name not in methods]


def is_returned(path: str) -> bool:
    """Whether a path starts at what backward returned.

    >>> is_returned("return[1]"), is_returned("returned")
    (True, False)
    """
    return re.match(r"return(?!\w)", path) is not None


def read_returned(returned: Any, path: str) -> Any:
    """The value at a path that starts at what backward returned.

    >>> read_returned(("dx", ["dW"]), "return[1][0]")
    'dW'
    """
    return returned if path == "return" else read(returned, path.removeprefix("return"))
