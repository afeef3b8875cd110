"""Batch normalisation, recognised by its numbers: the paths through mean and variance, and the sums of γ and β."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure
from cnngrad.diagnosis.scene import Scene
from cnngrad.diagnosis.terms import Derivation, Wrong, recognised


def batch_norm(failure: Failure) -> Iterator[Suspect]:
    """The three gradients."""
    yield from recognised(failure, (OF_X, OF_GAMMA, OF_BETA))


def values(s: Scene) -> Mapping[str, Array] | None:
    """x̂, 1/σ and γ, taken from output and inputs, so that no ε need be known."""
    inputs = list(s.inputs.values())
    if len(inputs) != 3 or s.y_shape != inputs[0].shape or inputs[0].ndim < 2:
        return None
    x, gamma, beta = inputs
    if gamma.shape != (x.shape[1],) or beta.shape != gamma.shape or np.any(gamma == 0):
        return None
    column = (-1, *[1] * (x.ndim - 2))
    gamma, beta = gamma.reshape(column), beta.reshape(column)
    axes = (0, *range(2, x.ndim))
    xhat = (s.out - beta) / gamma
    eps = np.asarray(next((v for k, v in s.numbers.items() if k.startswith("eps")), np.nan))
    centred = x - x.mean(axis=axes, keepdims=True)
    spread = np.max(np.abs(xhat), axis=axes, keepdims=True) / np.max(np.abs(centred), axis=axes, keepdims=True)
    return {
        "x": x,
        "xhat": xhat,
        "g": gamma,
        "r": spread,
        "dy": s.cotangent,
        "centred": centred,
        "y": s.out,
        "eps": eps,
    }


def without_eps(v: Mapping[str, Array]) -> Array:
    """x̂ with √var in the place of √(var + ε)."""
    return np.asarray(v["centred"] / np.sqrt(_mean(v["centred"] ** 2)))


def one_less(v: Mapping[str, Array]) -> Array:
    """1/σ with the variance divided by N - 1, as MATLAB's ``var`` and ``np.var(ddof=1)`` do."""
    n = _count(v["dy"])
    return np.asarray(1 / np.sqrt(_mean(v["centred"] ** 2) * n / (n - 1) + np.nan_to_num(v["eps"])))


def _dx_of_one_less(v: Mapping[str, Array]) -> Array:
    r = one_less(v)
    return np.asarray(v["g"] * r * (v["dy"] - _mean(v["dy"]) - v["centred"] * r**2 * _mean(v["dy"] * v["centred"])))


def _axes(a: Array) -> tuple[int, ...]:
    return (0, *range(2, a.ndim))


def _mean(a: Array) -> Array:
    return np.asarray(a.mean(axis=_axes(a), keepdims=True))


def _sum(a: Array) -> Array:
    return np.asarray(a.sum(axis=_axes(a), keepdims=True))


