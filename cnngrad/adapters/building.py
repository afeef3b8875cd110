"""Making an object of someone's class that holds the weights given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from cnngrad.adapters import paths
from cnngrad.adapters.declared import keywords_of, listed, name_of, positional_of, refuse_config
from cnngrad.core.errors import UsageError

# A method's name, or a function whose first argument is the object.
Method = str | Callable[..., Any]


@dataclass(frozen=True)
class Maker:
    """How an object is made.

    Attributes:
        factory: the class, or a function that returns the object.
        setup: what is called on it first.
        forward: what makes the parameters, in a class that makes them at the first forward.
    """

    factory: Callable[..., Any]
    setup: tuple[Method, ...]
    forward: Method

    def build(self, inputs: Sequence[Any], weights: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
        """An object that holds these weights.

        Raises:
            UsageError: a keyword that the factory does not take, or a parameter that the object does not have.

        >>> class Scale:
        ...     s = 1.0
        >>> Maker(Scale, (), "forward").build((), {"s": 3.0}, {}).s
        3.0
        """
        refuse_config(self.factory, config)
        handed = {name: value for name, value in weights.items() if name in self._accepted}
        rest = [name for name in weights if name not in handed]
        keywords = {**config, **handed}
        obj = self._made(keywords, inputs)
        if not all(paths.has(obj, name) for name in rest) and not self._after_a_forward(obj, inputs, rest):
            obj = self._made(keywords, inputs)
        ignored = [name for name in handed if _made_its_own(obj, name, weights[name])]
        for name in (*rest, *ignored):
            _assign(obj, name, weights[name])
        return obj

    @cached_property
    def _accepted(self) -> list[str]:
        return keywords_of(self.factory)

    def _made(self, keywords: Mapping[str, Any], inputs: Sequence[Any]) -> Any:
        obj = self.factory(**keywords)
        if obj is None:
            raise UsageError(f"the factory {name_of(self.factory)} returned None; it returns the object")
        for step in self.setup:
            function = method(obj, step)
            wanted = [p for p in positional_of(function) or () if p.default is p.empty]
            function(*inputs[: len(wanted)])
        return obj

    def _after_a_forward(self, obj: Any, inputs: Sequence[Any], names: Sequence[str]) -> bool:
        """Let the first forward make the parameters; false where it cannot run before they are assigned."""
        forward = method(obj, self.forward)
        try:
            forward(*(np.array(value) for value in inputs))
        except Exception:
            return False  # what else is wrong shows in the forward that counts
        for name in names:
            if not paths.has(obj, name):
                raise no_parameter(obj, name)
        return True


def method(obj: Any, given: Method) -> Callable[..., Any]:
    """The bound method of that name, or a function of the object with the object filled in.

    Raises:
        UsageError: the object has no such method; lists those it has.

    >>> method((2, 1), "sort")
    Traceback (most recent call last):
        ...
    cnngrad.core.errors.UsageError: tuple has no method 'sort'; it has count, index
    """
    if not isinstance(given, str):
        return partial(given, obj)
    found = paths.read(obj, given) if paths.has(obj, given) else None
    if not callable(found):
        raise UsageError(f"{type(obj).__name__} has no method {given!r}; it has {listed(paths.methods_of(obj))}")
    bound: Callable[..., Any] = found
    return bound


def no_parameter(obj: Any, name: str) -> UsageError:
    """The error for a parameter that an object does not have."""
    return UsageError(f"{type(obj).__name__} has no attribute {name!r}; it has {listed(paths.attributes_of(obj))}")


def _assign(obj: Any, path: str, value: Any) -> None:
    try:
        paths.write(obj, path, value)
    except paths.PathNotFound:
        raise no_parameter(obj, path) from None


def _made_its_own(obj: Any, path: str, given: Any) -> bool:
    """Whether an object holds other numbers than those it was given, not merely rearranged or rounded ones."""
    found = paths.read(obj, path) if paths.has(obj, path) else given
    if found is given:
        return False
    held, given = np.asarray(found), np.asarray(given)
    if held.dtype.kind not in "fciu":
        return False
    return held.size != given.size or not np.allclose(np.sort(held, None), np.sort(given, None), rtol=0.01, atol=0)
