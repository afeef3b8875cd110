"""What code looks like from outside: the only place where names are guessed. ``adapt`` prints every guess."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

import numpy as np

from cnngrad.adapters.declared import parameters_of

FORWARDS = ("forward", "__call__", "forward_pass", "forward_propagation", "forward_prop", "feedforward", "propagate")
BACKWARDS = ("backward", "backward_pass", "backward_propagation", "backward_prop", "backprop", "backpropagate", "bprop")
CACHES = ("cache", "caches", "ctx", "context", "saved", "memory", "tape", "residuals", "res", "state", "aux")


def required_of(function: Callable[..., Any]) -> list[str]:
    """The arguments a function cannot do without, ``self`` and ``ctx`` aside.

    >>> required_of(lambda x, w, stride=1: None)
    ['x', 'w']
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        p.name
        for p in parameters_of(function) or ()
        if p.kind in kinds and p.default is p.empty and p.name not in ("self", "ctx")
    ]


def method_among(obj: Any, names: Sequence[str]) -> str | None:
    """The first of some names that an object has its own method of.

    >>> method_among([], ("forward", "sort")), method_among(list, ("__call__",))
    ('sort', None)
    """
    owner = obj if isinstance(obj, type) else type(obj)
    return next(
        (name for name in names if inspect.isroutine(getattr(owner, name, None)) and _is_own(owner, name)), None
    )


def _is_own(owner: type, name: str) -> bool:
    return any(name in vars(base) for base in owner.__mro__[:-1])


def backward_arguments(backward: Callable[..., Any], inputs: Sequence[str]) -> tuple[str, ...]:
    """What each argument of a backward function is: an input by its name, a cache by its name, else ``dy``.

    >>> backward_arguments(lambda dout, cache: None, ("x", "w"))
    ('dy', 'cache')
    >>> backward_arguments(lambda x, w, grad: None, ("x", "w"))
    ('x', 'w', 'dy')
    """
    return tuple(
        name if name in (*inputs, "y") else "cache" if name.lower() in CACHES else "dy"
        for name in required_of(backward)
    )


def parameters_with_gradients(obj: Any) -> dict[str, str]:
    """The arrays that an object holds and a name that its methods use for the gradient of each.

    >>> class Scale:
    ...     def __init__(self): self.s = np.ones(3)
    ...     def backward(self, dy): self.ds = dy
    >>> parameters_with_gradients(Scale())
    {'s': 'ds'}
    """
    used = {name for method in _methods_of(type(obj)) for name in _names_in(method.__code__)}
    found = {}
    for name, value in vars(obj).items():
        if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
            words = (f"d{name}", f"grad_{name}", f"{name}_grad", f"d_{name}", f"{name}grad", f"delta_{name}")
            gradient = next((word for word in words if word in used), None)
            if gradient is None and "grads" in used:
                gradient = next((f"grads[{word!r}]" for word in (*words, name) if word in used), None)
            if gradient is not None and not name.startswith(("d_", "grad_")):
                found[name] = gradient
    return found


def _methods_of(owner: type) -> Iterator[Any]:
    for base in owner.__mro__[:-1]:
        yield from (value for value in vars(base).values() if inspect.isfunction(value))


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _names_in(constant)
