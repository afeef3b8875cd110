"""A single sigmoid neuron under half the squared error: δ = (a - t) a(1 - a), and what is written in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, Predict, magnitude, same
from cnngrad.diagnosis.scene import Scene

Delta = Callable[[Array, Array, Array], Array]

RIGHT: Delta = lambda a, z, t: (a - t) * a * (1 - a)  # noqa: E731  # a formula with a name
WRONG: tuple[tuple[str, str, Delta], ...] = (
    ("activation derivative", "the factor a(1 - a) is missing: δ is a - t", lambda a, z, t: a - t),
    ("activation derivative", "δ has z(1 - z) in the place of a(1 - a)", lambda a, z, t: (a - t) * z * (1 - z)),
    ("activation derivative", "a(1 - a) is multiplied in twice", lambda a, z, t: (a - t) * (a * (1 - a)) ** 2),
    ("activation derivative", "δ has a in the place of a(1 - a)", lambda a, z, t: (a - t) * a),
    ("activation derivative", "δ has 1 - a in the place of a(1 - a)", lambda a, z, t: (a - t) * (1 - a)),
    ("activation derivative", "δ has 1 - a² in the place of a(1 - a)", lambda a, z, t: (a - t) * (1 - a**2)),
    ("activation derivative", "δ has a(1 + a) in the place of a(1 - a)", lambda a, z, t: (a - t) * a * (1 + a)),
    ("missing term", "the target is not subtracted: δ is a · a(1 - a)", lambda a, z, t: a * a * (1 - a)),
    ("missing term", "a - t is missing: δ is a(1 - a)", lambda a, z, t: a * (1 - a)),
    ("sign", "the target is added, not subtracted", lambda a, z, t: (a + t) * a * (1 - a)),
    ("missing term", "δ has z - t in the place of a - t", lambda a, z, t: (z - t) * a * (1 - a)),
    ("missing term", "the difference is still squared", lambda a, z, t: (a - t) ** 2 * a * (1 - a)),
    ("missing term", "a(1 - a) is that of the target, t(1 - t)", lambda a, z, t: (a - t) * t * (1 - t)),
)


OF_DELTA = "dw = δ x, dx = δ w, db = δ"


def neuron(failure: Failure) -> Iterator[Suspect]:
    """Recognised by its numbers: a vector x, a vector w, a number b and a target."""
    if not all(_parts(s) and same(_gradient(s, RIGHT, ""), s.n, magnitude(s)) for s in failure.wrong):
        return
    for family, mistake, delta in WRONG:
        yield from failure.lead(
            family, mistake, _with(delta, ""), f"{OF_DELTA}, with δ = dE (a - t) a(1 - a) and a = σ(z)"
        )
    for words, instead in (("by w where it must be multiplied by x", "w"), ("by x where it must be w", "x")):
        mistake = f"the gradient of {failure.name} multiplies δ {words}"
        yield from failure.lead("wrong input", mistake, _with(RIGHT, instead), "dw = δ x, and dx = δ w")
    for words, instead in (
        ("is δ alone", "nothing"),
        ("multiplies δ by the output a", "a"),
        ("multiplies δ by t", "t"),
    ):
        mistake = f"the gradient of {failure.name} {words}"
        yield from failure.lead("wrong input", mistake, _with(RIGHT, instead), OF_DELTA)


def _with(delta: Delta, instead: str) -> Predict:
    return lambda s: _gradient(s, delta, instead)


def _parts(s: Scene) -> dict[str, Array] | None:
    values = list(s.inputs.values())
    if s.flat_y.size != 1 or [v.ndim for v in values] != [1, 1, 0, 0] or values[0].shape != values[1].shape:
        return None
    return dict(zip(("x", "w", "b", "t"), values, strict=True))


def _gradient(s: Scene, delta: Delta, instead: str) -> Array:
    parts = _parts(s)
    assert parts is not None
    z = parts["w"] @ parts["x"] + parts["b"]
    a = 0.5 + 0.5 * np.tanh(z / 2)
    place = list(s.inputs).index(s.name)
    other = instead or ("w", "x", "nothing", "nothing")[place]
    factors = {"nothing": np.ones(s.shape), "a": np.full(s.shape, a), **parts}
    times = np.full(s.shape, factors[other]) if factors[other].ndim == 0 else factors[other]
    return np.asarray(s.dy[0] * delta(a, z, parts["t"]) * times).reshape(s.shape) if times.shape == s.shape else s.n
