"""Which samples a gradient looks at, found by giving one of them other numbers: it works through a whole network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import TOLERANCE, Failure
from cnngrad.diagnosis.scene import Scene
from cnngrad.diagnosis.summing import first_for_all

MOST = 4  # samples in a scene that is looked at


def one_sample_only(failure: Failure) -> Iterator[Suspect]:
    """A parameter's gradient that follows one sample alone, though all samples count."""
    scenes = _of_several(failure)
    followed = [found for s in scenes if (found := _followed(s)) is not None]
    if failure.name == failure.layer.inputs[0] or len(followed) < min(2, len(failure.wrong)):
        return
    for which, index, family, advice in (
        ("last", -1, "assignment", "add to the gradient for each sample (+=); assigned (=), only the last one is left"),
        ("first", 0, "dropped sample", "sum over every sample, not only the first"),
    ):
        if all(each[index] and sum(each) == 1 for each in followed):
            yield Suspect(
                f"the gradient of {failure.name} takes only the {which} sample",
                f"other numbers in any other sample leave it as it is, in {len(followed)} failing cases; the right one "
                "changes",
                advice,
                family,
            )


def _of_several(failure: Failure) -> list[Scene]:
    """The scenes with a few samples."""
    return [s for s in failure.wrong if s.g.shape == s.shape and 1 < _count(s) <= MOST]


def _count(s: Scene) -> int:
    """How many samples there are, by the declared axis, or where each has a target of its own in a loss; else 0."""
    first, layer = next(iter(s.inputs.values())), s.at.layer
    if first.ndim <= max(1, s.batch_axis):
        return 0
    targets = [s.inputs[n] for n in layer.constants if s.inputs[n].ndim]
    of_loss = s.flat_y.size == 1 and any(len(t) == len(first) for t in targets)
    return int(first.shape[s.batch_axis]) if layer.batch_axis is not None or of_loss else 0


def _followed(s: Scene) -> list[bool] | None:
    """Of each sample whether the claim follows it; ``None`` where the right gradient does not follow every one."""
    direction = np.cos(np.arange(s.value.size) + 0.5).reshape(s.shape)
    here, found = s.slope_along(direction), []
    for sample in range(_count(s)):
        other = _with_another(s, sample)
        right, claimed = s.slope_along(direction, **other), s.rerun(**other)
        if claimed is None or claimed.shape != s.shape or abs(right - here) <= 1e-6 * max(abs(right), abs(here), 1e-6):
            return None
        found.append(not np.array_equal(claimed, s.g))
    return found


def _with_another(s: Scene, sample: int) -> dict[str, Array]:
    """The first input with other numbers in one sample."""
    name, value = next(iter(s.inputs.items()))
    moved = np.array(np.moveaxis(value, s.batch_axis, 0))
    moved[sample] = 0.5 * np.cos(3.0 * np.arange(moved[sample].size) + 1.0).reshape(moved[sample].shape) - moved[sample]
    return {name: np.moveaxis(moved, 0, s.batch_axis)}


def of_first_sample(s: Scene, name: str = "") -> Scene | None:
    """The same with the first sample in the place of all; ``None`` unless it is a loss with a target for each."""
    data, targets = next(iter(s.inputs)), [n for n in s.at.layer.constants if s.inputs[n].ndim == 2]
    if s.flat_y.size != 1 or len(targets) != 1 or s.inputs[data].shape[:1] != s.inputs[targets[0]].shape[:1]:
        return None
    alike = [first_for_all(v, (0,)) if n in (data, *targets) else v for n, v in s.inputs.items()]
    return Scene(replace(s.at, point=replace(s.at.point, inputs=tuple(alike))), name or s.name)


def first_sample_for_others(failure: Failure) -> Iterator[Suspect]:
    """The gradient of the other samples follows the first one, which they do not depend on."""
    scenes = _of_several(failure)
    if failure.name != failure.layer.inputs[0] or len(scenes) < min(2, len(failure.wrong)):
        return
    if all(_is_led_by_the_first(s) for s in scenes):
        yield Suspect(
            f"the gradient of {failure.name} takes from the first sample what belongs to each by itself",
            f"other numbers in the first sample change the gradient of the others, and in no other case does one "
            f"sample change another, in {len(scenes)} failing cases",
            "compute it for every sample anew (a Jacobian, a slope, the places of maxima), and index it by the sample",
            "wrong input",
        )


def _is_led_by_the_first(s: Scene) -> bool:
    """Whether the claims of the others change with the first sample alone, and the right gradients with none."""
    changed = []
    for sample in range(_count(s)):
        other = _with_another(s, sample)
        claimed = s.rerun(**other)
        if claimed is None or claimed.shape != s.shape or not _is_apart(s, sample, other):
            return False
        others = np.delete(claimed - s.g, sample, axis=s.batch_axis)
        changed.append(bool(np.max(np.abs(others)) > TOLERANCE * np.max(np.abs(s.g))))
    return changed[0] and not any(changed[1:])


def _is_apart(s: Scene, sample: int, other: dict[str, Array]) -> bool:
    """Whether the right gradient of all other samples stays as it is."""
    direction = np.cos(np.arange(s.value.size) + 0.5).reshape(s.shape)
    np.moveaxis(direction, s.batch_axis, 0)[sample] = 0
    here, there = s.slope_along(direction), s.slope_along(direction, **other)
    return abs(here - there) <= 1e-6 * max(abs(here), abs(there), 1e-3 * float(np.max(np.abs(s.dy))))
