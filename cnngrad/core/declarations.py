"""What an author may declare about a layer, refused at once where it cannot be meant."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnngrad.core.errors import UsageError

RESERVED = ("values", "seed")  # the words of a printed case that are no dims


def as_names(declared: str, given: Any) -> tuple[str, ...]:
    """Names as a tuple; a single string is one name.

    Raises:
        UsageError: anything else, or a name twice.

    >>> as_names("inputs", "x"), as_names("inputs", ["x", "w"])
    (('x',), ('x', 'w'))
    """
    names = (given,) if isinstance(given, str) else given
    are_names = isinstance(names, (tuple, list)) and all(isinstance(name, str) and name for name in names)
    if are_names and len(set(names)) == len(names):
        return tuple(names)
    raise UsageError(f"{declared} is {given!r}; it takes names, each once: {declared}=('x', 'w')")


def _is_name(value: Any) -> bool:
    return isinstance(value, str)


def _or_none(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


def _by_name(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(_is_name, value)) and all(map(holds, value.values()))


def _is_axis(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _anything(value: Any) -> bool:
    return True


# What each declaration may be, and how one is written.
KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_name, "'conv'"),
    "target": (_is_name, "'mynet.py:conv'"),
    "precision": (_is_name, "'float32'"),
    "contiguous": (lambda value: isinstance(value, bool), "True or False"),
    "conventions": (lambda value: isinstance(value, tuple) and all(map(_is_name, value)), "('a sentence',)"),
    "shapes": (
        _or_none(lambda value: callable(value) or _by_name(_anything)(value)),
        "{'x': (2, 3)}, or lambda d: ...",
    ),
    "config": (
        _or_none(lambda value: callable(value) or _by_name(_anything)(value)),
        "{'stride': 2}, or lambda d: ...",
    ),
    "where": (_or_none(callable), "lambda d: d.height >= d.k"),
    "draw": (_by_name(callable), "{'t': lambda rng, shape, d: ...}"),
    "domain": (_by_name(_anything), "{'x': (0, 1)}"),
    "features": (_by_name(callable), "{'padding': lambda point: ...}"),
    "batch_axis": (_or_none(lambda value: _is_axis(value) or _by_name(_is_axis)(value)), "0, or {'x': 0, 'y': 0}"),
    "random": (_or_none(callable), "a function that reseeds the layer"),
    "shared": (_or_none(callable), "a function that returns a vjp"),
    "parts": (_or_none(callable), "a function of the inputs"),
}


def refuse_wrong_kinds(declared: Any) -> None:
    """Each declaration of a layer is of the kind that it takes.

    Raises:
        UsageError: one is not.
    """
    for word, (holds, example) in KINDS.items():
        value = getattr(declared, word)
        if not holds(value):
            given = repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."
            raise UsageError(f"{word} is {given}; it takes {example}")


def refuse_wrong_dims(layer: str, dims: Any) -> None:
    """Dims are ranges of whole numbers by a name that a printed case can hold.

    Raises:
        UsageError: they are not.
    """
    if dims is None:
        return
    if not isinstance(dims, Mapping):
        raise UsageError(f"{layer}: dims is {dims!r}; it takes ranges by name: dims={{'n': (1, 3)}}")
    for dim, limits in dims.items():
        if not isinstance(dim, str) or not dim.isidentifier() or dim in RESERVED:
            raise UsageError(f"{layer}: a dim is called {dim!r}; it takes a name, not {' or '.join(RESERVED)}")
        if not _is_range(limits):
            raise UsageError(
                f"{layer}: dims[{dim!r}] is {limits!r}; it takes two whole numbers (lowest, highest), "
                "both included, lowest first: (1, 3)"
            )


def _is_range(limits: Any) -> bool:
    try:
        low, high = limits
    except (TypeError, ValueError, OverflowError):
        return False
    return isinstance(low, (int, np.integer)) and isinstance(high, (int, np.integer)) and bool(low <= high)


def refuse_wrong_domain(layer: str, domain: Mapping[str, Any]) -> None:
    """A domain is an open interval for each input it names.

    Raises:
        UsageError: it is not.
    """
    for name, interval in domain.items():
        try:
            low, high = (float(end) for end in interval)
        except (TypeError, ValueError, OverflowError):
            low = high = float("nan")
        if not low < high:
            raise UsageError(
                f"{layer}: domain[{name!r}] is {interval!r}; it takes an open interval, lower end first: (0, 1), "
                "or (0, math.inf)"
            )


def as_shape(layer: str, name: str, shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of whole numbers; a single number is one side.

    Raises:
        UsageError: a side that is no whole number, or negative.

    >>> as_shape("conv", "x", 3), as_shape("conv", "x", [2, 3])
    ((3,), (2, 3))
    """
    try:
        sides = tuple(operator.index(side) for side in ((shape,) if isinstance(shape, (int, np.integer)) else shape))
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{layer}: the shape of {name} is {shape!r}; it takes a tuple of whole numbers") from None
    if any(side < 0 for side in sides):
        raise UsageError(f"{layer}: the shape of {name} is {sides}; no side can be negative (is a where= missing?)")
    return sides
