"""A right gradient times a number, or times one of the layer's own arrays; and conventions that are such a factor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, enough
from cnngrad.diagnosis.known import words_for
from cnngrad.diagnosis.scene import Scene

FAMILY = "constant factor"
SUMS = "sum, and divide once at most: only where the forward divides"


def constant_factor(failure: Failure) -> Iterator[Suspect]:
    """``G = c N`` with a number c that is a known one in every scene."""
    factors = failure.factors(lambda scene: scene.n)
    if factors is None:
        return
    told = [c for c, scene in zip(factors, failure.scenes, strict=True) if scene.wrong and np.isfinite(c)]
    entries = sum(scene.g.size for scene in failure.wrong)
    if not enough(len(told), entries, len(failure.wrong)):
        return
    words = words_for(factors, failure.scenes)
    if not words:
        return
    values = ", ".join(dict.fromkeys(f"{c:.4g}" for c in told))
    evidence = f"claimed / numerical is {values} in {len(told)} failing cases, the same for all entries of each"
    yield Suspect(f"the gradient of {failure.name} is {words}", evidence, _advice(failure, words), FAMILY)


def _advice(failure: Failure, words: str) -> str:
    parameter = failure.name != failure.layer.inputs[0]
    if words == "multiplied by -1":
        kept = '; if it is meant as the direction of descent, declare sign="descent"' if parameter else ""
        return f"turn the sign of the gradient of {failure.name}{kept}"
    if words == "divided by the number of samples" and parameter:
        return f'{SUMS}; if the batch is averaged over on purpose, declare reduction="mean"'
    if words.startswith("divided"):
        return f"leave out the division: {SUMS}"
    if " in the place of " in words:
        return f"take {words.partition(' in the place of ')[2]}"
    if words.startswith("multiplied by 1/"):
        n = words.removeprefix("multiplied by 1/")
        return f"it must be {n} times as large: a 1/{n} is kept that the derivative cancels, or a factor is lost"
    return f"divide by {words.removeprefix('multiplied by ')}: it is a factor too many, or the forward divides by it"


def another_array_too_much(failure: Failure) -> Iterator[Suspect]:
    """``G = N ⊙ a`` or ``N / a`` with a another input or the output, along all axes or the channels."""
    for name in (*failure.layer.inputs, "the output"):
        if name == failure.name == failure.layer.inputs[0]:
            continue  # a function of the input itself is a derivative's matter
        for word, divides in (("multiplied", False), ("divided", True)):

            def predict(s: Scene, name: str = name, divides: bool = divides) -> Array | None:
                field = s.out if name == "the output" else s.inputs[name]
                return _scaled(s.n, np.asarray(field, dtype=np.float64), divides)

            family, mistake = "extra factor", f"the gradient of {failure.name} is {word} by {name}"
            advice = f"leave {name} out of the gradient of {failure.name}: it does not belong there"
            if divides and name != "the output" and name != failure.name:
                family, mistake = "missing term", f"the factor {name} is missing in the gradient of {failure.name}"
                advice = f"multiply by {name}, as the forward does"
            yield from failure.lead(family, mistake, predict, advice, everywhere=True)


def _scaled(n: Array, field: Array, divides: bool) -> Array | None:
    if field.ndim == 1 and n.ndim >= 2 and n.shape[1] == field.size:
        field = field.reshape(-1, *[1] * (n.ndim - 2))
    elif field.shape != n.shape:
        return None
    return n / field if divides else n * field
