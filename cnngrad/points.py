"""The points of one check: the user's own and around it, one case to replay, or the declared configurations."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnngrad.core.case import Case, Point, aside, point_from_arrays
from cnngrad.core.layer import Layer
from cnngrad.core.values import rng_for
from cnngrad.search import batch_axes, explicit_cases

SAVED = Path(".cnngrad")


def prepared(
    layer: Layer, shapes: Mapping[str, tuple[int, ...]] | None, config: Mapping[str, Any], case: Case | None
) -> Layer:
    """The layer with the keywords of this check, and free of its dims where the point is one of the user's own.

    >>> from cnngrad.layers import conv2d
    >>> prepared(conv2d, {"x": (1, 1, 3, 3), "w": (1, 1, 2, 2), "b": (1,)}, {"stride": 2}, None).config
    {'stride': 2}
    """
    own = shapes is not None or (case is not None and bool(case.shapes or case.values.startswith("file:")))
    if own and layer.dims is not None and not (case and case.dims):
        fixed = None if callable(layer.config) else layer.config
        layer = replace(layer, dims=None, where=None, features={}, config=fixed)
    if shapes is not None:
        layer = replace(layer, shapes=dict(shapes))
    return _with_config(layer, config) if config else layer


def _with_config(layer: Layer, config: Mapping[str, Any]) -> Layer:
    declared = layer.config
    if callable(declared):
        return replace(layer, config=lambda d: {**declared(d), **config})
    return replace(layer, config={**(declared or {}), **config})


def points(
    layer: Layer,
    arrays: tuple[Any, ...],
    shapes: Mapping[str, tuple[int, ...]] | None,
    config: Mapping[str, Any],
    case: Case | None,
    seed: int,
    effort: str,
) -> Iterator[Point]:
    """Where a layer that is :func:`prepared` is to be judged, in order."""
    if case is not None:
        yield case.point(layer)
        return
    if arrays:
        yield from around(layer, arrays, config, seed, effort)
        if layer.dims is None or effort == "quick":
            return
    for each in explicit_cases(layer, effort, seed):
        other_batch = bool(each.shapes)
        # A case of shapes given by hand prints them, or it could be replayed by nobody else.
        own = tuple((name, tuple(shape)) for name, shape in (shapes or {}).items())
        point = (each if other_batch else replace(each, shapes=own)).point(layer)
        yield replace(point, tentative=other_batch)


def around(
    layer: Layer, arrays: tuple[Any, ...], config: Mapping[str, Any], seed: int, effort: str = "quick"
) -> Iterator[Point]:
    """The user's own point, one a little aside, the same numbers in another order, and another number of samples.

    Aside, because a point people choose often stands on kinks (biases of 0, black pixels); in another order, because
    that gives other values but none outside the range they chose.

    >>> from cnngrad.layers import relu
    >>> [point["x"].shape for point in around(relu, (np.ones((2, 3)),), {}, 0, "normal")]
    [(2, 3), (2, 3), (1, 3)]
    """
    given = point_from_arrays(layer, arrays, config, Case(seed=seed))
    first = replace(given, case=_file_case(layer, given.inputs, seed))
    yield first
    variants = [aside(layer, first, 2.0**-6, "around")]
    if not layer.draw and not layer.constants:  # labels and targets belong to their rows
        variants.append(tuple(rng_for(seed, f"order {name}").permuted(first[name]) for name in layer.inputs))
    for variant in variants:
        if any(not np.array_equal(a, b) for a, b in zip(variant, first.inputs, strict=True)):
            yield point_from_arrays(layer, variant, config, _file_case(layer, variant, seed))
    if effort != "quick" and (other := _another_batch(layer, first, variants[0])) is not None:
        yield replace(point_from_arrays(layer, other, config, _file_case(layer, other, seed)), tentative=True)


def one_sided(layer: Layer, arrays: tuple[Any, ...]) -> tuple[str, ...]:
    """A note on inputs given with one sign only, to a layer of which no more is declared: no other sign was tried.

    Another sign cannot be tried safely, as a layer may be meant for probabilities and not say so.

    >>> from cnngrad.layers import relu
    >>> one_sided(relu.configured(k=1), (np.ones(3),))
    ('  x was given with entries of one sign only, so nothing was seen of the others: shapes={"x": (3,)} tries both',)
    """
    if layer.dims or not arrays:
        return ()
    given = {name: np.asarray(value) for name, value in zip(layer.inputs, arrays, strict=True)}
    same = [
        name
        for name in layer.differentiable
        if name not in layer.domain and name not in layer.draw and given[name].size > 1 and _of_one_sign(given[name])
    ]
    if not same:
        return ()
    shapes = ", ".join(f'"{name}": {value.shape}' for name, value in given.items())
    return (
        f"  {', '.join(same)} was given with entries of one sign only, so nothing was seen of the others: "
        f"shapes={{{shapes}}} tries both",
    )


def _of_one_sign(value: Any) -> bool:
    return bool(np.all(value >= 0) or np.all(value <= 0))


def _another_batch(layer: Layer, point: Point, beside: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The first sample by itself; a single sample together with another one."""
    shapes = {name: np.shape(value) for name, value in zip(layer.inputs, point.inputs, strict=True)}
    axes = batch_axes(layer, shapes)
    if not axes:
        return None

    def other(name: str, value: Any, more: Any) -> Any:
        if name not in axes:
            return value
        axis = axes[name]
        return np.concatenate([value, more], axis) if value.shape[axis] == 1 else np.take(value, [0], axis)

    return tuple(other(*each) for each in zip(layer.inputs, point.inputs, beside, strict=True))


def _file_case(layer: Layer, arrays: Iterable[Any], seed: int) -> Case:
    digest = hashlib.sha256(b"".join(np.asarray(array).tobytes() for array in arrays)).hexdigest()[:12]
    readable = re.sub(r"[^\w.-]+", "_", layer.name)  # the name goes into a path and onto a command line
    return Case(values=f"file:{SAVED / f'{readable}-{digest}.npz'}", seed=seed)
