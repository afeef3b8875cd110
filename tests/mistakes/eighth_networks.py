"""The eighth set: slips in the training loops of whole networks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.networks import delta_recursion, perceptron, sigmoid_net, with_decay
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip

DECAY = 0.25
EQUAL = perceptron((4, 4, 4, 3))
DEEP = perceptron((6, 5, 4, 3))
DECAYED = with_decay(sigmoid_net("mean", (9, 8)), DECAY)


def _recursion(s: Any) -> Any:
    """Every δ times the loss's cotangent, and the pre-activations of the two hidden layers."""
    weights = [getattr(s, f"{stage}.w") for stage in ("H1", "H2", "O3")]
    biases = [getattr(s, f"{stage}.b") for stage in ("H1", "H2", "O3")]
    deltas = [s.dy * delta for delta in delta_recursion(s.x, getattr(s, "E.t"), weights, biases)[0]]
    first = s.x @ weights[0].T + biases[0]
    second = np.tanh(first) @ weights[1].T + biases[1]
    return SimpleNamespace(weights=weights, deltas=deltas, first=first, second=second)


def _first_delta(s: Any) -> Any:
    r = _recursion(s)
    return r.deltas[1] @ r.weights[1] * (1 - np.tanh(r.second) ** 2)


NETWORKS: tuple[Mistake, ...] = (
    slip(
        DEEP,
        "eighth_dw_from_pre_activation",
        "wrong input",
        "dW of the later layers is δ times the a of the layer before, before its activation; "
        "it must be δ times b = f(a).",
        needs="",
        **{
            "H2.w": lambda s: _recursion(s).deltas[1].T @ _recursion(s).first,
            "O3.w": lambda s: _recursion(s).deltas[2].T @ _recursion(s).second,
        },
    ),
    slip(
        EQUAL,
        "eighth_slope_of_the_next_layer",
        "wrong input",
        "The δ of the first hidden layer is multiplied with the slope f'(a) of the second, an index too far; "
        "it must be the first one's own slope.",
        needs="two hidden layers of the same width",
        **{
            "x": lambda s: _first_delta(s) @ _recursion(s).weights[0],
            "H1.w": lambda s: _first_delta(s).T @ s.x,
            "H1.b": lambda s: _first_delta(s).sum(axis=0),
        },
    ),
    slip(
        DECAYED,
        "eighth_kernels_not_decayed",
        "missing term",
        "λ W is added to the gradient of the dense weights only; the loss decays the kernels too, so C1.w needs λ W.",
        needs="",
        **{"C1.w": lambda s: getattr(s.right, "C1.w") - s.dy * DECAY * getattr(s, "C1.w")},
    ),
)
