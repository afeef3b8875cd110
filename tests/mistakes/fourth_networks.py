"""The fourth set's mistakes in whole networks, written without sight of the rules or of the other sets.

A network here is one hand-written function, not a chain whose stages can be looked at: what a program has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cnngrad.core.layer import Backward, Layer, Vjp
from cnngrad.layers import conv2d, dense, flatten, max_pool, relu, softmax_cross_entropy
from cnngrad.networks import Chain, chain, one_hot_rows, perceptron, sigmoid_net, toolbox, with_decay
from tests.mistakes.mistake import Mistake, WrongGradient, spoil
from tests.mistakes.slips import slip

BATCH = {"batch > 1": lambda point: len(point["x"]) > 1}


def whole(net: Layer) -> Layer:
    """A network as one function, for one or two examples."""
    shapes = net.shapes_at({})
    target = net.constants[0]

    def shapes_of(d: Any) -> dict[str, tuple[int, ...]]:
        return {name: (d.n, *shape[1:]) if name in ("x", target) else shape for name, shape in shapes.items()}

    facts = net.facts | {"parts": None, "dims": {"n": (1, 2)}, "shapes": shapes_of, "features": BATCH}
    return Layer(net.vjp, name=net.name, **facts)


def through(net: Chain, **wrong: Mapping[str, WrongGradient]) -> Vjp:
    """The network with the gradients of some stages spoilt; it hands on what comes of that."""
    spoilt = {
        name: replace(net.stages[name], vjp=spoil(net.stages[name], gradients)) for name, gradients in wrong.items()
    }
    return chain(**{**net.stages, **spoilt}).vjp


DEEP = perceptron((4, 4, 4, 3))


def _weights_of_the_layer_below() -> Vjp:
    """δ_1 = (δ_2 W_1) ⊙ f'(a_1), an index one too low; all hidden layers have the same width."""

    def vjp(*inputs: Any) -> tuple[Any, Backward]:
        given = dict(zip(DEEP.inputs, inputs, strict=True))
        wrong = {"z": lambda s: s.dy @ np.array(given["H1.w"]) * (1 - np.tanh(s.z) ** 2)}
        return through(DEEP, H2=wrong)(*inputs)

    return vjp


def _gradients_never_cleared() -> Vjp:
    """A network on one object, which adds up the gradients of its parameters and is not told to start afresh."""
    kept: dict[str, Any] = {}

    def vjp(*inputs: Any) -> tuple[Any, Backward]:
        loss, of_loss = DEEP.vjp(*inputs)

        def backward(de: Any) -> tuple[Any, ...]:
            gradients = dict(zip(DEEP.inputs, of_loss(de), strict=True))
            for name in DEEP.parameters:
                kept[name] = gradients[name] + kept.get(name, 0)
            return tuple(np.asarray(kept[n], g.dtype) if n in kept else g for n, g in gradients.items())

        return loss, backward

    return vjp


DEEP_MISTAKES = (
    Mistake(
        "error_through_the_weights_below",
        whole(DEEP),
        "wrong input",
        "δ of the first hidden layer goes back through its own weights; it comes through those of the next layer",
        _weights_of_the_layer_below(),
        ("x", "H1.w", "H1.b"),
    ),
    Mistake(
        "parameter_gradients_never_cleared",
        whole(DEEP),
        "accumulated",
        "the gradients of the last call are still there when the next ones are added: set them to zero first",
        _gradients_never_cleared(),
        DEEP.parameters,
    ),
)

PROGRAM = toolbox((("i",), ("c", 2, 3), ("s", 2)), (8, 6), 3)
BELOW_POOLING = ("x", "C2.w", "C2.b")


def _pooled_slope(s: Any) -> Any:
    slope = s.out * (1 - s.out)
    return np.kron(s.dy * slope, np.full((1, 1, 2, 2), 0.25))


