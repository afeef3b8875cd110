"""The slopes of the hidden layers of a perceptron, which nobody returns: read off the gradients of its biases.

With one sample the gradient of a bias is the error δ of its layer, and ``δ_k = (δ_{k+1} W_{k+1}) ⊙ f'(a_k)``: so the
quotient of the two is the slope, once of the true gradients and once of the claimed ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cnngrad.core.arrays import Array, Vector
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure
from cnngrad.diagnosis.samples import of_first_sample
from cnngrad.diagnosis.scene import Scene

CLOSE = 1e-5  # quotients of differences
SMALL = 1e-4  # an error this small beside the largest gives no quotient


@dataclass(frozen=True)
class Slopes:
    """The slopes of one layer whose error is wrong, though the next one's is right.

    Attributes:
        bias: of the layer.
        claimed, right: its slopes.
        other: those of the next hidden layer, where there is one as wide; else empty.
        known: where the quotients say something.
    """

    bias: str
    claimed: Vector
    right: Vector
    other: Vector
    known: Vector


RULE = "δ_k = (δ_{k+1} W_{k+1}) ⊙ f'(a_k)"
READINGS: tuple[tuple[str, str, Callable[[Slopes], Vector]], ...] = (
    ("activation derivative", "is missing", lambda s: np.ones_like(s.right)),
    ("stale cache", "is that of the next layer", lambda s: s.other),
    ("activation derivative", "is multiplied in twice", lambda s: s.right**2),
)


def slope_of_a_hidden_layer(failure: Failure) -> Iterator[Suspect]:
    """What stands in the place of the slope of the last hidden layer that is wrong."""
    every = [slopes for s in failure.wrong if (slopes := _slopes(s)) is not None]
    # Where a layer above is saturated, its error is known so badly that it may seem to be the wrong one.
    common = Counter(slopes.bias for slopes in every).most_common(1)
    found = [slopes for slopes in every if slopes.bias == common[0][0]]
    if len(found) < min(2, len(failure.wrong)):
        return
    for family, words, value in READINGS:
        if all(_same(slopes, value(slopes)) for slopes in found):
            yield Suspect(
                f"the slope f' of the layer of {found[0].bias} {words}, in the gradient of {failure.name}",
                f"read off the gradients of the biases with one sample, in {len(found)} failing cases",
                f"multiply the error by the slope at this layer's own values, once: {RULE}",
                family,
            )
            return


# How the input of a layer comes from the values before its activation.
ACTIVATIONS: tuple[tuple[str, Callable[[Vector], Vector]], ...] = (
    ("tanh(a)", np.tanh),
    ("1/(1 + e^-a)", lambda a: 0.5 + 0.5 * np.tanh(a / 2)),
    ("max(a, 0)", lambda a: np.maximum(a, 0)),
)


def input_before_its_activation(failure: Failure) -> Iterator[Suspect]:
    """``dW = δ aᵀ`` in the place of ``δ hᵀ``, h = f(a): the layer's input is taken before its activation."""
    found = [vectors for s in failure.wrong if (vectors := _inputs(s)) is not None]
    if len(found) < min(2, len(failure.wrong)):
        return
    for words, activation in ACTIVATIONS:
        if all(np.allclose(activation(taken), due, atol=CLOSE, rtol=CLOSE) for taken, due in found):
            yield Suspect(
                f"the gradient of {failure.name} takes the layer's input before its activation: a for h = {words}",
                f"with one sample it is δ aᵀ in {len(found)} failing cases; it must be δ hᵀ",
                "keep what the forward multiplied the weights by, the activation's output, and use that",
                "wrong input",
            )
            return


def _inputs(s: Scene) -> tuple[Vector, Vector] | None:
    """The vector that the claimed gradient of some weights takes for their input, and the one it must take."""
    one, bias = of_first_sample(s), dict(pairs_of(s)).get(s.name)
    if one is None or bias is None:
        return None
    delta = one.true(one.cotangent, bias)
    size = float(delta @ delta)
    taken, due = delta @ one.g / size, delta @ one.n / size
    off = np.max(np.abs(np.outer(delta, taken) - one.g), initial=0.0)
    return (taken, due) if off <= CLOSE * np.max(np.abs(one.g), initial=1e-300) else None


def _same(slopes: Slopes, value: Vector) -> bool:
    if value.shape != slopes.claimed.shape:
        return False
    off = np.abs(slopes.claimed - value)[slopes.known]
    return bool(np.all(off <= CLOSE * np.maximum(1.0, np.abs(value[slopes.known]))))


def pairs_of(s: Scene) -> list[tuple[str, str]]:
    """The weights ``(outputs, inputs)`` and biases of the dense layers, in order."""
    names = list(s.at.layer.inputs)
    shapes = {name: s.inputs[name].shape for name in names}
    return [
        (w, b)
        for w, b in pairwise(names)
        if len(shapes[w]) == 2 and shapes[b] == shapes[w][:1] and b in s.at.slices and w in s.at.slices
    ]


def _slopes(s: Scene) -> Slopes | None:
    one, pairs = of_first_sample(s), pairs_of(s)
    if one is None or len(pairs) < 2:
        return None
    claimed = [np.asarray(one.claimed[b], dtype=np.float64) for _, b in pairs]
    right = [one.true(one.cotangent, b) for _, b in pairs]
    if any(c.shape != r.shape for c, r in zip(claimed, right, strict=True)):
        return None
    # What comes down to each layer: the error of the next one times its weights.
    above = [right[k + 1] @ one.inputs[pairs[k + 1][0]] for k in range(len(pairs) - 1)]
    if any(a.shape != r.shape for a, r in zip(above, right[:-1], strict=True)):
        return None
    wrong = [k for k, a in enumerate(above) if _differ(claimed[k], right[k], a)]
    if not wrong:
        return None
    k = wrong[-1]
    slopes = [r / a for r, a in zip(right, above, strict=False)]
    known = np.abs(above[k]) > SMALL * np.max(np.abs(above[k]), initial=1e-300)
    if known.sum() < 2:
        return None
    return Slopes(pairs[k][1], claimed[k] / above[k], slopes[k], [*slopes[k + 1 :], np.empty(0)][0], known)


def _differ(claimed: Array, right: Array, above: Array) -> bool:
    """Where a layer is saturated, its error is smaller than what comes down to it, and no better known."""
    scale = max(float(np.max(np.abs(right), initial=0.0)), 1e-3 * float(np.max(np.abs(above), initial=0.0)), 1e-300)
    return bool(np.max(np.abs(claimed - right)) > CLOSE * scale)
