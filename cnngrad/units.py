"""The units of a run: what is done with a layer and its checks, each by itself, in whatever process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from cnngrad.checks import Check
from cnngrad.core.arrays import shape_text
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.core.source import Source, backward_source
from cnngrad.report import GRADIENTS
from cnngrad.search import find_failing


def units(
    points: Iterable[Point], chosen: Sequence[Check], only_gradients: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Point, tuple[str, ...]]]:
    """Each point with the names of the checks that are run there.

    Behaviour hangs on the configuration more than on the numbers: once for each is enough.

    Args:
        only_gradients: asked before each point.
    """
    behaved: set[object] = set()
    for point in points:
        new = (point.case.dims not in behaved or not point.case.dims) and not only_gradients()
        behaved.add(point.case.dims)
        yield point, tuple(each.name for each in chosen if new or each.name == GRADIENTS)


def judge(layer: Layer, chosen: Sequence[Check], point: Point, names: Sequence[str]) -> list[Result]:
    """The checks of these names at one point; what raises in the first would raise in all, so there it ends."""
    if point.tentative and _refused(layer, point):
        return []
    found: list[Result] = []
    for each in chosen:
        if each.name not in names:
            continue
        found += each.run(layer, point)
        if found and found[-1].status == Status.ERROR:
            break
    return found


def search(layer: Layer, chosen: Sequence[Check], examples: int, seed: int) -> list[Result]:
    """What Hypothesis' engine finds beyond the explicit cases: one unit, as each case it draws hangs on the last."""
    results: list[Result] = []
    names = [each.name for each in chosen]

    def fails(case: Case) -> bool:
        found = judge(layer, chosen, case.point(layer), names)
        results.extend(found)
        return any(r.status in (Status.FAILED, Status.ERROR) for r in found)

    find_failing(layer, fails, examples, seed)
    return results


def takes_single_only(layer: Layer, chosen: Sequence[Check], point: Point, replaying: bool) -> bool:
    """Whether a forward refuses float64 and takes float32: a kernel that knows one type. Asked at the first point.

    Raises:
        UsageError: the forward raises there in both, so that the layer is being called wrongly (unless that replays a
            finding).
    """
    single = _raises(layer, point) and not _raises(layer, in_single(point))
    if not replaying:
        _refuse_broken_forward(layer, in_single(point) if single else point)
    return single


def written_at(layer: Layer, chosen: Sequence[Check], point: Point) -> Source | None:
    """Where the backward is written, which takes one call of it to find out."""
    return backward_source(layer, point)


def in_single(point: Point) -> Point:
    """The same point with its float64 inputs in float32."""
    inputs = tuple(a.astype(np.float32) if a.dtype == np.float64 else a for a in map(np.asarray, point.inputs))
    return replace(point, inputs=inputs)


def _refused(layer: Layer, point: Point) -> bool:
    try:
        Evaluation(layer, point).vjp(point.inputs)
    except LayerRaised:
        return True
    return False


def _raises(layer: Layer, point: Point) -> bool:
    try:
        Evaluation(layer, point).vjp(point.inputs)
    except LayerRaised as raised:
        return not isinstance(raised.error, NotImplementedError)
    except UsageError:
        return False  # says itself what is to be done
    return False


def _refuse_broken_forward(layer: Layer, point: Point) -> None:
    """A forward that fails at the very first point is not a wrong gradient: the layer is being called wrongly."""
    try:
        Evaluation(layer, point).vjp(point.inputs)
    except LayerRaised as raised:
        if isinstance(raised.error, NotImplementedError):
            return  # a stub is reported as one
        given = ", ".join(f"{name} {shape_text(value)}" for name, value in zip(layer.inputs, point.inputs, strict=True))
        raise UsageError(
            f"{layer.name}: the {raised} at the first point, so nothing could be checked. It was given {given}"
            + (f" and {dict(point.config)}" if point.config else "")
            + ". Do the shapes fit the layer, and the inputs stand in its order?"
        ) from raised.error
