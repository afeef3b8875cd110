"""What in a module looks like a layer, and the ways in which it might be called, the likeliest first."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cnngrad.adapters.guesses import backward_arguments, required_of
from cnngrad.core.layer import Layer
from cnngrad.scaffold.classes import methods_of, ways
from cnngrad.scaffold.way import Way, targets_among


@dataclass(frozen=True)
class Found:
    """Something that looks like a layer.

    Attributes:
        name: what it is called in the test file.
        seen: how it looked, for the reader.
        ways: how it might be called.
    """

    name: str
    seen: str
    ways: tuple[Way, ...]


def layers_in(module: ModuleType, alias: str) -> list[Found]:
    """Everything of the module's own that looks like a layer.

    Args:
        alias: what the module is called in the test file.
    """
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    own = {name: value for name, value in own.items() if getattr(value, "__module__", "") == module.__name__} | {
        name: value for name, value in own.items() if isinstance(value, Layer)
    }
    found = [each for name, value in own.items() for each in _one(alias, name, value)]
    return found + [pair for name in own for pair in _pairs(alias, own, name)]


def _one(alias: str, name: str, value: Any) -> Iterator[Found]:
    if isinstance(value, Layer):
        yield Found(name, f"{name}, a Layer", (Way("", value.inputs),))
        return
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and isinstance(value, type) and issubclass(value, torch.autograd.Function):
        yield _of_framework(alias, name, "torch", "a torch.autograd.Function", required_of(value.forward))  # type: ignore[attr-defined]  # recognised as a torch Function
    elif torch is not None and isinstance(value, type) and issubclass(value, torch.nn.Module):
        return  # its backward is PyTorch's own
    elif jax is not None and isinstance(value, (jax.custom_vjp, jax.custom_jvp)):
        yield _of_framework(alias, name, "jax", f"a jax.{type(value).__name__}", required_of(value))
    elif getattr(value, "_is_autograd_primitive", False):
        yield _of_framework(alias, name, "autograd", "a primitive of autograd", required_of(value.fun))
    elif isinstance(value, type) and (methods := methods_of(value)) is not None:
        forward, backward = (f"{each}({', '.join(required_of(getattr(value, each)))})" for each in methods)
        seen = f"{name}, a class with {forward} and {backward}"
        yield Found(_snake(name), seen, tuple(ways(f"{alias}.{name}", value, *methods)))


def _of_framework(alias: str, name: str, framework: str, seen: str, inputs: list[str]) -> Found:
    call = f"cg.from_{framework}({alias}.{name}, inputs={tuple(inputs)!r}"
    return Found(_snake(name), f"{name}, {seen} of {', '.join(inputs)}", (Way(call, tuple(inputs)),))


def _pairs(alias: str, own: dict[str, Any], name: str) -> Iterator[Found]:
    """A backward function beside its forward, told by their names."""
    backward = own[name]
    match = re.fullmatch(r"(?:(.+)_)?(backward|bwd|backprop|vjp|grad)|(backward|bwd|grad|d)_(.+)", name)
    if match is None or not inspect.isfunction(backward):
        return
    stem = match[1] or match[4] or ""
    names = [f"{stem}_forward", f"{stem}_fwd", f"forward_{stem}", stem] if stem else ["forward"]
    forward = next((each for each in names if inspect.isfunction(own.get(each))), None)
    if forward is None:
        return
    inputs = tuple(required_of(own[forward]))
    takes = backward_arguments(backward, inputs)
    seen = f"{forward}({', '.join(inputs)}) and {name}({', '.join(required_of(backward))})"
    functions = f"cg.from_functions({alias}.{forward}, {alias}.{name}, inputs={inputs!r}"
    if takes.count("dy") != 1 or takes.count("cache") > 1 or not inputs:
        needs = "what its backward takes: backward_takes=('dy', 'cache'), in its order"
        yield Found(_snake(stem or "layer"), seen, (Way(functions, inputs, needs=needs),))
        return
    returns = (("y", "cache"), "y") if "cache" in takes else ("y", ("y", "cache"))
    tried = tuple(
        Way(f"{functions}, forward_returns={each!r}, backward_takes={takes!r}", inputs, {}, targets_among(inputs))
        for each in returns
    )
    yield Found(_snake(stem or "layer"), seen, tried)


def _snake(name: str) -> str:
    """``MaxPool2d`` as ``max_pool2d``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
