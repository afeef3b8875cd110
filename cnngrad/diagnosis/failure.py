"""What a diagnosis knows: a few scenes of one failure, poor and rich, and the test every rule must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.case import Case, Point, aside
from cnngrad.core.configurations import at_random
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Suspect
from cnngrad.core.values import rng_for
from cnngrad.diagnosis.scene import Meter, Metered, Scene, Spent

TOLERANCE = 1e-7  # of the largest entry: a thousand times the error of the differences
ENTRIES = 160  # of all inputs together in a scene that we choose
WRONG, RIGHT = 4, 2  # scenes in which the claim is wrong, and right, that a rule must explain
LOOKED_AT = 28  # points at which it is found out whether the claim is wrong there

OUTPUTS = 200  # more of them in a scene cost too many backwards, one each

Predict = Callable[[Scene], Array | None]


@dataclass
class Failure:
    """One wrong gradient.

    Attributes:
        layer, name: whose.
        scenes: the failing case itself first, then others; in most the claim is wrong, in some it is right.
        seen: every point that was looked at, and whether the claim is wrong there.
    """

    layer: Layer
    name: str
    scenes: tuple[Scene, ...]
    seen: tuple[tuple[Point, bool], ...] = ()

    @property
    def wrong(self) -> tuple[Scene, ...]:
        """The scenes in which the claim is wrong."""
        return tuple(scene for scene in self.scenes if scene.wrong)

    @property
    def finite(self) -> Failure:
        """The same without the scenes where the claim is not finite, if it is wrong in others too."""
        kept = tuple(s for s in self.scenes if not s.wrong or (s.g.size and np.all(np.isfinite(s.g))))
        return replace(self, scenes=kept) if sum(s.wrong for s in kept) >= 2 else self

    def lead(
        self, family: str, mistake: str, predict: Predict, advice: str, everywhere: bool = False
    ) -> Iterator[Suspect]:
        """Propose a mistake if what it predicts is what the backward returned, in every scene.

        Args:
            everywhere: it must predict something in every scene where the claim is wrong.
        """
        told = self.explained(predict, everywhere)
        if told:
            yield Suspect(mistake, told, advice, family)

    def explained(self, predict: Predict, everywhere: bool = False) -> str:
        """The evidence in words; empty where the prediction fails in any scene or says too little."""
        entries = scenes = 0
        for scene in self.scenes:
            predicted = _quietly(predict, scene)
            if predicted is None:
                if everywhere and scene.wrong:
                    return ""
                continue
            matched = same(predicted, scene.g, magnitude(scene))
            if matched is None:
                return ""
            if scene.wrong and matched and explains(scene, predicted):
                entries += matched
                scenes += 1
        if not enough(scenes, entries, len(self.wrong)):
            return ""
        return f"this gives exactly the claimed gradient, {entries} of {entries} entries in {scenes} failing cases"

    def factors(self, predict: Predict) -> list[float] | None:
        """The factor between prediction and claim in each scene (NaN where unknown); ``None`` if not proportional."""
        found = []
        for scene in self.scenes:
            predicted = _quietly(predict, scene)
            factor: float | None = np.nan
            if predicted is not None and np.nanmax(np.abs(predicted), initial=0.0) > faint(scene):
                factor = proportion(_without_noise(predicted, scene), scene.g)
            elif predicted is not None and np.max(np.abs(scene.g), initial=0.0) > 1e3 * faint(scene):
                return None  # something where there must be next to nothing
            if factor is None:
                return None
            found.append(factor)
        return found


def given(function: Callable[..., Any], *values: Any) -> Callable[[Any], Any]:
    """A prediction that knows some values besides its scene.

    >>> given(lambda s, k: s * k, 3)(2)
    6
    """
    return lambda scene: function(scene, *values)


def _quietly(predict: Predict, scene: Scene) -> Array | None:
    with np.errstate(all="ignore"):
        predicted = predict(scene)
    return None if predicted is None else np.asarray(predicted, dtype=np.float64)


def enough(scenes: int, entries: int, wrong: int) -> bool:
    """Whether so many matches are no accident: two failing cases, or one of many entries where there is no other."""
    return (scenes >= 2 and 2 * scenes >= wrong) or (wrong == scenes == 1 and entries >= 4)


def magnitude(scene: Scene) -> float:
    """What the rounding of the differences is relative to: saturated gradients are smaller than what they come from."""
    largest = float(np.max(np.abs(np.nan_to_num(scene.n)), initial=0.0))
    return max(largest, 1e-3 * float(np.max(np.abs(scene.dy), initial=0.0)))


def faint(scene: Scene) -> float:
    """A gradient no larger than this is known too badly from differences to say which factor it has."""
    size = float(np.max(np.abs(scene.dy), initial=0.0)) * float(np.max(np.abs(scene.flat_y), initial=0.0))
    return 3e-4 * size if size < np.inf else 0.0


def _without_noise(predicted: Array, scene: Scene) -> Array:
    """Zero where the prediction is no more than rounding of the differences."""
    return np.where(np.abs(predicted) <= 1e-2 * TOLERANCE * magnitude(scene), 0.0, predicted)


def explains(scene: Scene, predicted: Array) -> bool:
    """Whether the prediction tells of an entry that is wrong; at a kink it may tell of the right ones only."""
    if scene.g.shape != scene.shape:
        return True
    off = ~(np.abs(scene.g - scene.n) <= TOLERANCE * np.max(np.abs(np.nan_to_num(scene.n)), initial=1e-30))
    return bool(np.any(off & np.isfinite(predicted) & np.isfinite(scene.n)))


def same(predicted: Array, claimed: Array, size: float = 0.0) -> int | None:
    """How many entries agree; ``None`` if one does not. Entries without a prediction (NaN) say nothing.

    Args:
        size: what numbers the prediction was computed from: it may be zero by cancellation.
    """
    if predicted.shape != claimed.shape:
        return None
    told = np.isfinite(predicted)
    scale = max(float(np.max(np.abs(predicted[told]), initial=0.0)), size, 1e-30)
    if not np.all(np.abs(predicted[told] - claimed[told]) <= TOLERANCE * scale):
        return None
    return int(np.count_nonzero(told))


def proportion(predicted: Array, claimed: Array) -> float | None:
    """The c with ``claimed == c * predicted``; NaN where both are zero, ``None`` where there is none."""
    if predicted.shape != claimed.shape:
        return None
    told = np.isfinite(predicted)
    p, g = predicted[told], claimed[told]
    if not p.size or (not np.any(p) and not np.any(g)):
        return float("nan")
    if not np.any(p) or not np.all(np.isfinite(g)):
        return None
    c = float(p @ g) / float(p @ p)
    scale = float(np.max(np.abs(p))) * max(abs(c), 1e-30)
    return c if np.all(np.abs(g - c * p) <= TOLERANCE * scale) and c != 0 else None


def gather(layer: Layer, point: Point, name: str, meter: Meter, also: Sequence[Point] = ()) -> Failure:
    """The failing case itself, and others near it and far from it."""
    first = Scene(Metered(layer, point, meter=meter), name)
    if 4 * first.value.size > meter.budget:
        raise Spent  # too large for two scenes: better known before than after the calls
    first.wrong = first.g.shape != first.shape or not np.all(np.abs(first.g - first.n) <= _allowed(first))
    looked_at, seen = [], [(point, first.wrong)]
    for other in (*(p for p in also if _size(p) <= ENTRIES), *islice(_points(layer, point), LOOKED_AT)):
        try:
            scene = Scene(Metered(layer, other, meter=meter), name)
            scene.wrong = claim_is_wrong(scene)
        except (LayerRaised, UsageError):
            continue
        looked_at.append(scene)
        if all(other is not each for each in also):  # what is counted is the same when the case is replayed
            seen.append((other, scene.wrong))
    scenes = [first]
    for scene in _chosen(looked_at):
        if 4 * (scene.value.size + sum(each.value.size for each in scenes)) < meter.budget:
            scenes.append(scene)
    return Failure(layer, name, tuple(scenes), tuple(seen))


def _chosen(looked_at: list[Scene]) -> list[Scene]:
    """A few scenes in which the claim is wrong, and right: the nearest one, then those with most to compare."""
    chosen = []
    for wrong, number in ((True, WRONG), (False, RIGHT)):
        of_a_kind = [s for s in looked_at if s.wrong == wrong]
        richest = sorted(of_a_kind[1:], key=lambda s: (s.flat_y.size > OUTPUTS, -s.value.size * s.flat_y.size))
        chosen += [*of_a_kind[:1], *richest[: number - 1]]
    return chosen


def _allowed(scene: Scene) -> Array:
    """What the differences leave open in each entry; nothing at a kink, where they are NaN.

    What is rounded before the output, as in a saturated network, may be several times as large as the output.
    """
    largest = np.max(np.abs(np.nan_to_num(scene.n)), initial=1e-30)
    return np.asarray(1e-8 * np.abs(scene.n) + 1e-9 * largest + 4e-6 * faint(scene))


def claim_is_wrong(scene: Scene) -> bool:
    """Whether the claim disagrees with the differences along a direction; malformed claims do."""
    if scene.claimed[scene.name] is None or scene.g.shape != scene.shape or not np.all(np.isfinite(scene.g)):
        return True
    direction = rng_for(0, f"diagnosis {scene.at.point.case}").uniform(0.5, 1.0, scene.shape)
    scale = float(np.sum(np.abs(scene.g))) + 1e-12
    off = abs(scene.slope_along(direction) - float(np.sum(scene.g * direction)))
    rounding = 3e-10 * float(np.abs(scene.dy) @ np.abs(scene.flat_y))  # of the differences, where slopes are small
    return bool(off > 1e-8 * scale + rounding)


def _points(layer: Layer, point: Point) -> Iterator[Point]:
    """Other points, the most telling ones first: around the failing configuration, then anywhere."""
    if not layer.dims or not point.case.dims:
        for number in range(6):
            yield replace(point, inputs=aside(layer, point, 0.5, f"diagnosis {number}"))
        return
    sizes = point.case.sizes
    anywhere = at_random(layer, 400, point.case.seed)
    rng = rng_for(point.case.seed, "diagnosis near")
    near = [{n: (sizes[n] if rng.random() < 0.4 else d[n]) for n in d} for d in anywhere[:200]]
    tries = [found for pair in zip(near, anywhere, strict=False) for found in pair]
    number = 0
    for each in tries:
        if not layer.allows(each):
            continue
        number += 1
        rule = point.case.values if number % 8 == 0 else "normal"
        try:
            drawn = Case(tuple(each.items()), values=rule, seed=point.case.seed + number).point(layer)
        except UsageError:
            continue
        if _size(drawn) <= ENTRIES and np.size(drawn.inputs[0]) >= 4:
            yield drawn


def _size(point: Point) -> int:
    return sum(np.size(value) for value in point.inputs)
