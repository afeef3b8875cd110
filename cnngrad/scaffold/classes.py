"""The ways in which someone's class might be made a layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnngrad.adapters.guesses import BACKWARDS, FORWARDS, method_among, parameters_with_gradients, required_of
from cnngrad.scaffold.way import Way, targets_among

RATES = ("lr", "rate", "learning_rate", "eta", "alpha", "learn_rate")
# What people call the arguments of a class that makes its own weights, and a value that is small and differs from
# its neighbours.
SIZES = (
    (r"(n_?|num_?|d_?)?in(put)?(_?(features|channels|dim|size|units|s))?|input_.*|D_in", 3),
    (r"(n_?|num_?|d_?)?out(put)?(_?(features|channels|dim|size|units|s))?|units|(num_|n_)?filters|output_.*|D_out", 4),
    (r"(num_)?channels|c|depth", 3),
    (r"k|kernel.*|filter_size|(pool|window)(_?size)?|size|h|w|f", 2),
    (r"stride|s", 1),
    (r"pad(ding)?|p", 0),
    (r"eps(ilon)?", 1e-5),
    ("|".join(RATES), 0.1),
)


def methods_of(cls: type) -> tuple[str, str] | None:
    """The names of its forward, which takes something, and of its backward."""
    forward, backward = method_among(cls, FORWARDS), method_among(cls, BACKWARDS)
    if forward is None or backward is None or not required_of(getattr(cls, forward)):
        return None  # no layer, an abstract base, or one that keeps its input elsewhere
    return forward, backward


def ways(path: str, cls: type, forward: str, backward: str) -> Iterator[Way]:
    """Its own weights handed over, or an object made with small sizes.

    Args:
        path: how the test file reaches the class.
    """
    inputs, takes = tuple(required_of(getattr(cls, forward))), required_of(getattr(cls, backward))
    targets = inputs[1:] if not takes else targets_among(inputs)
    updates = len(takes) > 1 and takes[-1].lower() in RATES
    keywords = _keywords(forward, backward, inputs, targets, updates)
    wanted = required_of(cls)
    if wanted and not updates:
        params = {name: f"d{name}" for name in wanted}
        yield Way(_call(path, params, keywords), (*inputs, *params), {}, targets)
    sizes = {name: _size_of(name) for name in wanted}
    missing = ", ".join(name for name, size in sizes.items() if size is None)
    if missing:
        needs = f"values for {missing}, which make an object, and the shape of {', '.join(inputs)}"
        yield Way(_call(f"lambda: {path}({', '.join(wanted)})", {}, keywords), inputs, {}, targets, needs)
        return
    arguments = ", ".join(f"{name}={size!r}" for name, size in sizes.items())
    obj = _made(cls, sizes)
    weights = {} if obj is None else {name: value for name, value in vars(obj).items() if _is_weight(name, value)}
    gradients: Any = tuple(weights) if updates else {} if obj is None else parameters_with_gradients(obj)
    shapes = {name: tuple(np.shape(weights[name])) for name in gradients if name in weights}
    factory = f"lambda: {path}({arguments})" if wanted else path
    yield Way(_call(factory, gradients, keywords), (*inputs, *gradients), shapes, targets)


def _keywords(
    forward: str, backward: str, inputs: tuple[str, ...], targets: Sequence[str], updates: bool
) -> dict[str, Any]:
    """Those that are not what ``from_class`` takes for granted."""
    said = {"forward": forward, "backward": backward, "input": inputs[0] if len(inputs) == 1 else inputs}
    usual = {"forward": "forward", "backward": "backward", "input": "x"}
    keywords: dict[str, Any] = {word: value for word, value in said.items() if value != usual[word]}
    if targets:
        keywords["constants"] = tuple(targets)
    if updates:
        keywords["backward_takes"] = ("dy", "rate")
    return keywords


def _call(factory: str, params: Any, keywords: dict[str, Any]) -> str:
    words = "".join(f", {word}={value!r}" for word, value in keywords.items())
    return f"cg.from_class({factory}, params={params!r}{words}"


def _made(cls: type, arguments: dict[str, Any]) -> Any:
    """An object to look at; none where the guessed arguments are not to its taste."""
    try:
        return cls(**arguments)
    except Exception:
        return None


def _is_weight(name: str, value: Any) -> bool:
    is_array = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating) and value.size > 0
    return is_array and re.match(r"(d|grad_|d_)[A-Z_]|.*grad", name) is None


def _size_of(argument: str) -> Any:
    return next((value for pattern, value in SIZES if re.fullmatch(pattern, argument, re.IGNORECASE)), None)
