"""No gradient at all: None, zero, not a number, the wrong shape; and gradients that do not look at dy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, same
from cnngrad.diagnosis.scene import Scene

SETS_OF_AXES = [axes for size in (1, 2, 3, 4) for axes in combinations(range(5), size)]


def nothing_returned(failure: Failure) -> Iterator[Suspect]:
    """None, or zero at every entry."""
    name, first = failure.name, failure.scenes[0]
    if first.claimed[name] is None:
        evidence = f"None stands in the place of the gradient of {name}"
        advice = f"return one gradient an input, in the order {', '.join(failure.layer.inputs)}"
        yield Suspect(f"no gradient of {name} is returned", evidence, advice, "missing term")
        return
    if all(s.g.shape == s.shape and not np.any(s.g) for s in (*failure.scenes, _richest(failure))):
        evidence = f"all {sum(s.g.size for s in failure.scenes)} entries are 0 in {len(failure.scenes)} cases"
        advice = f"the forward depends on {name}: its gradient must be computed, or {name} declared in constants"
        yield Suspect(f"the gradient of {name} is 0, as if {name} were a constant", evidence, advice, "missing term")


def _richest(failure: Failure) -> Scene:
    """The largest point that was looked at: with one sample alone, much is 0 that is not elsewhere."""
    at = failure.scenes[0].at
    point = max((p for p, _ in failure.seen), key=lambda p: sum(np.size(value) for value in p.inputs))
    return Scene(replace(at, point=point), failure.name)


HUGE = 300  # the square of e^x overflows above 354, e^x itself above 709


def not_a_number(failure: Failure) -> Iterator[Suspect]:
    """NaN or infinity, and where."""
    broken = [s for s in failure.scenes if s.g.shape == s.shape and not np.all(np.isfinite(s.g))]
    if not broken:
        return
    if all(np.all(np.abs(s.value[~np.isfinite(s.g)]) > HUGE) for s in broken):
        yield Suspect(
            f"the gradient of {failure.name} is not a number where |{failure.name}| is above {HUGE}: exp overflows, or "
            "what it makes 0 is divided by",
            f"all {sum(int(np.sum(~np.isfinite(s.g))) for s in broken)} such entries in {len(broken)} cases lie there",
            "write the slope with the output of the forward, as y(1 - y), not with exp once more",
            "not a number",
        )
        return
    reasons: dict[str, Callable[[Scene], Array]] = {
        f"{failure.name} is 0": lambda s: np.asarray(s.value == 0),
        "the output is 0": lambda s: _reached(s, s.flat_y == 0),
    }
    for where, at in reasons.items():
        if all(np.all(at(s)[~np.isfinite(s.g)]) for s in broken):
            count = sum(int(np.count_nonzero(~np.isfinite(s.g))) for s in broken)
            yield Suspect(
                f"the gradient of {failure.name} is not a number where {where}: 0/0, or a division by 0",
                f"all {count} such entries in {len(broken)} cases lie there",
                f"write the value at that place by hand (np.where), or do not divide: where {where} the limit is known",
                "not a number",
            )
            return
    count = sum(int(np.count_nonzero(~np.isfinite(s.g))) for s in broken)
    yield Suspect(
        f"the gradient of {failure.name} overflows or divides by 0",
        f"{count} entries are not finite in {len(broken)} cases",
        "look for exp of large numbers, log of 0 and divisions",
        "not a number",
    )


def _reached(s: Scene, outputs: Array) -> Array:
    """Entries of the input that the outputs depend on; by the claim itself, as the forward has a kink there."""
    units = [s.rerun(np.eye(s.flat_y.size)[o]) for o in np.flatnonzero(outputs)]
    reached = np.zeros(s.shape, dtype=bool)
    for row in units:
        if row is not None and row.shape == s.shape:
            reached |= ~np.isfinite(row)
    return reached


def wrong_shape(failure: Failure) -> Iterator[Suspect]:
    """A gradient that is not of its input's shape, and what would make it right."""
    name = failure.name
    bad = [s for s in failure.scenes if s.claimed[name] is not None and s.g.shape != s.shape]
    if not bad:
        return
    for other in failure.layer.differentiable:
        if other != name and all(same(s.true(s.cotangent, other), s.g) for s in bad):
            yield exchanged(name, other, bad)
            return
    for axes in SETS_OF_AXES:
        if all(_is_sum_of(s, axes) for s in bad):
            yield Suspect(
                f"the gradient of {name} is not summed over {_axes(axes)}",
                f"it has shape {bad[0].g.shape}, {name} has {bad[0].shape}; summed, it is right in {len(bad)} cases",
                f"sum over {_axes(axes)}: {name} is used once for each entry there, and all uses add up",
                "axis",
            )
            return
    if all(s.g.shape == s.shape[::-1] and same(s.n, s.g.T) for s in bad):
        yield Suspect(
            f"the gradient of {name} is transposed",
            f"it has shape {bad[0].g.shape}, {name} has {bad[0].shape}; its transpose is right in {len(bad)} cases",
            "exchange the factors of the matrix product, or transpose the result",
            "transpose",
        )
        return
    for axes in SETS_OF_AXES:
        if all(s.cotangent.ndim > max(axes) and same(s.cotangent.sum(axis=axes), s.g) for s in bad):
            yield Suspect(
                f"the gradient of {name} sums dy over {_axes(axes)}, the wrong ones",
                f"it has shape {bad[0].g.shape}, {name} has {bad[0].shape}",
                f"sum over the other axes, so that the shape of {name} is left",
                "axis",
            )
            return


def _is_sum_of(s: Scene, axes: tuple[int, ...]) -> bool:
    if max(axes) >= s.g.ndim:
        return False
    summed = s.g.sum(axis=axes)
    return summed.size == s.n.size and same(s.n, summed.reshape(s.shape)) is not None


def exchanged(name: str, other: str, scenes: Sequence[Scene]) -> Suspect:
    """The gradient of another input; where that one has it as well, no order is wrong, but a formula."""
    returned = all(s.claimed[other] is not None and _is_right(s, other) for s in scenes)
    return Suspect(
        f"what is returned for {name} is the gradient of {other}",
        f"it is exactly that in {len(scenes)} failing cases" + (f"; for {other} it is right" if returned else ""),
        f"{name} has a formula of its own: multiply by {other} and not by {name}, where the two are factors"
        if returned
        else "return the gradients in the order of the inputs",
        "order",
    )


def _is_right(s: Scene, other: str) -> bool:
    return same(s.true(s.cotangent, other), np.asarray(s.claimed[other], dtype=np.float64)) is not None


def dy_not_used(failure: Failure) -> Iterator[Suspect]:
    """The claim is the same for every dy: right, if at all, where dy = 1."""
    scenes = [s for s in failure.wrong if s.g.shape == s.shape and np.any(s.g) and np.all(np.isfinite(s.g))][:3]
    if not scenes or not all(_same_again(s, s.rerun(dy)) for s in scenes for dy in (3 * s.dy + 1, -s.dy)):
        return
    right = all(same(s.true(np.ones(s.y_shape)), s.g) for s in scenes)
    also = "; it is right for dy = 1 only" if right else ""
    yield Suspect(
        f"dy is not multiplied in: the gradient of {failure.name} does not depend on it",
        f"another dy gives the same numbers in {len(scenes)} cases{also}",
        f"multiply the gradient of {failure.name} by the dy that backward is given",
        "missing term",
    )


def _same_again(s: Scene, again: Array | None) -> bool:
    return again is not None and same(s.g, again) is not None


def _axes(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
