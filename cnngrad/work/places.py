"""Where a layer stands in a module, so that another process finds the same one instead of being sent it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.targets import is_as_loaded, load_layer, load_module


@dataclass(frozen=True)
class Place:
    """A global of a module, or an entry of one that is a tuple or a dict; or what the command line called it.

    >>> from cnngrad.layers import conv2d
    >>> place_of(conv2d).layer() is conv2d
    True
    """

    module: str = ""
    name: str = ""
    key: Any = None
    target: str = ""

    def layer(self) -> Layer:
        """The layer that stands here.

        Raises:
            UsageError: there is none in this process.
        """
        if self.target:
            return load_layer(self.target)
        try:
            found = vars(load_module(self.module))[self.name]
            found = found if self.key is None else found[self.key]
        except LookupError:
            found = None
        if not isinstance(found, Layer):
            raise UsageError(
                f"a worker process finds no layer {self}: make it at the top of a module that it can import"
            )
        return found

    @property
    def home(self) -> ModuleType:
        """The module, imported."""
        return load_module(self.target.rpartition(":")[0] or self.module)

    def __str__(self) -> str:
        return self.target or f"{self.module}:{self.name}" + (f"[{self.key!r}]" if self.key is not None else "")


def place_of(layer: Layer) -> Place | None:
    """Where this very object stands; ``None`` where no module holds it."""
    if is_as_loaded(layer):
        return Place(target=layer.target)
    return next((place for place, found in _held() if found is layer), None)


def _held() -> Iterator[tuple[Place, Any]]:
    """All that stands in modules, what is inside tuples and dicts last."""
    modules = [(name, dict(vars(module))) for name, module in _modules() if _importable(name, module)]
    for name, members in modules:
        yield from ((Place(name, member), value) for member, value in members.items())
    for name, members in modules:
        for member, value in members.items():
            yield from ((Place(name, member, key), part) for key, part in _entries(value))


def _modules() -> list[tuple[str, Any]]:
    """In a fixed order; the main module last, as its name is another one in each process."""
    return sorted(sys.modules.items(), key=lambda item: (item[0] == "__main__", item[0]))


def _importable(name: str, module: Any) -> bool:
    """A notebook's main module is not: no other process has it."""
    if not isinstance(module, ModuleType):
        return False
    return hasattr(module, "__file__") if name == "__main__" else getattr(module, "__spec__", None) is not None


def _entries(value: Any) -> Iterable[tuple[Any, Any]]:
    if type(value) is tuple:
        return enumerate(value)
    return list(value.items()) if type(value) is dict else ()
