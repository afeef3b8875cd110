"""Mistakes in batch normalisation."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.layers import batch_norm
from tests.mistakes.mistake import Mistake, all_but_channels, over_channels, planted, without_last


def _parts(s: Any) -> Any:
    """x̂, the deviation and the means that the formula is made of, with the number of entries they run over."""
    axes = all_but_channels(s.x)
    centred = s.x - s.x.mean(axis=axes, keepdims=True)
    variance = (centred**2).mean(axis=axes, keepdims=True)
    deviation = np.sqrt(variance + s.config["eps"])
    normal = centred / deviation
    return SimpleNamespace(
        normal=normal,
        centred=centred,
        variance=variance,
        deviation=deviation,
        gamma=over_channels(s.gamma, s.x),
        mean=s.dy.mean(axis=axes, keepdims=True),
        along=(s.dy * normal).mean(axis=axes, keepdims=True),
        count=s.x.size // s.x.shape[1],
        dy=s.dy,
    )


def _of_parts(formula: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda s: formula(_parts(s))


def _summed(per_entry: Any) -> Any:
    return per_entry.sum(axis=all_but_channels(per_entry))


def _over_samples_only(s: Any) -> Any:
    """The means of dx taken over the batch alone, not over space."""
    p = _parts(s)
    mean = s.dy.mean(axis=0, keepdims=True)
    along = (s.dy * p.normal).mean(axis=0, keepdims=True)
    return p.gamma / p.deviation * (s.dy - mean - p.normal * along)


MISTAKES: tuple[Mistake, ...] = (
    planted(
        batch_norm, "batch_norm_mean_path_missing", "missing term", "dx lacks the path through the mean: - mean(dy)",
        x=_of_parts(lambda p: p.gamma / p.deviation * (p.dy - p.normal * p.along)),
    ),
    planted(
        batch_norm, "batch_norm_variance_path_missing", "missing term",
        "dx lacks the path through the variance: - x̂ mean(dy x̂)",
        x=_of_parts(lambda p: p.gamma / p.deviation * (p.dy - p.mean)),
    ),
    planted(
        batch_norm, "batch_norm_statistics_as_constants", "missing term",
        "dx takes the mean and the variance for constants: both paths are missing",
        x=_of_parts(lambda p: p.gamma / p.deviation * p.dy),
    ),
    planted(
        batch_norm, "batch_norm_eps_forgotten", "missing term", "dx divides by √var; it is √(var + ε)",
        x=_of_parts(lambda p: p.gamma / np.sqrt(p.variance) * (p.dy - p.mean - p.normal * p.along)),
    ),
    planted(
        batch_norm, "batch_norm_gamma_forgotten", "missing term", "dx is not multiplied by γ",
        x=_of_parts(lambda p: (p.dy - p.mean - p.normal * p.along) / p.deviation),
    ),
    planted(
        batch_norm, "batch_norm_unbiased_variance", "constant factor",
        "dx divides by n - 1 in the path through the variance; the forward's variance divides by n",
        x=_of_parts(lambda p: p.gamma / p.deviation * (p.dy - p.mean - p.normal * p.along * p.count / (p.count - 1))),
    ),
    planted(
        batch_norm, "batch_norm_sums_for_means", "constant factor", "dx subtracts sums where it must subtract means",
        x=_of_parts(lambda p: p.gamma / p.deviation * (p.dy - p.count * (p.mean + p.normal * p.along))),
    ),
    planted(
        batch_norm, "batch_norm_divided_by_variance", "power", "dx divides by var + ε; it is divided by its root",
        x=_of_parts(lambda p: p.gamma / p.deviation**2 * (p.dy - p.mean - p.normal * p.along)),
    ),
    planted(
        batch_norm, "batch_norm_variance_path_of_centred", "wrong input",
        "the path through the variance uses x - μ where it must use x̂",
        x=_of_parts(lambda p: p.gamma / p.deviation * (p.dy - p.mean - p.centred * p.along)),
    ),
    planted(
        batch_norm, "batch_norm_variance_path_sign", "sign", "the path through the variance is added, not subtracted",
        x=_of_parts(lambda p: p.gamma / p.deviation * (p.dy - p.mean + p.normal * p.along)),
    ),
    planted(
        batch_norm, "batch_norm_means_over_samples_only", "axis",
        "the means of dx run over the samples only, not over space",
        needs="space", x=_over_samples_only,
    ),
    planted(
        batch_norm, "batch_norm_dgamma_from_x", "wrong input", "dγ sums dy x where it must sum dy x̂",
        gamma=lambda s: _summed(s.dy * s.x),
    ),
    planted(
        batch_norm, "batch_norm_dgamma_times_gamma", "constant factor", "dγ is multiplied by γ",
        gamma=lambda s: s.gamma * s.right.gamma,
    ),
    planted(
        batch_norm, "batch_norm_dgamma_from_output", "wrong input", "dγ sums dy y where it must sum dy x̂",
        gamma=lambda s: _summed(s.dy * s.out),
    ),
    planted(
        batch_norm, "batch_norm_dbeta_mean", "constant factor", "dβ averages over the batch where it must sum",
        beta=lambda s: s.dy.mean(axis=all_but_channels(s.dy)),
    ),
    planted(
        batch_norm, "batch_norm_dbeta_times_gamma", "constant factor", "dβ is multiplied by γ",
        beta=lambda s: s.gamma * s.right.beta,
    ),
    planted(
        batch_norm, "batch_norm_dgamma_last_sample_dropped", "dropped sample", "dγ leaves out the last sample",
        gamma=lambda s: _summed(without_last(s.dy * _parts(s).normal)),
    ),
)  # fmt: skip  # a table: what belongs together stays on one line
