"""Formulas of several terms: the right sum, and the terms and fronts that may stand in it by mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.diagnosis import batch_norm, terms
from cnngrad.diagnosis.scene import Scene

Values = Mapping[str, Array]
Field = Callable[[Values], Array]


@dataclass(frozen=True)
class Formula:
    """A right gradient ``front · Σ coefficient · term``, and the fronts and terms that may stand there by mistake.

    Attributes:
        values: what the fields are made of, from a scene.
        right: the right coefficients, by term.
        fields: every term and front, by the words for it.
        front: the right one; ``fronts`` may stand in its place.
        others: terms that may stand in the place of a right one, or be added.
    """

    values: Callable[[Scene], Values | None]
    right: dict[str, float]
    fields: dict[str, Field]
    front: str
    fronts: tuple[str, ...]
    others: tuple[str, ...]


def _last(a: Array) -> Array:
    return np.asarray(a.sum(axis=-1, keepdims=True))


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(z / 2))


SOFTMAX = Formula(
    terms.softmax_values,
    {"dp": 1.0, "Σ dp p": -1.0},
    {
        "p": lambda v: v["p"],
        "1": lambda v: np.ones_like(v["p"]),
        "p²": lambda v: v["p"] ** 2,
        "1 - p": lambda v: 1 - v["p"],
        "p²(1 - p)": lambda v: v["p"] ** 2 * (1 - v["p"]),
        "dp": lambda v: v["dp"],
        "Σ dp p": lambda v: _last(v["dp"] * v["p"]),
        "Σ dp": lambda v: _last(v["dp"]),
        "mean(dp)": lambda v: v["dp"].mean(axis=-1, keepdims=True),
        "dp p": lambda v: v["dp"] * v["p"],
        "p Σ dp": lambda v: v["p"] * _last(v["dp"]),
        "Σ dp p²": lambda v: _last(v["dp"] * v["p"] ** 2),
        "Σ dp p over the samples": lambda v: (v["dp"] * v["p"]).sum(axis=0, keepdims=True),
        "Σ dp p over everything": lambda v: np.full_like(v["p"], (v["dp"] * v["p"]).sum()),
    },
    "p",
    ("1", "p²", "1 - p", "p²(1 - p)"),
    ("p", "1", "Σ dp", "mean(dp)", "dp p", "p Σ dp", "Σ dp p²", "Σ dp p over the samples", "Σ dp p over everything"),
)  # fmt: skip  # a table: what belongs together stays on one line

CROSS_ENTROPY = Formula(
    terms.loss_values,
    {"p Σt": 1.0, "t": -1.0},
    {
        "dE/N": lambda v: v["e"],
        "p dE/N": lambda v: v["e"] * v["p"],
        "(1 - p) dE/N": lambda v: v["e"] * (1 - v["p"]),
        "p(1 - p) dE/N": lambda v: v["e"] * v["p"] * (1 - v["p"]),
        "t dE/N": lambda v: v["e"] * v["t"],
        "z dE/N": lambda v: v["e"] * v["z"],
        "p Σt": lambda v: v["p"] * _last(v["t"]),
        "t": lambda v: v["t"],
        "p": lambda v: v["p"],
        "z": lambda v: v["z"],
        "1": lambda v: np.ones_like(v["z"]),
        "log p": lambda v: np.log(v["p"]),
        "σ(z)": lambda v: _sigmoid(v["z"]),
        "σ(z) Σt": lambda v: _sigmoid(v["z"]) * _last(v["t"]),
        "t/p": lambda v: v["t"] / v["p"],
        "t log p": lambda v: v["t"] * np.log(v["p"]),
        "p t": lambda v: v["p"] * v["t"],
        "p²": lambda v: v["p"] ** 2,
        "p Σt over the samples": lambda v: v["p"] * v["t"].sum(axis=0, keepdims=True),
        "p times the mean of t": lambda v: v["p"] * v["t"].mean(axis=-1, keepdims=True),
        "p times the largest t": lambda v: v["p"] * v["t"].max(axis=-1, keepdims=True),
        "e^(z - max z), not normalised,": lambda v: np.exp(v["z"] - v["z"].max(axis=-1, keepdims=True)),
        "dE, not divided by N,": lambda v: v["d"] + 0 * v["z"],
        "p Σt of the first sample": lambda v: v["p"][:1] * _last(v["t"]),
        "t of the next sample": lambda v: np.roll(v["t"], -1, 0),
        "t of the sample before": lambda v: np.roll(v["t"], 1, 0),
        "the largest p as 1, times Σt,": lambda v: (v["p"] == v["p"].max(-1, keepdims=True)) * _last(v["t"]),
        "the largest t as 1": lambda v: 1.0 * (v["t"] == v["t"].max(-1, keepdims=True)),
        "Σt": lambda v: _last(v["t"]) + 0 * v["t"],
        "t/Σt": lambda v: v["t"] / _last(v["t"]),
        "t Σt": lambda v: v["t"] * _last(v["t"]),
        "softmax over the samples": lambda v: terms.soft(v["z"], 0) * _last(v["t"]),
    },
    "dE/N",
    ("p dE/N", "(1 - p) dE/N", "p(1 - p) dE/N", "t dE/N", "z dE/N", "dE, not divided by N,"),
    ("p", "z", "p Σt over the samples", "p times the mean of t", "p times the largest t",
     "e^(z - max z), not normalised,", "1", "log p", "σ(z)", "σ(z) Σt", "t/p", "t log p", "p t", "p²",
     "p Σt of the first sample", "t of the next sample", "t of the sample before", "the largest p as 1, times Σt,",
     "the largest t as 1", "Σt", "t Σt", "t/Σt", "softmax over the samples"),
)  # fmt: skip  # a table: what belongs together stays on one line

SQUARED_ERROR = Formula(
    terms.loss_values,
    {"y": 1.0, "t": -1.0},
    {
        "dE/N": lambda v: v["e"],
        "y dE/N": lambda v: v["e"] * v["z"],
        "t dE/N": lambda v: v["e"] * v["t"],
        "y(1 - y) dE/N": lambda v: v["e"] * v["z"] * (1 - v["z"]),
        "(1 - y²) dE/N": lambda v: v["e"] * (1 - v["z"] ** 2),
        "[y > 0] dE/N": lambda v: v["e"] * (v["z"] > 0),
        "dE, not divided by N,": lambda v: v["d"] + 0 * v["z"],
        "y": lambda v: v["z"],
        "t": lambda v: v["t"],
        "1": lambda v: np.ones_like(v["z"]),
        "σ(y)": lambda v: _sigmoid(v["z"]),
        "tanh(y)": lambda v: np.tanh(v["z"]),
        "the softmax of y": lambda v: v["p"],
        "y where it is positive": lambda v: np.maximum(v["z"], 0),
        "y²": lambda v: v["z"] ** 2,
        "t²": lambda v: v["t"] ** 2,
        "t y": lambda v: v["t"] * v["z"],
        "|y|": lambda v: np.abs(v["z"]),
        "t of the next sample": lambda v: np.roll(v["t"], -1, 0),
        "t of the sample before": lambda v: np.roll(v["t"], 1, 0),
        "t of the first sample": lambda v: v["t"][:1] + 0 * v["t"],
        "the mean of t over the samples": lambda v: v["t"].mean(axis=0, keepdims=True) + 0 * v["t"],
        "the mean of y over the samples": lambda v: v["z"].mean(axis=0, keepdims=True) + 0 * v["t"],
    },
    "dE/N",
    ("y dE/N", "t dE/N", "y(1 - y) dE/N", "(1 - y²) dE/N", "[y > 0] dE/N", "dE, not divided by N,"),
    ("1", "σ(y)", "tanh(y)", "the softmax of y", "y where it is positive", "y²", "t²", "t y", "|y|",
     "t of the next sample", "t of the sample before", "t of the first sample", "the mean of t over the samples",
     "the mean of y over the samples"),
)  # fmt: skip  # a table: what belongs together stays on one line


def _mean(a: Array) -> Array:
    return np.asarray(a.mean(axis=(0, *range(2, a.ndim)), keepdims=True))


def _sum(a: Array) -> Array:
    return np.asarray(a.sum(axis=(0, *range(2, a.ndim)), keepdims=True))


BATCH_NORM = Formula(
    batch_norm.values,
    {"dy": 1.0, "mean(dy)": -1.0, "x̂ mean(dy x̂)": -1.0},
    {
        "γ/σ": lambda v: v["g"] * v["r"],
        "γ/√var (no ε)": lambda v: v["g"] / np.sqrt(_mean(v["centred"] ** 2)),
        "γ/(√var + ε)": lambda v: v["g"] / (np.sqrt(_mean(v["centred"] ** 2)) + v["eps"]),
        "γ/(var + ε)": lambda v: v["g"] / (_mean(v["centred"] ** 2) + v["eps"]),
        "γ": lambda v: v["g"] + 0 * v["r"],
        "1/σ": lambda v: v["r"],
        "γ/σ²": lambda v: v["g"] * v["r"] ** 2,
        "γ/σ³": lambda v: v["g"] * v["r"] ** 3,
        "γ²/σ": lambda v: v["g"] ** 2 * v["r"],
        "1/(γσ)": lambda v: v["r"] / v["g"],
        "γσ": lambda v: v["g"] / v["r"],
        "dy": lambda v: v["dy"],
        "mean(dy)": lambda v: _mean(v["dy"]),
        "x̂ mean(dy x̂)": lambda v: v["xhat"] * _mean(v["dy"] * v["xhat"]),
        "Σ dy": lambda v: _sum(v["dy"]),
        "x̂ Σ dy x̂": lambda v: v["xhat"] * _sum(v["dy"] * v["xhat"]),
        "x̂ mean(dy x̂), x̂ without ε,": lambda v: batch_norm.without_eps(v) * _mean(v["dy"] * batch_norm.without_eps(v)),
        "mean(dy x̂)": lambda v: _mean(v["dy"] * v["xhat"]),
        "x̂ mean(dy)": lambda v: v["xhat"] * _mean(v["dy"]),
        "(x - μ) mean(dy x̂)": lambda v: v["centred"] * _mean(v["dy"] * v["xhat"]),
        "x̂ mean(dy (x - μ))": lambda v: v["xhat"] * _mean(v["dy"] * v["centred"]),
        "(x - μ) mean(dy (x - μ))": lambda v: v["centred"] * _mean(v["dy"] * v["centred"]),
        "x mean(dy x̂)": lambda v: v["x"] * _mean(v["dy"] * v["xhat"]),
        "x̂ mean(dy x)": lambda v: v["xhat"] * _mean(v["dy"] * v["x"]),
        "y mean(dy y)": lambda v: v["y"] * _mean(v["dy"] * v["y"]),
        "y mean(dy x̂)": lambda v: v["y"] * _mean(v["dy"] * v["xhat"]),
        "x̂ mean(dy y)": lambda v: v["xhat"] * _mean(v["dy"] * v["y"]),
        "dy x̂²": lambda v: v["dy"] * v["xhat"] ** 2,
        "mean(dy) over the samples only": lambda v: v["dy"].mean(axis=0, keepdims=True),
        "mean(dy) over all channels": lambda v: v["dy"].mean() + 0 * v["dy"],
        "mean(dy) over space only": lambda v: v["dy"].mean(axis=tuple(range(2, v["dy"].ndim)), keepdims=True),
        "x̂ mean(dy x̂) over the samples only": lambda v: v["xhat"] * (v["dy"] * v["xhat"]).mean(axis=0, keepdims=True),
        "x̂ mean(dy x̂) over all channels": lambda v: v["xhat"] * (v["dy"] * v["xhat"]).mean(),
        "γ mean(dy)": lambda v: v["g"] * _mean(v["dy"]),
        "γ x̂ mean(dy x̂)": lambda v: v["g"] * v["xhat"] * _mean(v["dy"] * v["xhat"]),
    },
    "γ/σ",
    ("γ/√var (no ε)", "γ/(√var + ε)", "γ/(var + ε)", "γ", "1/σ", "γ/σ²", "γ/σ³", "γ²/σ", "1/(γσ)", "γσ"),
    ("Σ dy", "x̂ Σ dy x̂", "x̂ mean(dy x̂), x̂ without ε,", "mean(dy x̂)", "x̂ mean(dy)", "(x - μ) mean(dy x̂)",
     "x̂ mean(dy (x - μ))", "(x - μ) mean(dy (x - μ))", "x mean(dy x̂)", "x̂ mean(dy x)", "y mean(dy y)", "y mean(dy x̂)",
     "x̂ mean(dy y)", "dy x̂²", "mean(dy) over the samples only", "mean(dy) over all channels",
     "mean(dy) over space only", "x̂ mean(dy x̂) over the samples only",
     "x̂ mean(dy x̂) over all channels", "γ mean(dy)", "γ x̂ mean(dy x̂)"),
)  # fmt: skip  # a table: what belongs together stays on one line

FORMULAS = (SOFTMAX, CROSS_ENTROPY, SQUARED_ERROR, BATCH_NORM)
