"""f' missing, twice, inverted, at the wrong place: dy (or the gradient) times another function of y than f'."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, enough, given, magnitude, same
from cnngrad.diagnosis.scene import Scene

FAMILY = "activation derivative"

FLAT = 1e-3  # where f' is smaller, dividing by it leaves too little of the differences

Slope = Callable[[Array], Array]


def _logit(y: Array) -> Array:
    return np.log(y) - np.log1p(-y)


# f' as a function of the output y, and what is written in its place.
SIGMOID = ("y(1 - y)", lambda y: y * (1 - y))
TANH = ("1 - y²", lambda y: 1 - y**2)
COMMON: tuple[tuple[str, Slope], ...] = (
    ("1: the derivative is missing", np.ones_like),
    ("y", lambda y: y),
    ("1 - y", lambda y: 1 - y),
    ("y(1 + y)", lambda y: y * (1 + y)),
    ("1 - y²", lambda y: 1 - y**2),
    ("y(1 - y)", lambda y: y * (1 - y)),
    ("y(y - 1)", lambda y: y * (y - 1)),
    ("y²", lambda y: y**2),
    ("1 + y²", lambda y: 1 + y**2),
    ("1 + y", lambda y: 1 + y),
    ("(1 - y)²", lambda y: (1 - y) ** 2),
    ("1 - 2y", lambda y: 1 - 2 * y),
    ("sqrt(1 - y²)", lambda y: np.sqrt(1 - y**2)),
)


def _of_samples(name: str, slope: Slope) -> tuple[tuple[str, Slope], ...]:
    """The right slope of other samples."""
    return (
        (f"{name} of the first sample for every one", lambda y: np.broadcast_to(slope(y)[:1], y.shape)),
        (f"the mean of {name} over the samples", lambda y: np.broadcast_to(slope(y).mean(0, keepdims=True), y.shape)),
    )


OF_SIGMOID: tuple[tuple[str, Slope], ...] = (
    *COMMON,
    ("[y(1 - y)]²: the derivative is applied twice", lambda y: (y * (1 - y)) ** 2),
    ("1/(y(1 - y)): it is divided by", lambda y: 1 / (y * (1 - y))),
    ("z(1 - z), at z before the activation", lambda y: _logit(y) * (1 - _logit(y))),
    ("σ(y)(1 - σ(y)), the activation once more", lambda y: 0.25 * (1 - np.tanh(y / 2) ** 2)),
    ("y(1 - y²)", lambda y: y * (1 - y**2)),
    ("e^-z", lambda y: (1 - y) / y),
    *_of_samples(*SIGMOID),
)
OF_TANH: tuple[tuple[str, Slope], ...] = (
    *COMMON,
    ("(1 - y²)²: the derivative is applied twice", lambda y: (1 - y**2) ** 2),
    ("1/(1 - y²): it is divided by", lambda y: 1 / (1 - y**2)),
    ("1 - z², at z before the activation", lambda y: 1 - np.arctanh(y) ** 2),
    ("1 - tanh²(y), the activation once more", lambda y: 1 - np.tanh(y) ** 2),
    ("1/(1 + z²)", lambda y: 1 / (1 + np.arctanh(y) ** 2)),
    *_of_samples(*TANH),
)
ADVICE = "multiply dy once by {right}, with y the output of the forward, before the sums over samples and places"


def wrong_slope_of_the_output(failure: Failure) -> Iterator[Suspect]:
    """``G = Jᵀ (dy · d(y)/f'(y))``: the layer ends with an activation, and d stands where f' belongs."""
    for (right, slope), wrong, low in ((SIGMOID, OF_SIGMOID, 0.0), (TANH, OF_TANH, -1.0)):
        if all(_ends_with(s, slope, low) for s in failure.wrong):
            yield from _replaced(failure, right, slope, wrong)


def _ends_with(s: Scene, slope: Slope, low: float) -> bool:
    """Whether the outputs may be those of an activation: by their range, and by their slopes where these are known."""
    if not np.all((s.flat_y >= low) & (s.flat_y <= 1)):
        return False
    slopes = s.slopes
    return slopes is None or bool(np.allclose(slopes, slope(s.flat_y), atol=1e-6))


def _replaced(failure: Failure, right: str, slope: Slope, wrong: tuple[tuple[str, Slope], ...]) -> Iterator[Suspect]:
    for words, other in wrong:
        if words == right:
            continue

        def predict(s: Scene, other: Slope = other) -> Array | None:
            steep = slope(s.out) >= FLAT
            if not s.wrong or not np.any(steep):  # where the claim is right, the layer may have no activation
                return None
            others = np.zeros(s.shape) if np.all(steep) else s.rerun(s.cotangent * ~steep)  # not looked at
            if others is None or others.shape != s.shape:
                return None
            return others + s.true(np.where(steep, s.cotangent * other(s.out) / slope(s.out), 0.0))

        mistake = f"the gradient of {failure.name} has, in the place of f' = {right}, {words}"
        advice = ADVICE.format(right=right)
        if words.startswith("1:"):
            mistake = f"the derivative of the activation, {right}, is missing in the gradient of {failure.name}"
            name = "sigmoid" if right == "y(1 - y)" else "tanh"
            advice += f'; if dy is meant before the activation, declare cotangent="preactivation", activation="{name}"'
        yield from failure.lead(FAMILY, mistake, predict, advice)


DECLARED = '; if dy is meant before the activation, declare cotangent="preactivation", activation="relu"'

OWN: tuple[tuple[str, Slope], ...] = (
    ("x(1 - x)", lambda x: x * (1 - x)),
    ("1 - x²", lambda x: 1 - x**2),
    ("[x > 0]", lambda x: (x > 0).astype(np.float64)),
    ("x", lambda x: x),
    ("σ'(x)", lambda x: 0.25 * (1 - np.tanh(x / 2) ** 2)),
    ("1 - tanh²(x)", lambda x: 1 - np.tanh(x) ** 2),
    ("1/(x(1 - x))", lambda x: 1 / (x * (1 - x))),
    ("1/(1 - x²)", lambda x: 1 / (1 - x**2)),
)


def slope_of_the_input(failure: Failure) -> Iterator[Suspect]:
    """``G = N ⊙ d(x)``: a derivative that belongs to the layer below, or to none."""
    for words, slope in OWN:
        told = words.replace("x", failure.name)
        yield from failure.lead(
            "extra factor" if words == "x" else FAMILY,
            f"the gradient of {failure.name} is multiplied by {told}, which belongs to the layer below if to any",
            given(lambda s, d: s.n * d(s.value), slope),
            f"hand down the gradient of {failure.name} as it is: the layer below multiplies by its own derivative",
        )


def wrong_slope_of_one_entry(failure: Failure) -> Iterator[Suspect]:
    """An activation by itself: ``G = dy ⊙ d(x, y)``."""
    if any(s.y_shape != s.shape for s in failure.scenes) or not all(s.is_elementwise for s in failure.wrong):
        return
    fields: tuple[tuple[str, Callable[[Scene], Array]], ...] = (
        ("1: the derivative is missing", lambda s: np.ones(s.shape)),
        ("y, the output", lambda s: s.out),
        ("x, the input", lambda s: s.value),
        ("1 - y", lambda s: 1 - s.out),
        ("x(1 - x)", lambda s: s.value * (1 - s.value)),
        ("1 - x²", lambda s: 1 - s.value**2),
        ("y²", lambda s: s.out**2),
        ("[x > 0]", lambda s: 1.0 * (s.value > 0)),
        ("sign(x)", lambda s: np.sign(s.value)),
        ("|x|", lambda s: np.abs(s.value)),
        ("1/cosh x: it is squared", lambda s: 1 / np.cosh(s.value)),
        ("1/(1 + x²)", lambda s: 1 / (1 + s.value**2)),
        ("e^x", lambda s: np.exp(s.value)),
        ("e^-x", lambda s: np.exp(-s.value)),
        ("σ(x)", lambda s: 0.5 + 0.5 * np.tanh(s.value / 2)),
        ("tanh(x)", lambda s: np.tanh(s.value)),
        ("σ(x)(1 - σ(x)), that of the sigmoid", lambda s: 0.25 * (1 - np.tanh(s.value / 2) ** 2)),
        ("1 - tanh²(x), that of tanh", lambda s: 1 - np.tanh(s.value) ** 2),
    )
    example = _one_slope(failure)
    for words, field in fields:
        missing = words.startswith("1:")
        yield from failure.lead(
            FAMILY,
            "the derivative f' is missing" if missing else f"the derivative is {words}",
            given(lambda s, f: s.cotangent * f(s), field),
            f"multiply dy by f': {example} (a mask may be true everywhere, as [y >= 0] is)"
            if missing
            else f"derive f once more: {example}",
        )


KNOWN: tuple[tuple[str, Slope], ...] = (("y(1 - y)", lambda y: y * (1 - y)), ("1 - y²", lambda y: 1 - y**2))


def _one_slope(failure: Failure) -> str:
    """The slope at the entry that is most wrong, beside the one that is used."""
    s = failure.wrong[0]
    off = np.where(s.cotangent != 0, np.abs(s.g - s.n), -1.0)
    worst = np.unravel_index(int(np.argmax(off)), s.shape)
    x, dy = float(s.value[worst]), float(s.cotangent[worst])
    if dy == 0:
        return "its slope at one entry is the numerical gradient over dy there"
    right, used = float(s.n[worst]) / dy, float(s.g[worst]) / dy
    due = next((f"f' = {words}: " for words, slope in KNOWN if all(_is_slope(s, slope) for s in failure.wrong)), "")
    return f"{due}at {failure.name} = {x:.4g} its slope is {right + 0.0:.4g}, and {used + 0.0:.4g} is used"


def _is_slope(s: Scene, slope: Slope) -> bool:
    return same(s.cotangent * slope(s.out), s.n, magnitude(s)) is not None


def mask(failure: Failure) -> Iterator[Suspect]:
    """A rectifier's [y > 0]: missing, inverted, leaky, or taken from another array."""
    name = failure.name
    yield from _mask_of_dy(failure)
    rectified = all(np.all(s.flat_y >= 0) for s in failure.scenes) and any(np.any(s.flat_y == 0) for s in failure.wrong)
    if not rectified and not all(s.y_shape == s.shape for s in failure.scenes):
        return
    masked = [(s, s.rerun(s.dy * (s.flat_y > 0))) for s in failure.wrong]
    right = [s for s, again in masked if again is not None and same(s.n, again) is not None]
    changed = 2 * sum(again is not None and same(s.g, again) is None for s, again in masked) > len(masked)
    if changed and len(right) == len(masked) and enough(len(right), sum(s.g.size for s in right), len(failure.wrong)):
        slopes = _slopes_below(right)
        slope = slopes[0] if len(slopes) == 1 else None
        if len(slopes) > 1:
            yield Suspect(
                f"the derivative where the output is 0 is not 0: it is {slopes[0]:.4g} to {slopes[-1]:.4g}",
                f"everywhere else it is right, in {len(right)} of {len(right)} failing cases",
                "the derivative is 0 where the forward gives 0; another rectifier (ELU, leaky) has another forward too",
                "activation derivative",
            )
        elif slope is None or abs(slope - 1) < 1e-6:
            yield Suspect(
                f"the mask [y > 0] is missing in the gradient of {name}",
                f"with dy set to 0 where y is 0, backward is right in {len(right)} of {len(right)} failing cases",
                "multiply dy by [y > 0] (the same as [z > 0]) before anything else is computed from it"
                + ("" if all(s.y_shape == s.shape for s in failure.scenes) else DECLARED),
                "mask",
            )
        elif abs(slope) > 1e-6:
            words = "-1: it is sign(x)" if abs(slope + 1) < 1e-6 else f"{slope:.4g}, as in a leaky rectifier"
            yield Suspect(
                f"the derivative where the output is 0 is {words}",
                f"everywhere else it is right, in {len(right)} of {len(right)} failing cases",
                "the derivative is 0 where x < 0, since the forward gives 0 there",
                "activation derivative",
            )
        return
    inverted = [s for s in failure.wrong if _is_inverted(s)]
    passes = any(np.any(s.g) for s in inverted)  # else nothing does, whatever the mask
    if passes and len(inverted) == len(failure.wrong) and enough(len(inverted), 9, len(failure.wrong)):
        yield Suspect(
            f"the mask is the wrong way round in the gradient of {name}",
            f"it lets dy through where y = 0 and stops it where y > 0, in {len(inverted)} failing cases",
            "use [z > 0], not [z <= 0]",
            "mask",
        )
        return
    if any(
        s.slopes is None or not np.all(np.isin(np.round(np.nan_to_num(s.slopes), 6), (0, 1))) for s in failure.wrong
    ):
        return
    yield from failure.lead(
        "activation derivative",
        f"the gradient of {name} is multiplied by y where it must be masked by [y > 0]",
        lambda s: s.true(s.cotangent * s.out),
        "y > 0 is a mask of zeros and ones; y itself is not",
    )
    yield from failure.lead(
        "mask",
        f"the gradient of {name} is masked by its own sign",
        lambda s: np.where(s.n > 0, s.n, 0.0),
        "the mask is [z > 0] of the forward, and never looks at gradients",
    )


def _mask_of_dy(failure: Failure) -> Iterator[Suspect]:
    advice = "the mask belongs to the forward: [z > 0], whatever dy is"
    for words, predict in (
        ("masked by [dy > 0] as well (guided backpropagation)", lambda s: s.true(np.maximum(s.cotangent, 0))),
        (
            "masked by [dy > 0] in the place of [x > 0]",
            lambda s: np.maximum(s.cotangent, 0) if s.y_shape == s.shape else None,
        ),
        ("clipped at 0", lambda s: np.maximum(s.n, 0)),
    ):
        yield from failure.lead("mask", f"the gradient of {failure.name} is {words}", predict, advice)


def _slopes_below(scenes: list[Scene]) -> list[float]:
    """What an elementwise rectifier's backward multiplies dy with where its output is 0, least first."""
    found: set[float] = set()
    for s in scenes:
        if s.y_shape != s.shape:
            return []
        below = (s.out == 0) & (s.value < 0)
        found |= set(np.round((s.g[below] / s.cotangent[below]), 9).tolist())
    return sorted(found)


def _is_inverted(s: Scene) -> bool:
    passed = s.rerun(s.dy * (s.flat_y > 0))
    return passed is not None and not np.any(passed) and bool(np.any(s.g) or np.any(s.n))
