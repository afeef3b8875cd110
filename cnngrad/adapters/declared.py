"""What all adapters share: the declarations they hand on to the layer, and questions about signatures."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from cnngrad.core.conventions import Conventions
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer

# The adapter itself provides these, and the layer the last.
_PROVIDED = ("vjp", "inputs", "shared", "conventions")


def refuse_unknown(adapter: Callable[..., Layer], declared: Mapping[str, Any]) -> None:
    """Refuse a keyword that neither the adapter nor a layer takes.

    Raises:
        UsageError: lists the accepted ones.

    >>> from cnngrad.adapters import from_functions
    >>> refuse_unknown(from_functions, {"dim": {"n": (1, 3)}})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    cnngrad.core.errors.UsageError: from_functions takes no keyword 'dim' (did you mean 'dims'?); it takes forward, ...
    """
    own = [p.name for p in inspect.signature(adapter).parameters.values() if p.kind is not p.VAR_KEYWORD]
    of_layer = [f.name for f in (*fields(Layer), *fields(Conventions))]
    accepted = [*own, *(name for name in of_layer if name not in (*_PROVIDED, *own))]
    for word in declared:
        if word not in accepted:
            raise UsageError(
                f"{adapter.__name__} takes no keyword {word!r}{hint(word, accepted)}; it takes {', '.join(accepted)}"
            )


def hint(word: str, accepted: Sequence[str]) -> str:
    """A suggestion for a misspelt word, or nothing.

    >>> hint("bacth_axis", ["batch_axis", "dims"]), hint("q", ["dims"])
    (" (did you mean 'batch_axis'?)", '')
    """
    close = difflib.get_close_matches(word, accepted, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return ", ".join(names) or "none"


def names_of(given: str | Iterable[str], word: str = "inputs") -> tuple[str, ...]:
    """One name or several, as a tuple; ``word`` is the keyword they were given for.

    Raises:
        UsageError: something else.
    """
    names: tuple[Any, ...] = (given,) if isinstance(given, str) else tuple(given) if _can_be_listed(given) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"{word}={given!r} are no names; it takes one, 'x', or several, ('x', 'w')")
    return names


def _can_be_listed(given: Any) -> bool:
    """Whether ``tuple`` takes it; an array of no dimension only looks as if it could."""
    return isinstance(given, Iterable) and not (isinstance(given, np.ndarray) and given.ndim == 0)


def refuse_other(word: str, given: Any, accepted: bool, example: str) -> None:
    """Refuse a keyword's value that is none it can take."""
    if not accepted:
        raise UsageError(f"{word}={given!r} is not what it takes: {example}")


def name_of(function: Any) -> str:
    """How messages call a function or class; ``layer`` for a lambda."""
    name = str(getattr(function, "__name__", type(function).__name__))
    return "layer" if name == "<lambda>" else name


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters of a function, ``None`` where Python cannot tell (some compiled ones)."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def keywords_of(function: Callable[..., Any]) -> list[str]:
    """The parameters that can be given by name."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters_of(function) or () if p.kind in by_name]


def takes_any_keyword(function: Callable[..., Any]) -> bool:
    """Whether a function has ``**keywords``, or nobody can tell."""
    parameters = parameters_of(function)
    return parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters)


def refuse_config(function: Callable[..., Any], config: Mapping[str, Any]) -> None:
    """Refuse a keyword of the configuration that the function it is for does not take."""
    if not config or takes_any_keyword(function):
        return
    accepted = keywords_of(function)
    for word in config:
        if word not in accepted:
            raise UsageError(
                f"{name_of(function)} takes no keyword {word!r}{hint(word, accepted)}, which config= hands to it; "
                f"it takes {listed(accepted)}"
            )


def positional_of(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters that can be given by position, ``None`` where any number can or nobody can tell."""
    parameters = parameters_of(function)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def scalar(dy: Any) -> Any:
    """The cotangent of a single number, whatever array it comes in."""
    return np.reshape(dy, ())[()]


def is_single(y: Any) -> bool:
    """Whether an output is one number, such as a loss."""
    return not isinstance(y, (tuple, list)) and np.size(y) == 1
