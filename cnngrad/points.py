"""The points of one check: the user's own and around it, one case to replay, or the declared configurations."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnngrad.core.case import Case, Point, aside, point_from_arrays
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.values import rng_for
from cnngrad.search import batch_axes, explicit_cases
from cnngrad.varying import Variant, is_of_one_sign, variants

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
    """The user's own point, one a little aside, the same numbers in another order, other sizes, another batch.

    Aside, because a point people choose often stands on kinks (biases of 0, black pixels); in another order, because
    that gives other values but none outside the range they chose.

    Raises:
        UsageError: a number outside the declared domain, or on its border.

    >>> from cnngrad.layers import relu
    >>> [point["x"].shape for point in around(relu, (np.ones((2, 3)),), {}, 0, "normal")]
    [(2, 3), (2, 3), (1, 3)]
    """
    given = point_from_arrays(layer, arrays, config, Case(seed=seed))
    _refuse_outside(layer, given)
    first = replace(given, case=_file_case(layer, given.inputs, seed))
    yield first
    near = [aside(layer, first, 2.0**-6, "around")]
    if not layer.draw and not layer.constants:  # labels and targets belong to their rows
        near.append(tuple(rng_for(seed, f"order {name}").permuted(first[name]) for name in layer.inputs))
    for variant in near:
        if any(not np.array_equal(a, b) for a, b in zip(variant, first.inputs, strict=True)):
            yield point_from_arrays(layer, variant, config, _file_case(layer, variant, seed))
    if effort != "quick" and layer.dims is None:
        for each in variants(layer, first):
            yield replace(first, inputs=each.inputs, case=_file_case(layer, each.inputs, seed))
    if effort != "quick" and (other := _another_batch(layer, first, near[0])) is not None:
        yield replace(point_from_arrays(layer, other, config, _file_case(layer, other, seed)), tentative=True)


def told(
    layer: Layer, arrays: tuple[Any, ...], config: Mapping[str, Any], seed: int, effort: str, failed: Sequence[Case]
) -> tuple[str, ...]:
    """Notes on values that the user did not give: which were tried, which failed, and of which nothing was seen.

    Args:
        failed: the cases at which something failed, the last that were tried.

    >>> relu = Layer(lambda x: (np.maximum(x, 0), lambda dy: (dy * (x > 0),)), ("x",), "relu")
    >>> told(relu, (np.array([1.0, 2.0]),), {}, 0, "normal", ())
    ('  tried beside your values: x of both signs, x up to 16 and x a thousandth in size',)
    """
    if layer.dims or not arrays:
        return ()
    given = point_from_arrays(layer, arrays, config, Case(seed=seed))
    found = [] if effort == "quick" else variants(layer, given)
    cases = {_file_case(layer, each.inputs, seed): each for each in found}
    culprit = next((cases[case] for case in failed if case in cases), None)
    if culprit is not None:
        first = (*culprit.signs, *culprit.scaled)[0]
        return (
            f"  found at values that are not yours: {_tried([culprit])}; "
            f"if {first} is never such, declare where it lies:  "
            f'domain={{"{first}": (low, high)}}',
        )
    signs = {name for each in found for name in each.signs}
    silent = [name for name in layer.differentiable if name not in signs and _is_one_sided(layer, name, given[name])]
    shapes = ", ".join(f'"{name}": {np.shape(value)}' for name, value in zip(layer.inputs, given.inputs, strict=True))
    notes = [f"  tried beside your values: {_tried(found)}"] if found and not failed else []
    if silent:
        notes.append(
            f"  {', '.join(silent)} was given with entries of one sign only, so nothing was seen of the others: "
            f"shapes={{{shapes}}} tries both"
        )
    return tuple(notes)


def _tried(found: Iterable[Variant]) -> str:
    words: dict[str, None] = {}
    for each in found:
        words |= {f"{name} of both signs": None for name in each.signs}
    for each in found:
        size = "up to 16" if each.size == "larger" else "a thousandth in size"
        words |= {f"{', '.join(each.scaled)} {size}": None} if each.scaled else {}
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _is_one_sided(layer: Layer, name: str, value: Any) -> bool:
    return name not in layer.domain and name not in layer.draw and np.size(value) > 1 and is_of_one_sign(value)


def _refuse_outside(layer: Layer, given: Point) -> None:
    """An entry that has no room to move cannot be judged."""
    for name, (low, high) in layer.domain.items():
        value = given[name]
        if name in layer.differentiable and not np.all((value > low) & (value < high)):
            found = value[~((value > low) & (value < high))].flat[0]
            raise UsageError(
                f"{layer.name}: {name} holds {found:g}, and domain[{name!r}] is the open interval ({low:g}, {high:g}): "
                "pass numbers inside it, or declare a wider one"
            )


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
