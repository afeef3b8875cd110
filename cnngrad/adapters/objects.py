"""Calling an object of someone's class, and taking its gradients from where it leaves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.adapters import paths
from cnngrad.adapters.building import Maker, Method, method, no_parameter
from cnngrad.adapters.declared import is_single, listed, positional_of, scalar
from cnngrad.core.arrays import shape_text
from cnngrad.core.errors import UsageError

Update = str | Callable[[Any, float], Any]


@dataclass(frozen=True)
class Recipe:
    """How an object is made and used; most fields are keywords of ``from_class``.

    Attributes:
        gradients: the path of each parameter and of its gradient, ``None`` for a constant.
        input_gradients: the path of the gradient of each differentiable input.
        updates: whether the gradient of a parameter is only old - new.
    """

    maker: Maker
    inputs: tuple[str, ...]
    gradients: Mapping[str, str | None]
    input_gradients: Mapping[str, str]
    backward: Method
    takes: tuple[str, ...] | None
    update: Update | None
    updates: bool
    rate: float
    accumulates: bool

    def vjp(self, *values: Any, **config: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        """One forward on an object of its own."""
        inputs, weights = self.split(values)
        return self.call(self.maker.build(inputs, weights, config), inputs)

    def split(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Forward's arguments, and the parameters by name."""
        count = len(self.inputs)
        return tuple(values[:count]), dict(zip(self.gradients, values[count:], strict=True))

    def call(self, obj: Any, inputs: Sequence[Any]) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        """Forward, and the backward of this object; wrong names are told before either runs."""
        forward, backward = method(obj, self.maker.forward), method(obj, self.backward)
        takes = _default_takes(obj, backward) if self.takes is None else self.takes
        if self.updates:
            self._refuse_wrong_update(obj)
        y = forward(*inputs)
        if "dy" not in takes and not is_single(y):
            raise UsageError(
                f"{type(obj).__name__}: backward takes no dy, which only a loss can do without; the forward returned "
                f"{shape_text(y)}, not one number"
            )
        known = {"y": y, "rate": self.rate, **dict(zip(self.inputs, inputs, strict=True))}

        def pull(dy: Any) -> tuple[Any, ...]:
            given = {**known, "dy": dy}
            found = self._gradients(obj, lambda: backward(*(given[name] for name in takes)))
            if "dy" not in takes:
                found = {name: None if g is None else g * scalar(dy) for name, g in found.items()}
            return tuple(found.get(name) for name in (*self.inputs, *self.gradients))

        return y, pull

    def _refuse_wrong_update(self, obj: Any) -> None:
        if isinstance(self.update, str) and not paths.has(obj, self.update):
            present = [*paths.methods_of(obj), *paths.attributes_of(obj)]
            raise UsageError(
                f"update={self.update!r} is neither a method nor an attribute of {type(obj).__name__}; "
                f"it has {listed(present)}"
            )
        for name in self.gradients:
            if not paths.has(obj, name):
                raise no_parameter(obj, name)

    def _gradients(self, obj: Any, backward: Callable[[], Any]) -> dict[str, Any]:
        """Every gradient by name."""
        if self.updates:
            return self._from_update(obj, backward)
        read = {**self.input_gradients, **{name: path for name, path in self.gradients.items() if path is not None}}
        before = {name: _standing(obj, path) for name, path in read.items()} if self.accumulates else {}
        returned = backward()
        found = {name: gradient_at(obj, returned, path, name) for name, path in read.items()}
        return {name: g if before.get(name) is None else g - before[name] for name, g in found.items()}

    def _from_update(self, obj: Any, backward: Callable[[], Any]) -> dict[str, Any]:
        """(old - new) / rate, the weights put back; a rate far above 1 keeps the digits of the gradient."""
        held = {name: paths.read(obj, name) for name in self.gradients}
        old = {name: np.array(value) for name, value in held.items()}
        step = self._step(obj)
        returned = backward()
        step()
        found = {name: gradient_at(obj, returned, path, name) for name, path in self.input_gradients.items()}
        for name, value in held.items():
            new = paths.read(obj, name)
            if self.gradients[name] is not None:
                found[name] = (old[name] - new) / self.rate
            if isinstance(value, np.ndarray):
                value[...] = old[name]
            if new is not value:
                paths.write(obj, name, value)
        return found

    def _step(self, obj: Any) -> Callable[[], Any]:
        """What is to be called after backward; a rate that stands on the object is set at once."""
        update = self.update
        if update is None:
            return lambda: None
        if callable(update):
            return lambda: update(obj, self.rate)
        found = paths.read(obj, update)
        if callable(found):
            return lambda: found(self.rate)
        paths.write(obj, update, self.rate)
        return lambda: None


def gradient_at(obj: Any, returned: Any, path: str, name: str) -> Any:
    """The gradient as it stands now: a copy of what the object holds, which the next backward may overwrite.

    Raises:
        RuntimeError: backward left nothing there.

    >>> gradient_at(None, (1.0, [2.0]), "return[1][0]", "W")
    2.0
    """
    if paths.is_returned(path):
        try:
            return paths.read_returned(returned, path)
        except paths.PathNotFound as error:
            what = f"{len(returned)} values" if isinstance(returned, (tuple, list)) else shape_text(returned)
            raise RuntimeError(f"backward returned {what}; there is no {path}, the gradient of {name}") from error
    try:
        value = paths.read(obj, path)
    except paths.PathNotFound as error:
        raise RuntimeError(f"backward left no {path} on the object") from error
    return value.copy() if isinstance(value, np.ndarray) else value


def _standing(obj: Any, path: str) -> Any:
    """A copy of the gradient that already stands on the object, if one does."""
    return None if paths.is_returned(path) or not paths.has(obj, path) else np.array(paths.read(obj, path))


def _default_takes(obj: Any, backward: Callable[..., Any]) -> tuple[str, ...]:
    """``dy``, or nothing where backward takes no argument."""
    positional = positional_of(backward)
    if positional is None:
        return ("dy",)
    needed = [p.name for p in positional if p.default is p.empty]
    if len(needed) > 1:
        raise UsageError(
            f"{type(obj).__name__}: backward takes {len(needed)} arguments ({', '.join(needed)}); say which they are: "
            "backward_takes=('dy', 'rate')"
        )
    return ("dy",) if positional else ()
