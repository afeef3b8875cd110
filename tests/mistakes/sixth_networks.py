"""The sixth set, whole small networks whose backward is one function, as in a toolbox or a blog post."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.networks import perceptron, sigmoid_net, toolbox, with_decay
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import slip

DECAY = 0.5
_TOOLBOX = toolbox((("i",), ("c", 2, 3), ("s", 2)), (8, 6), 3)
_PERCEPTRON = perceptron((5, 4, 4, 3))
_DECAYED = with_decay(sigmoid_net("mean", (6, 6), maps=2, kernel=3), DECAY)


def _inputs(names: tuple[str, ...], s: Any) -> list[Any]:
    return [getattr(s, name) for name in names]


def _slope_on_the_vector(s: Any) -> dict[str, Any]:
    """The vector's gradient times fv(1 - fv), then on through pooling and convolution."""
    trace = _TOOLBOX.trace(*_inputs(_TOOLBOX.inputs, s), dy=s.dy)
    fv = trace["fv"].output
    maps = _TOOLBOX.until("fv")
    _, backward = maps.vjp(*_inputs(maps.inputs, s))
    return dict(zip(maps.inputs, backward(trace["ffW"].gradients["x"] * fv * (1 - fv)), strict=True))


def _slope_of_the_last(s: Any) -> Any:
    """The first hidden layer's δ with the slope of the second."""
    trace = _PERCEPTRON.trace(*_inputs(_PERCEPTRON.inputs, s), dy=s.dy)
    return trace["H2"].cotangent @ getattr(s, "H2.w") * (1 - np.tanh(trace["O3"].inputs[0]) ** 2)


def _decay_averaged(s: Any, name: str) -> Any:
    decay = s.dy * DECAY * getattr(s, name)
    return getattr(s.right, name) - decay + decay / len(s.x)


NETWORKS: tuple[Mistake, ...] = (
    slip(
        _TOOLBOX,
        "sixth_toolbox_slope_after_pooling",
        "extra factor",
        "the gradient of the feature vector is multiplied by fv(1 - fv) although the last layer is a pooling, which "
        "has no sigmoid; that factor belongs there only if the last layer is a convolution, so C2.w, C2.b and x get "
        "it once too often",
        **{
            "x": lambda s: _slope_on_the_vector(s)["x"],
            "C2.w": lambda s: _slope_on_the_vector(s)["C2.w"],
            "C2.b": lambda s: _slope_on_the_vector(s)["C2.b"],
        },
    ),
    slip(
        _PERCEPTRON,
        "sixth_perceptron_slope_not_renewed",
        "stale cache",
        "the slope f'(a) is computed once for the last hidden layer and used for the first one too, so delta of H1, "
        "and with it H1.w, H1.b and x, has the slope of H2; each layer must use the slope at its own a",
        **{
            "x": lambda s: _slope_of_the_last(s) @ getattr(s, "H1.w"),
            "H1.w": lambda s: _slope_of_the_last(s).T @ s.x,
            "H1.b": lambda s: _slope_of_the_last(s).sum(axis=0),
        },
    ),
    slip(
        _DECAYED,
        "sixth_sigmoid_net_decay_averaged",
        "constant factor",
        "the decay is added to the summed gradients before the division by the batch size, (sum dW + decay W)/m; it "
        "must be added after it, sum dW/m + decay W, so the decay part of both weights is too small by m",
        **{
            "C1.w": lambda s: _decay_averaged(s, "C1.w"),
            "O3.w": lambda s: _decay_averaged(s, "O3.w"),
        },
        needs="a batch of more than one sample",
    ),
)

ALSO: dict[str, tuple[str, ...]] = {
    "sixth_toolbox_slope_after_pooling": ("activation derivative", "added term"),
    "sixth_perceptron_slope_not_renewed": ("activation derivative", "wrong input"),
    "sixth_sigmoid_net_decay_averaged": ("extra factor", "order", "missing term"),  # part of the decay is missing
}
