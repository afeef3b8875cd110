"""Before or after the activation: a cotangent, a slope or an input taken on the wrong side of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.conventions import ACTIVATIONS
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.derivative import COMMON
from cnngrad.diagnosis.failure import TOLERANCE, Failure, enough, explains, given, magnitude, same
from cnngrad.diagnosis.scene import Scene

FAMILY = "activation derivative"
NAMES = {"relu": (0.0, np.inf), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}  # between these are their outputs
LEAST = 6  # numbers that have to agree

Field = Callable[[Array], Array]


def handed_down_before(failure: Failure) -> Iterator[Suspect]:
    """``backward(dy f'(y))`` is ``N f'(x)``: both deltas are before an activation, the one handed down too."""
    if failure.name != failure.layer.inputs[0] or all(s.y_shape == s.shape for s in failure.scenes):
        return
    for name, (low, high) in NAMES.items():
        if any(np.min(s.flat_y) < low or np.max(s.flat_y) > high for s in failure.scenes):
            continue
        _, slope = ACTIVATIONS[name]
        told = [(s, slope(s.value)) for s in failure.wrong]
        again = [(s, own, s.rerun(s.cotangent * slope(s.out))) for s, own in told]
        if any(g is None or same(s.n * own, g, magnitude(s)) is None for s, own, g in again):
            continue
        telling = [s for s, own, _ in again if not np.allclose(own, 1) and explains(s, s.n)]
        if all(same(s.n * own, s.g, magnitude(s)) is not None for s, own, _ in again):
            return  # f'(y) is there: only the slope of the layer below is too much
        if enough(len(telling), sum(s.g.size for s in telling), len(failure.wrong)):
            yield Suspect(
                f"dy is taken before the activation ({name}), and so is the gradient of {failure.name} handed down",
                f"given dy f'(y), backward returns the right gradient times f'({failure.name}), in {len(telling)} "
                "failing cases",
                f'if that is meant, declare cotangent="preactivation", activation="{name}"; else multiply dy by '
                f"f'(y), and leave f'({failure.name}) to the layer below",
                FAMILY,
            )
            return


def slope_of_another_activation(failure: Failure) -> Iterator[Suspect]:
    """A rectifier's output, and where it is not 0 dy is multiplied by the slope of another activation."""
    if not all(_is_rectified(s) for s in failure.wrong):
        return
    open_ones = [(s, s.rerun(s.dy * (s.flat_y > 0))) for s in failure.wrong if np.any(s.flat_y == 0)]
    if not open_ones or any(g is None for _, g in open_ones):
        return
    for words, other in COMMON[1:]:
        told = [_by_slope(s, other, g) for s, g in open_ones if g is not None]
        entries = sum(m for m in told if m is not None)
        if all(m is not None for m in told) and enough(len(told), entries, len(told)):
            yield Suspect(
                f"the gradient of {failure.name} has, in the place of f' = [y > 0], {words}",
                f"so it is for the outputs that are not 0, in {len(told)} failing cases",
                "the forward rectifies: multiply dy by [y > 0], and by nothing else",
                FAMILY,
            )
            return


def _is_rectified(s: Scene) -> bool:
    """Whether every output's slope, known from a bias, is 1 where it is positive and 0 where it is 0."""
    if not s.bias or s.slopes is None:
        return False
    told = np.isfinite(s.slopes)
    return bool(np.all(s.flat_y >= 0) and np.allclose(s.slopes[told], s.flat_y[told] > 0, atol=1e-6))


def _by_slope(s: Scene, other: Field, claimed: Array) -> int | None:
    """How many entries agree if the outputs that are not 0 have this slope."""
    wrong = np.where(s.out > 0, other(np.maximum(s.out, 0.0)), 0.0)
    return same(s.true(s.cotangent * wrong), claimed, magnitude(s)) if np.all(np.isfinite(wrong)) else None


# What stands in the place of f'(x), as a function of x.
IN_ITS_PLACE: tuple[tuple[str, Callable[[str, Array], Array]], ...] = (
    ("is missing", lambda name, x: np.ones_like(x)),
    ("is taken at {x} as if that were f({x})", lambda name, x: ACTIVATIONS[name][1](x)),
    ("is replaced by f({x})", lambda name, x: ACTIVATIONS[name][0](x)),
    ("is taken at f({x}), the activation once more", lambda name, x: _slope_at(name, ACTIVATIONS[name][0](x))),
)


def slope_of_the_first_activation(failure: Failure) -> Iterator[Suspect]:
    """``G f'(x) = N d(x)``: the layer begins with an activation of its input, and d stands where f' belongs."""
    name = failure.name
    if name != failure.layer.inputs[0] or all(s.y_shape == s.shape for s in failure.scenes):
        return
    for activation in ("sigmoid", "tanh"):
        for words, other in IN_ITS_PLACE:
            yield from failure.lead(
                FAMILY,
                f"the derivative of the activation ({activation}) of {name} {words.format(x=name)}",
                given(lambda s, a, d: s.n * d(a, s.value) / _slope_at(a, s.value), activation, other),
                f"the forward takes f({name}): multiply by f'({name}) = {_told(activation, name)}, once",
            )
    masked = [(s, same(s.n, s.g * (s.value > 0), magnitude(s))) for s in failure.wrong if s.g.shape == s.shape]
    extra = sum(int(np.count_nonzero(s.g[(s.value <= 0) & np.isfinite(s.n)])) for s, _ in masked)
    if extra and all(m is not None for _, m in masked) and enough(len(masked), extra, len(failure.wrong)):
        yield Suspect(
            f"the mask [{name} > 0] is missing in the gradient of {name}",
            f"masked by it, every entry is right in {len(masked)} failing cases; {extra} others are not 0",
            f"the forward rectifies {name}: multiply the gradient by [{name} > 0]",
            "mask",
        )


def _slope_at(name: str, x: Array) -> Array:
    f, slope = ACTIVATIONS[name]
    return np.asarray(slope(f(x)))


def _told(name: str, x: str) -> str:
    return f"f({x})(1 - f({x}))" if name == "sigmoid" else f"1 - f({x})²"


def input_not_activated(failure: Failure) -> Iterator[Suspect]:
    """The forward multiplies a weight by f of an input, the backward by the input itself, or by f' of it."""
    if failure.name == failure.layer.inputs[0]:
        return
    pairs = [_pairs(s) for s in failure.wrong]
    if not pairs or any(p is None for p in pairs):
        return
    claimed, right = (np.concatenate([p[k] for p in pairs if p is not None]) for k in (0, 1))
    if np.unique(np.round(claimed, 9)).size < LEAST:
        return
    for name in NAMES:
        f, slope = ACTIVATIONS[name]
        for words, one, other in (
            ("takes its factor before the activation", right, f(claimed)),
            ("has f' in the place of f", claimed, slope(right)),
        ):
            if np.allclose(one, other, rtol=1e-6, atol=1e-8):
                yield Suspect(
                    f"the gradient of {failure.name} {words} ({name})",
                    f"so it is for {claimed.size} products of an output and an entry, in {len(pairs)} failing cases",
                    f"multiply δ by what the forward multiplies {failure.name} by: the value after the activation",
                    "wrong input",
                )
                return


def _pairs(s: Scene) -> tuple[Array, Array] | None:
    """Claimed and right derivatives of each output by each entry, without those that are 0 in both; or unknown."""
    if s.g.shape != s.shape or not np.all(np.isfinite(s.jacobian())):
        return None
    claimed, right = s.rows().ravel(), s.jacobian().ravel()
    if claimed.size != right.size:
        return None
    largest = float(np.max(np.abs(right), initial=0.0))
    kept = (np.abs(claimed) > TOLERANCE * largest) | (np.abs(right) > TOLERANCE * largest)
    return claimed[kept], right[kept]
