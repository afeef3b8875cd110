"""What a configuration exercises, told from the usual names of sizes: stride > 1, padding, a remainder, H != W ...

A layer need not declare anything for it: ``height``, ``kh``, ``kernel_w``, ``stride``, ``pad`` and their kin mean what
they usually mean, whether they are dims or keywords of the ``vjp``. Names that mean nothing here say only whether they
were larger than at least.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from cnngrad.core.case import Point
from cnngrad.core.layer import Layer

STEMS = {
    "kernel": "k|kernel|kernel_size|window|window_size|pool|pool_size|filter|filter_size|field",
    "stride": "s|stride|strides|step",
    "pad": "p|pad|padding",
    "dilation": "dilation|rate",
}
SIDES = {"h": "h", "height": "h", "w": "w", "width": "w", "d": "d", "depth": "d"}
SQUARE = ("size", "side", "length", "image", "image_size", "n_in")
BATCH = ("n", "batch", "batch_size", "samples", "m")
DEFAULTS = {"stride": 1, "pad": 0, "dilation": 1}
AXES = ("d", "h", "w")


@dataclass(frozen=True)
class Windows:
    """Windows along one axis: how large, how far apart, on how much."""

    size: int
    kernel: int
    stride: int
    pad: int
    dilation: int

    @property
    def slack(self) -> int:
        """What is left beyond the first window; the windows leave a remainder of it modulo the stride."""
        return self.size + 2 * self.pad - self.dilation * (self.kernel - 1) - 1


Predicate = Callable[[tuple[Windows, ...]], bool]
WINDOWS: dict[str, Predicate] = {
    "stride > 1": lambda axes: any(a.stride > 1 for a in axes),
    "padding": lambda axes: any(a.pad for a in axes),
    "dilation > 1": lambda axes: any(a.dilation > 1 and a.kernel > 1 for a in axes),
    "window > stride": lambda axes: any(a.kernel > a.stride for a in axes),
    "stride > window": lambda axes: any(a.stride > a.kernel for a in axes),
    "stride = window": lambda axes: all(a.stride == a.kernel for a in axes),
    "remainder": lambda axes: any(a.slack % a.stride for a in axes),
    "H != W": lambda axes: len({a.size for a in axes}) > 1,
    "rectangular window": lambda axes: len({a.kernel for a in axes}) > 1,
    "even window": lambda axes: any(a.kernel % 2 == 0 for a in axes),
    "window of 3": lambda axes: all(a.kernel == 3 for a in axes),
    "window of 1": lambda axes: all(a.kernel == 1 for a in axes),
    "one window only": lambda axes: all(0 <= a.slack < a.stride for a in axes),
}


@lru_cache(maxsize=1024)
def role_of(name: str) -> tuple[str, str]:
    """What a size is by its name, and of which axis (empty: of all); two empty strings where the name says nothing.

    >>> role_of("kernel_h"), role_of("kw"), role_of("width"), role_of("padding"), role_of("classes")
    (('kernel', 'h'), ('kernel', 'w'), ('size', 'w'), ('pad', ''), ('', ''))
    """
    name = name.lower()
    if name in BATCH:
        return "batch", ""
    if name in SQUARE:
        return "size", ""
    if name in SIDES:
        return "size", SIDES[name]
    for role, stems in STEMS.items():
        found = re.fullmatch(rf"(?:{stems})(?:_?({'|'.join(SIDES)}))?", name)
        if found:
            return role, SIDES.get(found[1] or "", "")
    return "", ""


def windows_of(sizes: Mapping[str, Any]) -> tuple[Windows, ...]:
    """The windows along each axis, if the names tell a size and a window; none otherwise.

    >>> windows_of({"height": 5, "width": 4, "k": 2, "stride": 2})[0]
    Windows(size=5, kernel=2, stride=2, pad=0, dilation=1)
    """
    known: dict[tuple[str, str], int] = {}
    for name, value in sizes.items():
        role, axis = role_of(name)
        if role and role != "batch":
            known.update(_spread(role, axis, value))
    axes = [axis for axis in AXES if ("size", axis) in known] or ([""] if ("size", "") in known else [])
    found = []
    for axis in axes:
        values = {role: known.get((role, axis), known.get((role, ""), DEFAULTS.get(role))) for role in ("size", *STEMS)}
        if any(value is None for value in values.values()) or min(values["stride"] or 0, values["dilation"] or 0) < 1:
            return ()
        found.append(Windows(**{role: int(value or 0) for role, value in values.items()}))
    return tuple(found)


def _spread(role: str, axis: str, value: Any) -> Iterable[tuple[tuple[str, str], int]]:
    """One number for all axes, or one an axis, the last one being the width."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        yield (role, axis), int(value)
    elif isinstance(value, (tuple, list)) and not axis and 0 < len(value) <= len(AXES):
        yield from (((role, a), int(v)) for a, v in zip(AXES[-len(value) :], value, strict=True) if isinstance(v, int))


def features_of_sizes(sizes: Mapping[str, Any]) -> tuple[str, ...]:
    """The features of a configuration that follow from its sizes alone.

    >>> features_of_sizes({"n": 2, "height": 3, "width": 3, "k": 2, "stride": 2})
    ('stride > 1', 'stride = window', 'remainder', 'even window', 'one window only', 'batch > 1')
    """
    axes = windows_of(sizes)
    found = [name for name, holds in WINDOWS.items() if axes and holds(axes)]
    if any(role_of(name)[0] == "batch" and value > 1 for name, value in sizes.items() if isinstance(value, int)):
        found.append("batch > 1")
    if not axes:
        found += _by_name(sizes)
    return tuple(dict.fromkeys(found))


def _by_name(sizes: Mapping[str, Any]) -> list[str]:
    """What names say by themselves where they do not add up to windows."""
    whole = {name: value for name, value in sizes.items() if isinstance(value, int) and not isinstance(value, bool)}
    named = {
        "stride > 1": any(role_of(name)[0] == "stride" and value > 1 for name, value in whole.items()),
        "padding": any(role_of(name)[0] == "pad" and value > 0 for name, value in whole.items()),
        "H != W": len({value for name, value in whole.items() if role_of(name)[0] == "size"}) > 1,
    }
    return [name for name, holds in named.items() if holds]


def exercised(layer: Layer, point: Point) -> tuple[str, ...]:
    """The features of a judged point: of its configuration, its keywords and its shapes.

    >>> from cnngrad.core.case import Case
    >>> layer = Layer(lambda x: None, ("x",), "demo", dims={"c": (1, 2)}, shapes=lambda d: {"x": (1, d.c)})
    >>> [exercised(layer, Case((("c", c),)).point(layer)) for c in (1, 2)]
    [('every side 1',), ('c > 1',)]
    """
    sizes = {**point.config, **point.case.sizes}
    found = list(features_of_sizes(sizes))
    told = ("batch", *DEFAULTS, *(("size", "kernel") if windows_of(sizes) else ()))
    for name, (low, high) in (layer.dims or {}).items():
        if role_of(name)[0] not in told and low < high and point.case.sizes.get(name, low) > low:
            found.append(f"{name} > {low}")
    batch = layer.batch_axis if isinstance(layer.batch_axis, int) else (layer.batch_axis or {}).get(layer.inputs[0])
    first = np.shape(point.inputs[0])
    if batch is not None and -len(first) <= batch < len(first) and first[batch] > 1:
        found.append("batch > 1")
    if all(side == 1 for value in point.inputs for side in np.shape(value)):
        found.append("every side 1")
    return tuple(dict.fromkeys(found))
