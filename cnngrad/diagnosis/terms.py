"""Derivations that are recognised by their numbers, and the ways in which one term of them goes wrong.

A derivation is a formula that gives the numerical gradient in every scene; then its variants are tried on the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, Predict, magnitude, same
from cnngrad.diagnosis.scene import Scene

Formula = Callable[[Mapping[str, Array]], Array]


@dataclass(frozen=True)
class Wrong:
    """A formula that someone may have written, with its family, the sentence and the change."""

    family: str
    mistake: str
    formula: Formula
    advice: str


@dataclass(frozen=True)
class Derivation:
    """A right formula over what ``values`` takes from a scene, and wrong ones."""

    values: Callable[[Scene], Mapping[str, Array] | None]
    right: Formula
    wrong: tuple[Wrong, ...]


def recognised(failure: Failure, derivations: tuple[Derivation, ...]) -> Iterator[Suspect]:
    """The variants of each derivation that gives the numerical gradient."""
    for derivation in derivations:
        if all(_is(derivation, s) for s in failure.wrong):
            for wrong in derivation.wrong:
                predict = _with(derivation, wrong.formula)
                yield from failure.lead(wrong.family, wrong.mistake, predict, wrong.advice)


def _with(derivation: Derivation, formula: Formula) -> Predict:
    def predict(s: Scene) -> Array | None:
        values = derivation.values(s)
        return None if values is None else np.asarray(formula(values)).reshape(s.shape)

    return predict


def _is(derivation: Derivation, s: Scene) -> bool:
    with np.errstate(all="ignore"):
        values = derivation.values(s)
        if values is None:
            return False
        n = s.n
        right = np.asarray(derivation.right(values))
        if right.shape != n.shape:
            return False
        return same(np.where(np.isfinite(n), right, np.nan), np.nan_to_num(n), magnitude(s)) is not None


def softmax(failure: Failure) -> Iterator[Suspect]:
    """``dz = p ⊙ (dp - Σ dp p)`` over the last axis."""
    yield from recognised(failure, (SOFTMAX,))


def losses(failure: Failure) -> Iterator[Suspect]:
    """Cross-entropy and half the squared error, with one number as the output."""
    yield from recognised(failure, (CROSS_ENTROPY, SQUARED_ERROR))


def softmax_values(s: Scene) -> Mapping[str, Array] | None:
    """The output p and its cotangent dp, where the output has the input's shape."""
    return {"p": s.out, "dp": s.cotangent, "z": s.value} if s.y_shape == s.shape and s.value.ndim else None


def _last(a: Array) -> Array:
    return np.asarray(a.sum(axis=-1, keepdims=True))


_SUM = "p ⊙ (dp - Σ dp p), the sum over the classes of each sample"

