"""The fourth set's mistakes in softmax, costs and batch normalisation, written without sight of the rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.layers import batch_norm, half_squared_error, softmax, softmax_cross_entropy, weight_decay
from tests.mistakes.mistake import Mistake, all_but_channels, over_channels
from tests.mistakes.slips import slip


def _of_first_sample(s: Any) -> Any:
    p = s.out[:1]
    return p * (s.dy - (s.dy * p).sum(axis=-1, keepdims=True))


SOFTMAX = (
    slip(
        softmax,
        "cross_term_over_the_batch",
        "axis",
        "Σ dp p runs over the classes of one sample, axis -1; here it runs over the samples",
        z=lambda s: s.out * (s.dy - (s.dy * s.out).sum(axis=0)),
    ),
    slip(
        softmax,
        "jacobian_of_the_first_sample",
        "wrong input",
        "the Jacobian is built once, of p[0], and used for every sample",
        z=_of_first_sample,
        needs="batch > 1",
    ),
)


def _probabilities(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _of_largest_target(s: Any) -> Any:
    dz = _probabilities(s.z)
    dz[np.arange(len(s.z)), s.t.argmax(axis=1)] -= 1
    return s.dy * dz / len(s.z)


CROSS_ENTROPY = (
    slip(
        softmax_cross_entropy,
        "mean_over_samples_and_classes",
        "constant factor",
        "the cost is averaged over the samples; the gradient is divided by the number of classes too",
        z=lambda s: s.right.z / s.z.shape[1],
    ),
    slip(
        softmax_cross_entropy,
        "targets_as_class_numbers",
        "wrong input",
        "1 is subtracted at the largest target; soft targets are subtracted as they are",
        z=_of_largest_target,
        needs="targets that are not one-hot",
    ),
)

SQUARED_ERROR = (
    slip(
        half_squared_error,
        "cost_taken_for_the_last",
        "missing term",
        "the gradient is not multiplied by dE, as if nothing came after the cost",
        y=lambda s: (s.y - s.t) / len(s.y),
    ),
    slip(
        half_squared_error,
        "mean_over_every_output",
        "constant factor",
        "np.mean divides by all entries; the cost is divided by the number of samples",
        y=lambda s: s.dy * (s.y - s.t) / s.y.size,
        needs="several outputs",
    ),
)


def _first_column_free(s: Any) -> Any:
    dw = np.array(s.right.w)
    dw[:, 0] = 0
    return dw


DECAY = (
    slip(
        weight_decay,
        "first_column_taken_for_biases",
        "one element",
        "the first column is spared as if it held the biases; here all of W are weights",
        w=_first_column_free,
    ),
    slip(
        weight_decay,
        "penalty_not_differentiated",
        "power",
        "λ/2 W² is the penalty of each weight; its derivative is λ W",
        w=lambda s: s.dy * s.config["decay"] / 2 * s.w**2,
    ),
)


def _deviation(s: Any) -> Any:
    return np.sqrt(s.x.var(axis=all_but_channels(s.x), keepdims=True) + s.config["eps"])


def _means_over_the_batch_only(s: Any) -> Any:
    """Sums over everything divided by the number of samples, as for vectors."""
    mean = s.x.mean(axis=all_but_channels(s.x), keepdims=True)
    normal = (s.x - mean) / _deviation(s)
    d_gamma, d_beta = (over_channels(d, s.x) for d in (s.right.gamma, s.right.beta))
    return over_channels(s.gamma, s.x) / _deviation(s) * (s.dy - (d_beta + normal * d_gamma) / len(s.x))


NORMALISATION = (
    slip(
        batch_norm,
        "entries_counted_as_for_vectors",
        "axis",
        "the means of dy and dy ⊙ x̂ are divided by N; of maps a channel has N·H·W entries",
        x=_means_over_the_batch_only,
        needs="spatial axes",
    ),
    slip(
        batch_norm,
        "scale_of_centred_input",
        "wrong input",
        "dγ sums dy ⊙ (x - μ); it has to be the normalised x̂",
        gamma=lambda s: s.right.gamma * _deviation(s).ravel(),
    ),
    slip(
        batch_norm,
        "scale_and_shift_exchanged",
        "order",
        "dγ and dβ are returned in each other's place",
        gamma=lambda s: s.right.beta,
        beta=lambda s: s.right.gamma,
    ),
)

COSTS: tuple[Mistake, ...] = (*SOFTMAX, *CROSS_ENTROPY, *SQUARED_ERROR, *DECAY, *NORMALISATION)
