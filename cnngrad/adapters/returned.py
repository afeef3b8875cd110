"""What someone's function returned, by name: outputs, caches and gradients, in tuples, lists or dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnngrad.core.arrays import shape_text
from cnngrad.core.errors import UsageError

# One name, or names nested as the returned tuples are: ("x", ("w", "b")).
Names = str | Sequence[Any]


def aliases(name: str) -> tuple[str, str, str]:
    """The words by which people return the gradient of an input.

    >>> aliases("w")
    ('w', 'dw', 'grad_w')
    """
    return name, f"d{name}", f"grad_{name}"


def input_called(word: str, inputs: Sequence[str]) -> str | None:
    """The input that a word means, the input's own name before any alias; ``None`` if it means none.

    >>> input_called("dw", ("x", "w")), input_called("dw", ("w", "dw")), input_called("loss", ("x",))
    ('w', 'dw', None)
    """
    if word in inputs:
        return word
    return next((name for name in inputs if word in aliases(name)), None)


def flat_names(names: Names) -> list[str]:
    """Nested names, one after the other.

    >>> flat_names(("x", ("w", "b")))
    ['x', 'w', 'b']
    """
    return [names] if isinstance(names, str) else [flat for part in names for flat in flat_names(part)]


def resolved(names: Names, inputs: Sequence[str]) -> Names:
    """Nested names with every alias replaced by the input it means; ``_`` stays.

    Raises:
        UsageError: a name that means no input.

    >>> resolved(("dx", ("dw", "_")), ("x", "w"))
    ('x', ('w', '_'))
    """
    if isinstance(names, (tuple, list)):
        return tuple(resolved(part, inputs) for part in names)
    if not isinstance(names, str):
        raise UsageError(
            f"backward_returns names {names!r}; it takes names, nested as what is returned: ('x', ('w', 'b'))"
        )
    meant = "_" if names == "_" else input_called(names, inputs)
    if meant is None:
        raise UsageError(f"backward_returns names {names!r}; the inputs are {', '.join(inputs)}, and _ is left aside")
    return meant


def outputs_by_name(returned: Any, names: tuple[str, ...], who: str) -> dict[str, Any]:
    """What a forward returned, by the names declared for it, the very objects themselves.

    Raises:
        UsageError: another number of values than names.

    >>> outputs_by_name((1.0, "kept"), ("y", "cache"), "f")
    {'y': 1.0, 'cache': 'kept'}
    """
    if len(names) == 1:
        return {names[0]: returned}
    if isinstance(returned, Mapping) and all(name in returned for name in names):
        return {name: returned[name] for name in names}
    if not isinstance(returned, (tuple, list)) or len(returned) != len(names):
        raise UsageError(
            f"{who} returned {_text(returned)}, forward_returns names {len(names)} ({', '.join(names)}): "
            "name what it returns, in order; forward_returns='y' if it is the output alone"
        )
    return dict(zip(names, returned, strict=True))


def gradients_in(returned: Any, names: Names, who: str) -> dict[str, Any]:
    """The gradients that a backward returned, by the declared names; a dict by its keys.

    Raises:
        UsageError: another number of gradients than names, or a dict with no known key.

    >>> gradients_in((1.0, [2.0, 3.0]), ("x", ("w", "b")), "f")
    {'x': 1.0, 'w': 2.0, 'b': 3.0}
    >>> gradients_in({"dw": 2.0, "grad_x": 1.0}, ("x", "w", "b"), "f")
    {'x': 1.0, 'w': 2.0}
    """
    if isinstance(names, str):
        return {} if names == "_" else {names: returned}
    if isinstance(returned, Mapping):
        return _by_key(returned, flat_names(names), who)
    if len(names) == 1 and not (isinstance(returned, (tuple, list)) and len(returned) == 1):
        return gradients_in(returned, names[0], who)  # dx as well as (dx,)
    if not isinstance(returned, (tuple, list)) or len(returned) != len(names):
        raise UsageError(
            f"{who} returned {_text(returned)} where {len(names)} gradients are expected "
            f"({', '.join(flat_names(names))}): name what it returns, in order, with backward_returns="
        )
    found: dict[str, Any] = {}
    for part, value in zip(names, returned, strict=True):
        found.update(gradients_in(value, part, who))
    return found


def _by_key(returned: Mapping[Any, Any], names: Sequence[str], who: str) -> dict[str, Any]:
    found = {name: returned[word] for name in names for word in reversed(aliases(name)) if word in returned}
    if not found:
        raise UsageError(
            f"{who} returned a dict with the keys {', '.join(map(str, returned))}; a gradient's key is the input's "
            f"name, alone or after d or grad_: {', '.join(aliases(names[0]))}"
        )
    return found


def _text(returned: Any) -> str:
    if isinstance(returned, (tuple, list)):
        return f"{len(returned)} values"
    return shape_text(returned)