SOFTMAX = Derivation(
    softmax_values,
    lambda v: v["p"] * (v["dp"] - _last(v["dp"] * v["p"])),
    (
        Wrong("missing term", "the cross term is missing: dz is p ⊙ dp",
              lambda v: v["p"] * v["dp"], f"subtract the sum over all classes: dz = {_SUM}"),
        Wrong("missing term", "only the diagonal of the softmax's Jacobian is used: dz is p(1 - p) dp",
              lambda v: v["p"] * (1 - v["p"]) * v["dp"], f"every p depends on every z: dz = {_SUM}"),
        Wrong("missing term", "the sum over dp is not weighted with p",
              lambda v: v["p"] * (v["dp"] - _last(v["dp"])), f"weight the sum with p: dz = {_SUM}"),
        Wrong("missing term", "the factor p in front is missing",
              lambda v: v["dp"] - _last(v["dp"] * v["p"]), f"multiply by p: dz = {_SUM}"),
        Wrong("missing term", "the softmax is missing: dz is dp", lambda v: v["dp"], f"dz = {_SUM}"),
        Wrong("missing term", "the term p dp is missing: only the cross term is there",
              lambda v: -v["p"] * _last(v["dp"] * v["p"]), f"dz = {_SUM}"),
        Wrong("sign", "the cross term is added, not subtracted",
              lambda v: v["p"] * (v["dp"] + _last(v["dp"] * v["p"])), f"the sign is minus: dz = {_SUM}"),
        Wrong("missing term", "the cross term has p² in the place of p",
              lambda v: v["p"] * (v["dp"] - _last(v["dp"] * v["p"] ** 2)), f"dz = {_SUM}"),
        Wrong("missing term", "the cross term is p² dp: not summed over the classes",
              lambda v: v["p"] * (v["dp"] - v["dp"] * v["p"] ** 2), f"dz = {_SUM}"),
        Wrong("missing term", "dz is dp - p Σ dp, which is the backward of log-softmax",
              lambda v: v["dp"] - v["p"] * _last(v["dp"]), f"the forward takes no log: dz = {_SUM}"),
        Wrong("axis", "the sum runs over the samples where it must run over the classes",
              lambda v: v["p"] * (v["dp"] - (v["dp"] * v["p"]).sum(axis=0, keepdims=True)), f"dz = {_SUM}"),
        Wrong("axis", "the sum runs over the whole batch, not over one sample",
              lambda v: v["p"] * (v["dp"] - (v["dp"] * v["p"]).sum()), f"dz = {_SUM}"),
        Wrong("axis", "p is normalised over the samples, not over the classes",
              lambda v: (p := soft(v["z"], 0)) * (v["dp"] - _last(v["dp"] * p)), f"over the classes: dz = {_SUM}"),
        Wrong("constant factor", "the sum over the classes is divided by their number",
              lambda v: v["p"] * (v["dp"] - (v["dp"] * v["p"]).mean(axis=-1, keepdims=True)), f"dz = {_SUM}"),
        Wrong("axis", "the sum of the first sample is used for all",
              lambda v: v["p"] * (v["dp"] - _last(v["dp"] * v["p"])[:1]), f"dz = {_SUM}"),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line


def _target(s: Scene) -> Array | None:
    """The constant of the input's shape that a loss compares with."""
    found = [v for n, v in s.inputs.items() if n in s.at.layer.constants and v.shape == s.shape]
    return np.asarray(found[0], dtype=np.float64) if len(found) == 1 and s.flat_y.size == 1 else None


def soft(z: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """The softmax of z over some axes."""
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _largest(t: Array) -> Array:
    """1 at the first largest entry of each row, 0 elsewhere."""
    return np.asarray(np.eye(t.shape[-1])[t.argmax(axis=-1)])


def loss_values(s: Scene) -> Mapping[str, Array] | None:
    """Scores z, targets t, the softmax p, and dE/N, where the output is one number and there is one target."""
    t = _target(s)
    if t is None or s.value.ndim < 1:
        return None
    z = np.asarray(s.value, dtype=np.float64)
    n = z.shape[0] if z.ndim > 1 else 1
    return {"z": z, "t": t, "p": soft(z), "e": s.dy[0] / n, "n": np.asarray(float(n)), "d": s.dy[0]}


_CE = "dz = dE (p Σt - t)/N"

CROSS_ENTROPY = Derivation(
    loss_values,
    lambda v: v["e"] * (v["p"] * _last(v["t"]) - v["t"]),
    (
        Wrong("missing term", "the targets are taken to sum to 1: dz is (p - t)/N",
              lambda v: v["e"] * (v["p"] - v["t"]), f"weight p with the sum of the targets: {_CE}"),
        Wrong("missing term", "the softmax's own part is missing: dz is -t/p, the derivative by the probabilities",
              lambda v: -v["e"] * v["t"] / v["p"], f"go through the softmax as well: {_CE}"),
        Wrong("missing term", "the target is not subtracted",
              lambda v: v["e"] * v["p"] * _last(v["t"]), f"subtract t: {_CE}"),
        Wrong("missing term", "the target is not subtracted: dz is p", lambda v: v["e"] * v["p"], f"{_CE}"),
        Wrong("missing term", "p is missing: dz is -t", lambda v: -v["e"] * v["t"], f"{_CE}"),
        Wrong("activation derivative", "the derivative of the softmax is multiplied in twice",
              lambda v: v["e"] * (v["p"] - v["t"]) * v["p"] * (1 - v["p"]), f"it cancels against log: {_CE}"),
        Wrong("missing term", "z is used in the place of p, its softmax",
              lambda v: v["e"] * (v["z"] * _last(v["t"]) - v["t"]), f"p is the softmax of z: {_CE}"),
        Wrong("missing term", "z is used in the place of p, its softmax",
              lambda v: v["e"] * (v["z"] - v["t"]), f"p is the softmax of z: {_CE}"),
        Wrong("missing term", "the term is masked by t: only the true class gets a gradient",
              lambda v: v["e"] * (v["p"] - 1) * v["t"], f"every class gets p: {_CE}"),
        Wrong("missing term", "only the true class gets a gradient",
              lambda v: v["e"] * (v["p"] * _last(v["t"]) - v["t"]) * (v["t"] != 0), f"every class gets p: {_CE}"),
        Wrong("missing term", "the absolute difference is returned: the sign is lost",
              lambda v: v["e"] * np.abs(v["p"] * _last(v["t"]) - v["t"]), f"keep the sign: {_CE}"),
        Wrong("wrong input", "1 is subtracted at the largest target, where the target itself must be",
              lambda v: v["e"] * (v["p"] - _largest(v["t"])),
              f"these targets are no class numbers, subtract them as they are: {_CE}"),
        Wrong("axis", "p is normalised over the samples",
              lambda v: v["e"] * (soft(v["z"], 0) * _last(v["t"]) - v["t"]), f"normalise over the classes: {_CE}"),
        Wrong("axis", "p is normalised over the whole batch",
              lambda v: v["e"] * (soft(v["z"], (0, 1)) * _last(v["t"]) - v["t"]), f"normalise each sample: {_CE}"),
        Wrong("axis", "p is weighted with the targets of the whole batch",
              lambda v: v["e"] * (v["p"] * v["t"].sum() - v["t"]), f"sum the targets of each sample: {_CE}"),
        Wrong("missing term", "p is not normalised: it is e^z",
              lambda v: v["e"] * (np.exp(v["z"]) * _last(v["t"]) - v["t"]), f"divide by the sum of e^z: {_CE}"),
        Wrong("missing term", "the sum of the targets weights t as well",
              lambda v: v["e"] * (v["p"] - v["t"]) * _last(v["t"]), f"only p is weighted: {_CE}"),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

_HSE = "dy = dE (y - t)/N"

SQUARED_ERROR = Derivation(
    loss_values,
    lambda v: v["e"] * (v["z"] - v["t"]),
    (
        Wrong("missing term", "the target is not subtracted", lambda v: v["e"] * v["z"], f"subtract t: {_HSE}"),
        Wrong("missing term", "the output is missing: only -t is left", lambda v: -v["e"] * v["t"], f"{_HSE}"),
        Wrong("sign", "the target is added", lambda v: v["e"] * (v["z"] + v["t"]), f"subtract t: {_HSE}"),
        Wrong("missing term", "the difference is still squared",
              lambda v: v["e"] * (v["z"] - v["t"]) ** 2, f"its derivative is the difference itself: {_HSE}"),
        Wrong("missing term", "the difference is still squared and halved",
              lambda v: v["e"] * (v["z"] - v["t"]) ** 2 / 2, f"its derivative is the difference itself: {_HSE}"),
        Wrong("missing term", "the absolute difference is returned: the sign is lost",
              lambda v: v["e"] * np.abs(v["z"] - v["t"]), f"{_HSE}"),
        Wrong("missing term", "only the sign of the difference is left",
              lambda v: v["e"] * np.sign(v["z"] - v["t"]), f"{_HSE}"),
        Wrong("activation derivative", "it is multiplied by y(1 - y), which belongs to the layer below",
              lambda v: v["e"] * (v["z"] - v["t"]) * v["z"] * (1 - v["z"]), f"{_HSE}"),
        Wrong("constant factor", "the difference is divided by N twice",
              lambda v: v["e"] * (v["z"] - v["t"]) / v["n"], f"{_HSE}"),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line