PROGRAM_MISTAKES = (
    Mistake(
        "feature_vector_has_a_slope",
        whole(PROGRAM),
        "activation derivative",
        "fv(1 - fv) belongs there only if the last layer is a convolution; after pooling there is no sigmoid",
        through(PROGRAM, fv={"x": lambda s: s.right.x * s.x * (1 - s.x)}),
        BELOW_POOLING,
    ),
    Mistake(
        "feature_vector_in_rows",
        whole(PROGRAM),
        "transpose",
        "MATLAB's reshape runs down the columns; NumPy's needs order='F' within each map",
        through(PROGRAM, fv={"x": lambda s: s.dy.reshape(s.x.shape)}),
        BELOW_POOLING,
    ),
    Mistake(
        "slope_of_the_pooled_map",
        whole(PROGRAM),
        "activation derivative",
        "a(1 - a) is taken of the pooled map and then upsampled; it is that of the convolution's own map",
        through(PROGRAM, A2={"x": lambda s: s.dy}, S3={"x": _pooled_slope}),
        BELOW_POOLING,
    ),
    Mistake(
        "upsampled_over_one_side",
        whole(PROGRAM),
        "constant factor",
        "what is upsampled is divided by the scale s; a block has s² entries",
        through(PROGRAM, S3={"x": lambda s: 2 * s.right.x}),
        BELOW_POOLING,
    ),
)

DIGITS = replace(
    chain(
        C1=conv2d,
        R1=relu,
        S2=max_pool.configured(window=2),
        F2=flatten.configured(row_fastest=False),
        O3=dense,
        E=softmax_cross_entropy,
    ),
    name="small_lenet",
    shapes={"x": (2, 1, 6, 4), "C1.w": (2, 1, 3, 3), "C1.b": (2,), "O3.w": (3, 4), "O3.b": (3,), "E.t": (2, 3)},
    draw={"E.t": one_hot_rows},
)


def _softmax_slope_again(s: Any) -> Any:
    e = np.exp(s.z - s.z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return s.right.z * p * (1 - p)


def _places_of_the_first_example(s: Any) -> Any:
    maps, (height, width) = s.x.shape[:2], s.dy.shape[2:]
    blocks = s.x.reshape(*maps, height, 2, width, 2).swapaxes(3, 4).reshape(*maps, height, width, 4)
    placed = np.eye(4)[blocks[:1].argmax(axis=-1)] * s.dy[..., np.newaxis]
    return placed.reshape(*maps, height, width, 2, 2).swapaxes(3, 4).reshape(s.x.shape)


DIGITS_MISTAKES = (
    Mistake(
        "softmax_slope_after_the_fused_cost",
        whole(DIGITS),
        "activation derivative",
        "p - t is the gradient before the softmax already; p(1 - p) is applied once more",
        through(DIGITS, E={"z": _softmax_slope_again}),
        ("x", *DIGITS.parameters),
    ),
    Mistake(
        "maxima_of_the_first_example",
        whole(DIGITS),
        "pooling routing",
        "the places of the maxima are recorded for the first example only and used for all",
        through(DIGITS, S2={"x": _places_of_the_first_example}),
        ("x", "C1.w", "C1.b"),
        "batch > 1",
    ),
)

PLAIN = sigmoid_net("mean", (6, 6), maps=2, kernel=3)
DECAYED = whole(with_decay(PLAIN, 0.25))
PARAMETERS = PLAIN.parameters


def _last_example_only() -> Vjp:
    """The loop over the examples with = for +=, the sum then divided by their number."""

    def vjp(*inputs: Any) -> tuple[Any, Backward]:
        loss, of_loss = DECAYED.vjp(*inputs)
        given = dict(zip(DECAYED.inputs, inputs, strict=True))
        last = given | {name: given[name][-1:] for name in ("x", "E.t")}

        def backward(de: Any) -> tuple[Any, ...]:
            gradients = dict(zip(DECAYED.inputs, of_loss(de), strict=True))
            _, of_last = PLAIN.vjp(*last.values())
            own = dict(zip(PLAIN.inputs, of_last(de), strict=True))
            for name in PARAMETERS:
                decay = 0.25 * de * given[name] if np.ndim(given[name]) > 1 else 0
                gradients[name] = np.asarray(own[name] / len(given["x"]) + decay, gradients[name].dtype)
            return tuple(gradients.values())

        return loss, backward

    return vjp


DECAYED_MISTAKES = (
    slip(
        DECAYED,
        "biases_decay_too",
        "added term",
        "λ b is added to the gradient of the biases; only weights decay",
        **{name: lambda s, n=name: getattr(s.right, n) + 0.25 * s.dy * getattr(s, n) for name in ("C1.b", "O3.b")},
    ),
    Mistake(
        "last_example_replaces_the_others",
        DECAYED,
        "assignment",
        "ΔW = dW in the loop over the examples keeps the last one only: ΔW += dW",
        _last_example_only(),
        PARAMETERS,
        "batch > 1",
    ),
)

NETWORKS: tuple[Mistake, ...] = (*DEEP_MISTAKES, *PROGRAM_MISTAKES, *DIGITS_MISTAKES, *DECAYED_MISTAKES)
