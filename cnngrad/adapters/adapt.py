"""``adapt(anything)``: looks at what it is given, says what it takes it for, and calls the adapter that fits."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cnngrad.adapters.autograd import from_autograd
from cnngrad.adapters.classes import from_class
from cnngrad.adapters.declared import name_of, names_of
from cnngrad.adapters.functions import from_functions
from cnngrad.adapters.guesses import (
    BACKWARDS,
    FORWARDS,
    backward_arguments,
    method_among,
    parameters_with_gradients,
    required_of,
)
from cnngrad.adapters.jax import from_jax
from cnngrad.adapters.torch import from_torch
from cnngrad.core.arrays import shape_text
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer

Show = Callable[[str], Any]


def adapt(given: Any, inputs: str | Sequence[str] | None = None, show: Show = print, **declared: Any) -> Layer:
    """A layer of whatever is given, with everything that was assumed on the way printed.

    Recognised are a ``Layer``, a pair of functions ``(forward, backward)``, a class or an object with such methods, a
    PyTorch module, Function or custom operator, a JAX ``custom_vjp`` or ``custom_jvp``, and a primitive of autograd.

    Args:
        inputs: the names of the inputs, where the code does not show them.
        show: takes the line that says what was assumed: the call that would do the same without guessing.
        declared: ``dims``, ``shapes`` and whatever else the adapter takes; goes before any guess.

    Raises:
        UsageError: it is none of these, or shows too little of itself; names the adapter to use.

    >>> def scale(x, s): return s * x
    >>> def scale_back(x, s, dout): return s * dout, (x * dout).sum()
    >>> adapt((scale, scale_back))
    adapt: cg.from_functions(scale, scale_back, inputs=('x', 's'), forward_returns='y', backward_takes=('x', 's', 'dy'))
    Layer(scale: x, s)
    """
    if isinstance(given, Layer):
        return replace(given, **declared) if declared else given
    for recognise in (_pair, _torch, _jax, _autograd, _class):
        layer = recognise(given, None if inputs is None else names_of(inputs), show, declared)
        if layer is not None:
            return layer
    raise UsageError(
        f"adapt cannot tell what {shape_text(given)} is; it takes a Layer, (forward, backward), a class with forward "
        "and backward, a PyTorch module or Function, a JAX custom_vjp, or an autograd primitive. Say what it is with "
        "cg.from_functions(forward, backward, inputs=...), cg.from_class(factory, params=...), cg.from_torch, "
        "cg.from_jax or cg.from_autograd"
    )


Names = tuple[str, ...] | None


def _pair(given: Any, inputs: Names, show: Show, declared: dict[str, Any]) -> Layer | None:
    if not (isinstance(given, (tuple, list)) and len(given) == 2 and all(map(callable, given))):
        return None
    forward, backward = given
    names = inputs or _required(forward, "cg.from_functions(forward, backward, inputs=('x', 'w', 'b'))")
    takes = backward_arguments(backward, names)
    if takes.count("dy") != 1 or takes.count("cache") > 1:
        raise UsageError(
            f"adapt cannot tell which argument of {name_of(backward)}({', '.join(required_of(backward))}) is which: "
            "cg.from_functions(forward, backward, inputs=..., backward_takes=('dy', 'cache'))"
        )
    guessed = {"inputs": names, "forward_returns": ("y", "cache") if "cache" in takes else "y", "backward_takes": takes}
    return _said(show, from_functions, (forward, backward), guessed, declared)


def _torch(given: Any, inputs: Names, show: Show, declared: dict[str, Any]) -> Layer | None:
    torch = sys.modules.get("torch")
    if torch is None:
        return None  # then nothing of PyTorch's can have been handed over
    owner = getattr(given, "__self__", None) if getattr(given, "__name__", "") == "apply" else given
    is_function = isinstance(owner, type) and issubclass(owner, torch.autograd.Function)
    if is_function or isinstance(given, torch.nn.Module):
        names = inputs or _required(owner.forward, "cg.from_torch(..., inputs=('x', 'w'))")  # type: ignore[union-attr]  # recognised as a torch Function
    elif type(given).__name__ == "CustomOpDef":
        names = inputs or tuple(argument.name for argument in given._opoverload._schema.arguments)
    else:
        return None
    return _said(show, from_torch, (given,), {"inputs": names}, declared)


def _jax(given: Any, inputs: Names, show: Show, declared: dict[str, Any]) -> Layer | None:
    jax = sys.modules.get("jax")
    if jax is None or not isinstance(given, (jax.custom_vjp, jax.custom_jvp)):
        return None
    names = inputs or _required(given, "cg.from_jax(f, inputs=('x', 'w'))")
    return _said(show, from_jax, (given,), {"inputs": names}, declared)


def _autograd(given: Any, inputs: Names, show: Show, declared: dict[str, Any]) -> Layer | None:
    if not getattr(given, "_is_autograd_primitive", False):
        return None
    names = inputs or _required(given.fun, "cg.from_autograd(f, inputs=('x', 'w'))")
    return _said(show, from_autograd, (given,), {"inputs": names}, declared)


def _class(given: Any, inputs: Names, show: Show, declared: dict[str, Any]) -> Layer | None:
    forward, backward = method_among(given, FORWARDS), method_among(given, BACKWARDS)
    if forward is None or backward is None:
        return None
    explicit = "cg.from_class(factory, params={'W': 'dW', 'b': 'db'})"
    owner = given if isinstance(given, type) else type(given)
    names = inputs or _required(getattr(owner, forward), explicit)
    if isinstance(given, type):
        wanted = required_of(given)
        factory: Callable[..., Any] = given
        params = {name: f"d{name}" for name in wanted} if wanted else parameters_with_gradients(given())
    else:
        factory, params = _Copies(given), parameters_with_gradients(given)
    guessed = {"params": params, "forward": forward, "backward": backward, "input": names}
    return _said(show, from_class, (factory,), guessed, declared)


class _Copies:
    """A factory that copies one object; shown by the object's class."""

    def __init__(self, original: Any):
        self.original = original
        self.__name__ = type(original).__name__

    def __call__(self) -> Any:
        return copy.deepcopy(self.original)


def _required(function: Callable[..., Any], explicit: str) -> tuple[str, ...]:
    names = tuple(required_of(function))
    if not names:
        raise UsageError(f"adapt cannot see the inputs of {name_of(function)} in its signature: {explicit}")
    return names


def _said(
    show: Show,
    adapter: Callable[..., Layer],
    functions: tuple[Any, ...],
    guessed: dict[str, Any],
    declared: dict[str, Any],
) -> Layer:
    """Call the adapter, and print the call that does the same."""
    keywords = {**guessed, **declared}
    shown = [*map(name_of, functions), *(f"{word}={keywords[word]!r}" for word in guessed)]
    show(f"adapt: cg.{adapter.__name__}({', '.join(shown)})")
    return adapter(*functions, **keywords)
