"""array_layouts_do_not_matter: the same numbers in other memory orders, read-only or broadcast, give the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cnngrad.checks.calling import (
    OUTPUT,
    Call,
    backward_on,
    call,
    cotangent_name,
    forward_on,
    gradients_in,
    output_of,
)
from cnngrad.checks.check import Check, finding
from cnngrad.checks.comparing import NotRepeatableError, gaps, not_repeatable, unfit, verdicts
from cnngrad.core.arrays import Array, Vector, cotangent_like, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status

Layout = Callable[[Array], Array]


def _every_second(array: Array) -> Array:
    """Every second entry of an array that is otherwise full of other numbers."""
    larger = np.full([2 * side for side in array.shape], 77, dtype=array.dtype)
    view = larger[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def _reversed(array: Array) -> Array:
    """A view with negative strides."""
    return np.flip(np.flip(array).copy())


def _read_only(array: Array) -> Array:
    kept = array.copy()
    kept.flags.writeable = False
    return kept


LAYOUTS: dict[str, Layout] = {
    "Fortran-ordered": lambda array: np.array(array, order="F"),
    "strided": _every_second,
    "reversed": _reversed,
    "read-only": _read_only,
}


def why_not(layer: Layer) -> str:
    """Compiled code may ask for contiguous arrays, if it says so."""
    return "contiguous=True is declared: the layer takes C-contiguous arrays only" if layer.contiguous else ""


def judge(at: Evaluation) -> list[Result]:
    """One result for the output and each gradient; a call that raised is one for the whole layer."""
    reference = call(at, at.point.inputs)
    if results := unfit(reference, reference.results):
        return results
    dy = cotangent_name(at.layer)
    everything = (*_movable(at), dy)
    failures: dict[str, Result] = {}
    try:
        for layout, arrange in LAYOUTS.items():
            failures = _differing(at, reference, layout, arrange, everything) | failures
        if dy not in at.layer.in_place:
            level = call(at, at.point.inputs, np.full(reference.dy.size, reference.dy[0]))
            failures = _differing(at, level, "broadcast (stride 0)", _stride_zero, [dy]) | failures
    except NotRepeatableError:
        return not_repeatable(reference.results)
    return verdicts(dict.fromkeys((*reference.results, *failures)), failures)


def _movable(at: Evaluation) -> tuple[str, ...]:
    """The inputs that are handed in; the weights of a layer that keeps its state on an object are the object's."""
    return at.layer.inputs if at.layer.shared is None else at.layer.inputs[:1]


def _stride_zero(array: Array) -> Array:
    return np.broadcast_to(array.ravel()[0], array.shape)


def _differing(
    at: Evaluation, reference: Call, layout: str, arrange: Layout, names: Sequence[str]
) -> dict[str, Result]:
    """The failures with some arrays in a layout; then the arrays are looked at one by one, to name the culprits."""
    failures = _with(at, reference, layout, arrange, names, _listed(names))
    if not failures or len(names) == 1:
        return failures
    for name in names:
        alone = _with(at, reference, layout, arrange, [name], name)
        if alone:
            return alone
    return failures


def _with(
    at: Evaluation, reference: Call, layout: str, arrange: Layout, names: Iterable[str], called: str
) -> dict[str, Result]:
    try:
        got = _call_arranged(at, reference.dy, layout, arrange, set(names))
    except (LayerRaised, UsageError) as raised:
        reason = f"with {layout} {called} {raised}: if {_ADVICE}"
        return {"": finding(Status.FAILED, reason=reason)}
    found = gaps(at, got, reference.results, [(1.0, reference)], move_inputs=True)
    reason = f"with {layout} {called} it differs from that with C-contiguous arrays: does the layer use raw memory, "
    reason += f"reshape or ravel with an order of its own, or strides? If {_ADVICE}"
    return {name: gap.failed(name, reason) for name, gap in found.items()}


_ADVICE = "the layer is not meant for such arrays, declare contiguous=True"


def _call_arranged(at: Evaluation, dy: Vector, layout: str, arrange: Layout, names: set[str]) -> dict[str, Array]:
    in_place = at.layer.in_place if layout == "read-only" else ()
    chosen = names.difference(in_place)
    inputs = [
        _arranged(value, arrange, name in chosen) for name, value in zip(at.layer.inputs, at.point.inputs, strict=True)
    ]
    y, backward = forward_on(at, inputs)
    output = output_of(y)
    cotangent = cotangent_like(y, np.resize(dy, output.size))  # it should have that size, but may not
    parts = tuple(_arranged(part, arrange, cotangent_name(at.layer) in chosen) for part in outputs_of(cotangent))
    returned = backward_on(at, backward, parts if isinstance(y, (tuple, list)) else parts[0])
    return {OUTPUT: output, **gradients_in(at, returned)}


def _arranged(value: Any, arrange: Layout, wanted: bool) -> Any:
    """A copy in the layout; numbers without axes, and arrays without numbers, have none."""
    if np.ndim(value) == 0:
        return np.array(value)[()]
    return arrange(np.asarray(value)) if wanted and np.size(value) else np.array(value, order="C")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


CHECK = Check(
    name="array_layouts_do_not_matter",
    statement="arrays in other memory orders, read-only arrays and a broadcast dy give the same results",
    judge=judge,
    why_not=why_not,
)
