"""Calling the small functions that a layer is declared with; what they raise is told as theirs, with its line."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cnngrad.core.errors import UsageError

HERE = Path(__file__).parent


def asked(word: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function says that was declared as ``word``.

    Raises:
        UsageError: it raised; the original error is the cause.

    >>> asked("shapes", lambda d: {"x": (d.n // d.k,)}, SimpleNamespace(n=4, k=0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    cnngrad.core.errors.UsageError: the function declared as shapes= raised ZeroDivisionError: ...
    """
    try:
        return function(*arguments)
    except UsageError:
        raise
    except Exception as error:
        given = f" when given {arguments[-1]}" if arguments and isinstance(arguments[-1], SimpleNamespace) else ""
        raised = f"{type(error).__name__}: {error}"
        raise UsageError(
            f"the function declared as {word}= raised {raised}{_line(error)}{given}: it is yours to correct"
        ) from error


def allows(where: Callable[[Any], Any] | None, sizes: Mapping[str, int]) -> bool:
    """Whether a declared ``where`` takes a configuration; all are taken where there is none.

    >>> allows(lambda d: d.n > 1, {"n": 1}), allows(None, {})
    (False, True)
    """
    return where is None or bool(asked("where", lambda d: bool(where(d)), SimpleNamespace(**sizes)))


def has(predicate: Callable[[Any], Any], point: Any) -> bool:
    """Whether a point has a declared feature."""
    return bool(asked("features", lambda each: bool(predicate(each)), point))


def _line(error: Exception) -> str:
    """Where in the user's code it was raised, as far as that can be told."""
    steps = traceback.extract_tb(error.__traceback__)
    theirs = [step for step in steps if Path(step.filename).parent != HERE and "site-packages" not in step.filename]
    return f" (line {theirs[-1].lineno} of {theirs[-1].filename})" if theirs else ""
