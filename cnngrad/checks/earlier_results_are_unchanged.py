"""earlier_results_are_unchanged: what was returned stays as it is, whatever is called later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnngrad.checks.calling import OUTPUT, elsewhere, gradients_in, identical, on_one_object, output_of
from cnngrad.checks.check import Check
from cnngrad.checks.comparing import Gap, verdicts
from cnngrad.core.arrays import Array, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised
from cnngrad.core.result import Result

FIRST, SECOND = 0, 1  # numbers of the cotangents
ORDINAL = ("first", "second")


@dataclass
class Watched:
    """Arrays a layer returned, each beside a copy, and what became of them."""

    returned: list[tuple[str, str, Any, Any]] = field(default_factory=list)
    failures: dict[str, Result] = field(default_factory=dict)

    def add(self, name: str, what: str, value: Any) -> None:
        if isinstance(value, np.ndarray):
            self.returned.append((name, what, value, value.copy()))

    def look(self, culprit: str) -> None:
        """Blame a call for every array that changed since it was returned."""
        for name, what, array, kept in self.returned:
            if not np.array_equal(array, kept, equal_nan=array.dtype.kind in "fc"):
                reason = f"{what} is changed by {culprit}: {_ADVICE.get(culprit, _REUSED)}"
                gap = Gap(array, np.asarray(kept, dtype=np.float64), 0.0)  # NumPy subtracts no truth from a truth
                self.failures.setdefault(name, gap.failed(name, reason))


_REUSED = "it is, or is a view of, a buffer that is used again; return a copy"
_ADVICE = {"its own backward": "backward works on it in place; let it work on a copy"}


def judge(at: Evaluation) -> list[Result]:
    """Forward and backward at two points with two dy, on one object where the layer has one.

    Two dy, since the gradient of a linear layer is the same at both points.
    """
    session, watched = on_one_object(at), Watched()
    y, backward = session.vjp(at.point.inputs)
    _watch_outputs(watched, y, "the output of the first forward")
    _pull(session, y, backward, watched, FIRST)
    watched.look("its own backward")
    y, backward = session.vjp(elsewhere(at))
    watched.look("a later forward")
    _watch_outputs(watched, y, "the output of the second forward")
    latest = _pull(session, y, backward, watched, SECOND)
    watched.look("a later backward")
    failures = _after_overwriting(session, y, backward, latest) | watched.failures
    return verdicts(dict.fromkeys((OUTPUT, *latest, *failures)), failures)


def _watch_outputs(watched: Watched, y: Any, what: str) -> None:
    for part in outputs_of(y):
        watched.add(OUTPUT, what, part)


def _pull(at: Evaluation, y: Any, backward: Any, watched: Watched, which: int) -> dict[str, Array]:
    returned = at.pull(y, backward, at.point.cotangent(output_of(y).size, which))
    found = gradients_in(at, returned)
    for name, value in zip(at.layer.inputs, returned, strict=True):
        if name in found:
            watched.add(name, f"the gradient of {name} from the {ORDINAL[which]} backward", value)
    return found


def _after_overwriting(at: Evaluation, y: Any, backward: Any, latest: dict[str, Array]) -> dict[str, Result]:
    """Gradients are scaled and clipped in place: that must not reach into what the backward keeps."""
    dy = at.point.cotangent(output_of(y).size, SECOND)
    try:
        again = at.pull(y, backward, dy)
        if not identical(gradients_in(at, again), latest):
            return {}  # it counts its calls or adds up: calls_are_independent says so
        _overwrite(again)
        overwritten = gradients_in(at, at.pull(y, backward, dy))
    except LayerRaised:
        return {}  # a second backward after one forward may be refused
    return {
        name: Gap(overwritten[name], array, 0.0).failed(name, _HANDED_OUT)
        for name, array in latest.items()
        if name in overwritten and not np.array_equal(overwritten[name], array, equal_nan=True)
    }


def _overwrite(returned: Iterable[Any]) -> None:
    """Give every entry another number, from 1 and -1; one array may be returned for several inputs."""
    arrays = [v for v in returned if isinstance(v, np.ndarray) and v.flags.writeable and v.dtype.kind == "f"]
    for array, other in [(array, np.where(array > 0, -1.0, 1.0)) for array in arrays]:
        array[...] = other


_HANDED_OUT = (
    "once the returned gradients are changed (as clipping or an optimiser does) the next backward returns other ones: "
    "an array that backward keeps is handed out; return a copy"
)


CHECK = Check(
    name="earlier_results_are_unchanged",
    statement="outputs and gradients that were returned are not changed by later calls",
    judge=judge,
)