def _over(a: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(a.mean(axis=axes, keepdims=True)) if axes else a


def _count(a: Array) -> float:
    return float(a.size / a.shape[1])


_DX = "dx = γ/σ (dy - mean(dy) - x̂ mean(dy x̂)), the means over samples and space"


def _dx(mistake: str, family: str, formula: object) -> Wrong:
    return Wrong(family, mistake, formula, _DX)  # type: ignore[arg-type]  # lambdas below


def _dx_of_powers() -> Iterator[Wrong]:
    """The path through the variance is γ (x - μ) mean(γ dy (x - μ)) σ^-3 without γ; its power is what slips."""
    for power, family, words in (
        (1.5, "power", "(var + ε)^(-3/4), σ to the power -3/2,"),
        (2.0, "wrong input", "1/σ², as with x - μ in the place of x̂,"),
        (4.0, "power", "1/σ⁴"),
        (6.0, "power", "1/σ⁶"),
        (-3.0, "power", "σ³"),
    ):

        def formula(v: Mapping[str, Array], power: float = power) -> Array:
            through = v["centred"] * _mean(v["dy"] * v["centred"])
            return np.asarray(v["g"] * (v["r"] * (v["dy"] - _mean(v["dy"])) - v["r"] ** power * through))

        yield _dx(f"the path through the variance has {words} where 1/σ³ = (var + ε)^(-3/2) belongs", family, formula)


OF_X = Derivation(
    values,
    lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"])),
    (
        _dx("the path through the variance is missing: no x̂ mean(dy x̂)", "missing term",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]))),
        _dx("the path through the mean is missing: no mean(dy)", "missing term",
            lambda v: v["g"] * v["r"] * (v["dy"] - v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("mean and variance are taken for constants: dx is γ dy/σ", "missing term",
            lambda v: v["g"] * v["r"] * v["dy"]),
        _dx("γ is missing in dx", "missing term",
            lambda v: v["r"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("dx is not divided by σ", "missing term",
            lambda v: v["g"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("dx is divided by σ²: by the variance, not its root", "power",
            lambda v: v["g"] * v["r"] ** 2 * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("dx is multiplied by σ where it must be divided", "power",
            lambda v: v["g"] / v["r"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("dx subtracts sums where it must subtract means", "constant factor",
            lambda v: v["g"] * v["r"] * (v["dy"] - _sum(v["dy"]) - v["xhat"] * _sum(v["dy"] * v["xhat"]))),
        _dx("dx subtracts the sum of dy where it must subtract the mean", "constant factor",
            lambda v: v["g"] * v["r"] * (v["dy"] - _sum(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("dx subtracts x̂ times the sum of dy x̂ where it must be the mean", "constant factor",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _sum(v["dy"] * v["xhat"]))),
        _dx("the means of dx run over the samples only, not over space", "axis",
            lambda v: v["g"] * v["r"]
            * (v["dy"] - _over(v["dy"], (0,)) - v["xhat"] * _over(v["dy"] * v["xhat"], (0,)))),
        _dx("the means of dx run over space only, not over the samples", "axis",
            lambda v: v["g"] * v["r"] * (v["dy"] - _over(v["dy"], _axes(v["dy"])[1:])
                                         - v["xhat"] * _over(v["dy"] * v["xhat"], _axes(v["dy"])[1:]))),
        _dx("the means of dx run over the channels too", "axis",
            lambda v: v["g"] * v["r"] * (v["dy"] - v["dy"].mean() - v["xhat"] * (v["dy"] * v["xhat"]).mean())),
        _dx("x̂ mean(dy x̂) is added, not subtracted", "sign",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) + v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("mean(dy) is added, not subtracted", "sign",
            lambda v: v["g"] * v["r"] * (v["dy"] + _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        _dx("mean(dy x) stands where mean(dy x̂) belongs", "wrong input",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["x"]))),
        _dx("y stands where x̂ belongs", "wrong input",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["y"] * _mean(v["dy"] * v["y"]))),
        _dx("x stands where x̂ belongs", "wrong input",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["x"] * _mean(v["dy"] * v["x"]))),
        _dx("the path through the variance lacks 1/σ²: (var + ε)^(-1/2) for (var + ε)^(-3/2), or x - μ for x̂",
            "missing term",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["centred"] * _mean(v["dy"] * v["centred"]))),
        _dx("the means are divided by N - 1, as for an unbiased variance", "constant factor",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"])
                                         * _count(v["dy"]) / (_count(v["dy"]) - 1))),
        _dx("the path through the variance lacks the factor 2, or has half of it", "constant factor",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - v["xhat"] * _mean(v["dy"] * v["xhat"]) / 2)),
        _dx("the path through the variance has a factor 2 too much", "constant factor",
            lambda v: v["g"] * v["r"] * (v["dy"] - _mean(v["dy"]) - 2 * v["xhat"] * _mean(v["dy"] * v["xhat"]))),
        *_dx_of_powers(),
        _dx("the variance is divided by N - 1, in the forward by N", "constant factor", _dx_of_one_less),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

_DG = "dγ = Σ dy x̂, over samples and space"

OF_GAMMA = Derivation(
    values,
    lambda v: _sum(v["dy"] * v["xhat"]).ravel(),
    (
        Wrong("wrong input", "dγ sums dy y where it must sum dy x̂", lambda v: _sum(v["dy"] * v["y"]).ravel(), _DG),
        Wrong("wrong input", "dγ sums dy x where it must sum dy x̂", lambda v: _sum(v["dy"] * v["x"]).ravel(), _DG),
        Wrong("missing term", "dγ sums dy (x - μ), not divided by σ",
              lambda v: _sum(v["dy"] * v["centred"]).ravel(), _DG),
        Wrong("power", "dγ is divided by σ twice: it sums dy (x - μ)/σ²",
              lambda v: _sum(v["dy"] * v["xhat"] * v["r"]).ravel(), _DG),
        Wrong("missing term", "dγ takes x̂ without ε: it divides by √var, not √(var + ε)",
              lambda v: _sum(v["dy"] * without_eps(v)).ravel(), _DG),
        Wrong("constant factor", "dγ takes x̂ with the variance divided by N - 1; the forward divides by N",
              lambda v: _sum(v["dy"] * v["centred"] * one_less(v)).ravel(), _DG),
        Wrong("missing term", "dγ sums dy alone: x̂ is missing", lambda v: _sum(v["dy"]).ravel(), _DG),
        Wrong("missing term", "dγ sums x̂ alone: dy is missing", lambda v: _sum(v["xhat"]).ravel(), _DG),
        Wrong("missing term", "dγ multiplies the sums of dy and x̂, not their entries",
              lambda v: (_sum(v["dy"]) * _sum(v["xhat"])).ravel(), _DG),
        Wrong("wrong input", "dγ sums dy x̂²", lambda v: _sum(v["dy"] * v["xhat"] ** 2).ravel(), _DG),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line

OF_BETA = Derivation(
    values,
    lambda v: _sum(v["dy"]).ravel(),
    (
        Wrong("wrong input", "dβ sums dy x̂: that is dγ", lambda v: _sum(v["dy"] * v["xhat"]).ravel(), "dβ = Σ dy"),
        Wrong("missing term", "dβ counts the entries: dy is missing",
              lambda v: _sum(np.ones_like(v["dy"])).ravel(), "dβ = Σ dy"),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line
