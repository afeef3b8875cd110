"""The error at a network's output: a slope too much after ``y - t``, or one that is missing there.

Where the derivative of a mean loss by the last bias is ``y - t``, all samples being equal, it tells the output y that
nobody returned: the softmax or sigmoid with the cross-entropy, a linear output with half the squared error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array, Vector
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, same
from cnngrad.diagnosis.samples import of_first_sample
from cnngrad.diagnosis.scene import Scene

LEAST = 4  # entries of the bias that have to agree
SLOPES: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("y(1 - y)", lambda y: y * (1 - y)),
    ("1 - y²", lambda y: 1 - y**2),
    ("[y > 0]", lambda y: (y > 0).astype(np.float64)),
)


def slope_at_the_output(failure: Failure) -> Iterator[Suspect]:
    """``G = N f'(y)`` or ``N = G f'(y)`` in the gradient of the last bias, y known from one of the two."""
    name = failure.layer.inputs[-2] if len(failure.layer.inputs) > 2 else ""
    told = [found for s in failure.wrong if (found := _errors(s, name)) is not None]
    if sum(right.size for right, *_ in told) < LEAST:
        return
    for words, slope in SLOPES:
        if all(_is_times(right, claimed, slope, t, dy) for right, claimed, t, dy in told):
            yield Suspect(
                f"the error at the output is multiplied by {words} after y - t, where no slope belongs",
                f"with one sample, the gradient of {name} is (y - t) {words}, in {len(told)} failing cases",
                "y - t is the gradient before the activation already: hand it down as it is",
                "activation derivative",
            )
        if all(_is_times(claimed, right, slope, t, dy) for right, claimed, t, dy in told):
            yield Suspect(
                f"the derivative of the output's activation, {words}, is missing after y - t",
                f"with one sample, the gradient of {name} is y - t alone, in {len(told)} failing cases",
                f"multiply the error by {words} before anything else is computed from it",
                "activation derivative",
            )


def _errors(s: Scene, name: str) -> tuple[Vector, Vector, Vector, float] | None:
    """The right and the claimed gradient of the bias, the targets and dE, all samples being the first one.

    ``None`` unless it is a loss with one target a sample and a bias behind the last weight.
    """
    one = of_first_sample(s, name) if name in s.at.slices else None
    if one is None or one.g.shape != one.shape or not np.all(np.isfinite(one.n)):
        return None
    target = next(np.asarray(v[0], dtype=np.float64) for n, v in one.inputs.items() if n in s.at.layer.constants)
    return (one.n, one.g, target, float(s.dy[0])) if target.shape == one.shape else None


def _is_times(error: Vector, other: Vector, slope: Callable[[Array], Array], t: Vector, dy: float) -> bool:
    """Whether the other is the error times a slope at ``y = error/dE + t``, and not the error itself."""
    y = error / dy + t
    predicted = error * slope(y)
    size = float(np.max(np.abs(error)))
    return same(predicted, other, size) is not None and same(error, other, size) is None
