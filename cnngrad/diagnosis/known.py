"""The numbers of a layer that a wrong factor may be: sizes, areas, keywords. Each with the words for it."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np

from cnngrad.diagnosis.scene import Scene

NEAR = 1e-7  # how well a factor is known from differences
CONSTANTS = ((-1.0, "-1"), (2.0, "2"), (0.5, "1/2"), (-2.0, "-2"), (-0.5, "-1/2"))


def quantities(scene: Scene) -> dict[str, float]:
    """Every number a gradient may have been multiplied with or divided by, most usual first."""
    first = next(iter(scene.inputs.values())).shape
    y = scene.y_shape
    found: dict[str, Any] = {}
    if first:
        found["the number of samples"] = first[scene.batch_axis] if scene.batch_axis < len(first) else first[0]
    found |= _areas(scene.numbers)
    found["the size of this gradient"] = math.prod(scene.shape)
    if len(first) == 2:
        found["the number of classes or features"] = first[1]
    if len(y) == 2:
        found["the number of outputs"] = y[1]
    if len(first) >= 3:
        found["the number of channels"] = first[1]
        found["the number of entries of each map"] = math.prod(first[2:])
    if len(y) >= 3:
        found["the number of output places, channels last"] = math.prod(y[1:-1])
    if len(y) >= 2:
        found["the number of samples and places together"] = y[0] * math.prod(y[2:])
    if len(y) >= 3 and len(first) == len(y):
        found.setdefault("the area of the window", math.prod(first[2:]) / math.prod(y[2:]))
    if len(y) >= 3:
        found["the number of output maps"] = y[1]
        found["the number of output places"] = math.prod(y[2:])
    for name, value in scene.inputs.items():
        if value.ndim >= 3 and name != next(iter(scene.inputs)):
            found[f"the area of {name}"] = math.prod(value.shape[2:])
            found[f"the fan-in of {name}"] = math.prod(value.shape[1:])
        if value.ndim == 0 and name != scene.name:
            found[f"{name} itself"] = float(value)
    found["the number of entries of the output"] = math.prod(y)
    found["the number of entries of the input"] = math.prod(first)
    found |= {f"the keyword {k}": v for k, v in scene.numbers.items() if _is_number(v)}
    # Nobody divides by the number of axes, which is as small as many a factor.
    found |= {f"the size {k}": v for k, v in scene.at.point.case.sizes.items() if k != "rank"}
    for name, value in scene.inputs.items():
        for axis, side in enumerate(value.shape):
            found[f"the length of axis {axis} of {name}"] = side
    for name, value in scene.inputs.items():
        if value.ndim and value.dtype.kind == "f":
            found[f"the norm of {name}"] = np.sqrt(np.sum(np.square(value)))
            found[f"the sum of {name}"] = np.sum(value)
            found[f"the largest entry of {name}"] = np.max(value)
    values = [(n, v) for n, v in scene.inputs.items() if v.ndim and v.dtype.kind == "f"]
    for (one, a), (other, b) in combinations(values, 2):
        if a.shape == b.shape:
            found[f"the norm of {one} - {other}"] = np.sqrt(np.sum(np.square(a - b)))
    if y == ():
        found["the output itself"] = float(scene.flat_y[0])
    if scene.dy.size == 1:
        found["dy itself"] = float(scene.dy[0])
    return {name: float(value) for name, value in found.items() if value != 0}


def _areas(config: dict[str, Any]) -> dict[str, float]:
    """Windows and kernels of the call: a tuple's product, a number's square."""
    areas = {}
    for name, value in config.items():
        if isinstance(value, (tuple, list)) and value and all(_is_number(v) for v in value):
            areas[f"the area of the {name}"] = float(math.prod(value))
        elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
            areas[f"the area of the {name} ({name}²)"] = float(value**2)
    return areas


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def words_for(factors: list[float], scenes: tuple[Scene, ...], near: float = NEAR) -> str:
    """Which number the factor is in every scene: ``"divided by the number of samples"``; empty where none fits.

    Args:
        near: how well the factors are known.
    """
    told = [(c, s) for c, s in zip(factors, scenes, strict=True) if np.isfinite(c)]
    if not told or all(_near(c, 1.0, near) for c, _ in told):
        return ""
    for constant, name in CONSTANTS:
        if all(_near(c, constant, near) for c, _ in told):
            return f"multiplied by {name}"
    per_scene = [quantities(s) for _, s in told]
    names = [n for n in per_scene[0] if all(n in q for q in per_scene)]
    for sign, minus in ((1.0, ""), (-1.0, "minus ")):
        for name in names:
            if all(_near(c * sign * q[name], 1.0, near) for (c, _), q in zip(told, per_scene, strict=True)):
                return f"divided by {minus}{name}"
            if all(_near(c * sign, q[name], near) for (c, _), q in zip(told, per_scene, strict=True)):
                return f"multiplied by {minus}{name}"
    if len({round(c, 9) for c, _ in told}) == 1 and len(told) > 1:
        return f"multiplied by {told[0][0]:.6g}"
    if found := _of_a_count(told, per_scene, names, near):
        return found
    for name in (n for n in names if n.startswith("the keyword") and len({q[n] for q in per_scene}) > 2):
        fixed = [c * q[name] for (c, _), q in zip(told, per_scene, strict=True)]
        if all(_near(c, fixed[0], near) for c in fixed):
            return f"computed with {fixed[0]:.6g} in the place of {name}"
    return _pairs(told, per_scene, names, near) if len(told) >= 3 else ""


# What else is made of a count n; where n is 1, code that works and divides by n - 1 divides by 1.
LIKELY = (
    ("divided by the root of {}", lambda n: 1 / math.sqrt(n)),
    ("multiplied by the root of {}", math.sqrt),
    ("divided by {} less 1", lambda n: 1 / max(n - 1, 1)),
    ("divided by {0} less 1 in the place of {0}", lambda n: n / max(n - 1, 1)),
    ("multiplied by {0} less 1 and divided by {0}", lambda n: max(n - 1, 1) / n),
    ("multiplied by a standard deviation over {0} less 1", lambda n: math.sqrt(n / max(n - 1, 1))),
    ("divided by a standard deviation over {0} less 1", lambda n: math.sqrt(max(n - 1, 1) / n)),
)


def _of_a_count(
    told: list[tuple[float, Scene]], per_scene: list[dict[str, float]], names: list[str], near: float
) -> str:
    """A root, or a count less one as in an unbiased variance; the count has to differ between cases."""
    for name in names:
        counts = [q[name] for q in per_scene]
        if len(set(counts)) < 2 or any(n < 1 or n != round(n) for n in counts):
            continue
        for words, factor in LIKELY:
            if all(_near(c, factor(n), near) for (c, _), n in zip(told, counts, strict=True)):
                return words.format(name)
    return ""


def _pairs(told: list[tuple[float, Scene]], per_scene: list[dict[str, float]], names: list[str], near: float) -> str:
    for one, other in combinations(names[:12], 2):
        products = [q[one] * q[other] for q in per_scene]
        ratios = [q[one] / q[other] for q in per_scene]
        if len(set(products)) < 3:
            continue
        for values, divided, multiplied in (
            (products, f"divided by {one} times {other}", f"multiplied by {one} times {other}"),
            (ratios, f"multiplied by {other} and divided by {one}", f"multiplied by {one} and divided by {other}"),
        ):
            if all(_near(c * v, 1.0, near) for (c, _), v in zip(told, values, strict=True)):
                return divided
            if all(_near(c, v, near) for (c, _), v in zip(told, values, strict=True)):
                return multiplied
    return ""


def _near(one: float, other: float, near: float) -> bool:
    return abs(one - other) <= near * abs(other)
