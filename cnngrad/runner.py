"""check(): points, checks, and what becomes of a failure."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnngrad import checks
from cnngrad.checks import Check
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.arrays import shape_text
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, Point, aside, point_from_arrays
from cnngrad.core.errors import GradientMismatch, LayerRaised, NotVerified, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.core.values import rng_for
from cnngrad.pytest_plugin import OPTIONS, record
from cnngrad.report import GRADIENTS, Report
from cnngrad.search import (
    cases,
    effort_named,
    explicit_cases,
    find_failing,
    inside_hypothesis_test,
    shrink,
    where_excluding,
)

__all__ = ["cases", "check", "examine"]

SAVED = Path(".cnngrad")
SINGLE = "  float64 inputs are refused, so all was judged in float32: the smallest visible error is larger"


def check(
    layer: Layer,
    *arrays: Any,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    config: Mapping[str, Any] | None = None,
    case: str | Case | None = None,
    seed: int | None = None,
    effort: str | None = None,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    raise_on_failure: bool = True,
) -> Report:
    """Hold a layer's backward against its forward.

    Args:
        layer: what to check; someone else's code becomes one through ``cg.from_functions`` or ``cg.from_class``.
        arrays: one array an input: the point to check at and around. From effort ``normal`` on the declared
            configurations are searched as well.
        shapes: instead of arrays, the shape of each input.
        config: keywords for the ``vjp``.
        case: one printed case to replay, and nothing else.
        seed: of all that is drawn; 0 if left out.
        effort: ``quick``, ``normal``, ``thorough`` or ``exhaustive`` (``normal`` if left out; the environment
            variable ``CNNGRAD_EFFORT`` and pytest's ``--cnngrad-effort`` set another).
        select, exclude: names of checks to run, or not to run.
        raise_on_failure: raise instead of returning a report that is not ``ok``.

    Returns:
        The report: ``ok``, ``status``, ``results``, ``failures``, ``totals``, ``gradients``.

    Raises:
        GradientMismatch: a check failed.
        NotVerified: the layer raised, or an input could not be judged.
        UsageError: there is nothing that could be checked; says what is missing.

    >>> from cnngrad.layers import relu
    >>> check(relu, np.array([[1.0, -2.0]])).ok
    True
    """
    if not isinstance(layer, Layer):
        raise UsageError(
            f"check takes a Layer, not {shape_text(layer)}: wrap a function pair with cg.from_functions, a class with "
            "cg.from_class, or write cg.Layer(vjp, inputs=(...))"
        )
    if shapes is not None:
        layer = replace(layer, shapes=dict(shapes), dims=None, where=None)
    seed = int(OPTIONS.get("seed", 0)) if seed is None else seed
    effort = effort or str(OPTIONS.get("effort") or os.environ.get("CNNGRAD_EFFORT") or "normal")
    effort_named(effort)
    chosen = choose_checks(select, exclude)
    points = _points(layer, arrays, config or {}, case, seed, effort)
    report = examine(layer, points, chosen, seed=seed, effort=effort, search=case is None and shapes is None)
    report = replace(report, gradients_due=not select or GRADIENTS in select)
    record(str(report.status))
    __tracebackhide__ = True  # pytest shows the user's line and the message, not this function
    if raise_on_failure and not report.ok:
        raise (GradientMismatch if report.status == Status.FAILED else NotVerified)(report)
    return report


def choose_checks(select: Sequence[str], exclude: Sequence[str]) -> tuple[Check, ...]:
    """The checks to run.

    Raises:
        UsageError: an unknown name, or nothing left to run.
    """
    known = {each.name: each for each in checks.ALL}
    unknown = [name for name in (*select, *exclude) if name not in known]
    if unknown:
        raise UsageError(f"there is no check {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
    chosen = tuple(each for name, each in known.items() if (not select or name in select) and name not in exclude)
    if not chosen:
        raise UsageError("select and exclude together leave no check to run")
    return chosen


def _points(
    layer: Layer, arrays: tuple[Any, ...], config: Mapping[str, Any], case: str | Case | None, seed: int, effort: str
) -> Iterator[Point]:
    if case is not None:
        yield (Case.parse(case) if isinstance(case, str) else case).point(layer, config)
        return
    if arrays:
        yield from _around(layer, arrays, config, seed)
        if layer.dims is None or effort == "quick":
            return
    for each in explicit_cases(layer, effort, seed):
        yield each.point(layer, config)


def _around(layer: Layer, arrays: tuple[Any, ...], config: Mapping[str, Any], seed: int) -> Iterator[Point]:
    """The user's own point, one a little aside, and the same numbers in another order.

    Aside, because a point people choose often stands on kinks (biases of 0, black pixels); in another order, because
    that gives other values but none outside the range they chose.
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


def _file_case(layer: Layer, arrays: Iterable[Any], seed: int) -> Case:
    digest = hashlib.sha256(b"".join(np.asarray(array).tobytes() for array in arrays)).hexdigest()[:12]
    return Case(values=f"file:{SAVED / f'{layer.name}-{digest}.npz'}", seed=seed)


def examine(
    layer: Layer,
    points: Iterable[Point],
    chosen: Sequence[Check],
    *,
    seed: int = 0,
    effort: str = "normal",
    search: bool = False,
) -> Report:
    """Run checks at points; shrink what failed. :func:`check` without its conveniences.

    Raises:
        UsageError: the forward raises at the very first point, or there is no point.
    """
    results: list[Result] = []
    features = dict.fromkeys(layer.features, 0)
    first: Point | None = None
    last: Point | None = None
    behaved: set[object] = set()
    notes = tuple(f"  declared: {sentence}" for sentence in layer.conventions)
    single = False
    for point in points:
        if first is None:
            single = _takes_single_only(layer, point)
            notes += (SINGLE,) if single else ()
            first = _in_single(point) if single else point
            _refuse_broken_forward(layer, first)
        point = _in_single(point) if single else point
        last = point
        # Behaviour hangs on the configuration more than on the numbers: once for each is enough.
        new = point.case.dims not in behaved or not point.case.dims
        behaved.add(point.case.dims)
        found = _judge(layer, point, [each for each in chosen if new or each.name == GRADIENTS])
        results += found
        if any(r.status == Status.PASSED for r in found):
            _count_features(layer, point, features)
        if any(not r.accepted and r.status != Status.INCONCLUSIVE for r in found):
            break
    if first is None or last is None:
        raise UsageError(f"{layer.name}: where= excludes every configuration that was tried; widen dims or where")
    if search and not single and all(r.accepted or r.status == Status.INCONCLUSIVE for r in results):
        more_notes, more = _search(layer, chosen, seed, effort)
        notes += more_notes
        results += more
    results = [_explain(layer, result, chosen, last) for result in results]
    return Report(
        layer.name,
        tuple(results),
        layer.differentiable,
        features,
        seed,
        effort,
        notes,
        tables=lambda: gradient_tables(layer, first),
    )


def _judge(layer: Layer, point: Point, chosen: Sequence[Check]) -> list[Result]:
    """All checks at one point; what raises in the first would raise in all, so there it ends."""
    found: list[Result] = []
    for each in chosen:
        found += each.run(layer, point)
        if found and found[-1].status == Status.ERROR:
            break
    return found


def _takes_single_only(layer: Layer, point: Point) -> bool:
    """Whether a forward refuses float64 and takes float32: a kernel that knows one type."""
    return _raises(layer, point) and not _raises(layer, _in_single(point))


def _raises(layer: Layer, point: Point) -> bool:
    try:
        Evaluation(layer, point).vjp(point.inputs)
    except (LayerRaised, UsageError) as raised:
        return not isinstance(getattr(raised, "error", None), NotImplementedError)
    return False


def _in_single(point: Point) -> Point:
    inputs = tuple(a.astype(np.float32) if a.dtype == np.float64 else a for a in map(np.asarray, point.inputs))
    return replace(point, inputs=inputs)


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


def _count_features(layer: Layer, point: Point, features: dict[str, int]) -> None:
    if not point.case.dims:
        return  # features speak of declared configurations; a point of the user's own has none
    for name, predicate in layer.features.items():
        features[name] += bool(predicate(point))


def _search(layer: Layer, chosen: Sequence[Check], seed: int, effort: str) -> tuple[tuple[str, ...], list[Result]]:
    """What Hypothesis' engine finds beyond the explicit cases."""
    examples = effort_named(effort).examples
    if not examples or not layer.dims:
        return (), []
    if inside_hypothesis_test():
        return ("  inside a Hypothesis test only the explicit cases were run",), []
    results: list[Result] = []

    def fails(case: Case) -> bool:
        found = _judge(layer, case.point(layer), chosen)
        results.extend(found)
        return any(r.status in (Status.FAILED, Status.ERROR) for r in found)

    find_failing(layer, fails, examples, seed)
    return (), results


def _explain(layer: Layer, result: Result, chosen: Sequence[Check], last: Point) -> Result:
    """Shrink a finding, save the user's own arrays, and say how to see it again."""
    if result.status not in (Status.FAILED, Status.ERROR) or result.case is None:
        return result
    each = next(c for c in chosen if c.name == result.check)
    if layer.dims and result.case.dims:
        result = _shrunk(layer, result, each)
    if result.case is not None and result.case.values.startswith("file:") and last.case == result.case:
        last.save(Path(result.case.values.removeprefix("file:")))
    if result.status == Status.ERROR and layer.dims and result.case is not None and "forward raised" in result.reason:
        result = replace(
            result,
            reason=f"{result.reason}; if that is not meant to work, {where_excluding(layer, result.case)}",
        )
    return replace(result, reproduce=_reproduce(layer, result))


def _shrunk(layer: Layer, result: Result, each: Check) -> Result:
    def same(case: Case) -> Result | None:
        found = each.run(layer, case.point(layer))
        return next((r for r in found if (r.status, r.input) == (result.status, result.input)), None)

    assert result.case is not None
    smallest = shrink(layer, result.case, _quietly(lambda case: same(case) is not None))
    return same(smallest) or result


def _quietly(fails: Callable[[Case], bool]) -> Callable[[Case], bool]:
    """A candidate whose shapes or values do not fit the layer is no smaller failure."""

    def safe(case: Case) -> bool:
        try:
            return fails(case)
        except UsageError:
            return False

    return safe


def _reproduce(layer: Layer, result: Result) -> str:
    if layer.target:
        return f'cnngrad check {shlex.quote(layer.target)} --case "{result.case}"'
    return f'cg.check({layer.name}, case="{result.case}")'
