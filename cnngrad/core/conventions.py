"""Declared conventions: backwards that are right in another sense than ``backward(dy)`` being the VJP of the forward.

A layer with a declared convention is translated into a plain one when it is made; everything else sees only that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, outputs_of
from cnngrad.core.errors import UsageError

# An activation, and its slope as a function of the activation's own output.
Activation = tuple[Callable[[Any], Any], Callable[[Any], Any]]

ACTIVATIONS: dict[str, Activation] = {
    "identity": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.where(np.real(z) > 0, z, 0 * z), lambda a: (a > 0).astype(a.dtype)),
    "sigmoid": (lambda z: 0.5 + 0.5 * np.tanh(0.5 * z), lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a * a),
}


@dataclass(frozen=True)
class Conventions:
    """What a layer declares; the fields are keywords of :class:`~cnngrad.core.layer.Layer` and of every adapter.

    Attributes:
        reduction: ``"mean"``: the gradients of parameters are averaged over the batch.
        sign: ``"descent"``: the negative gradients of parameters are stored.
        cotangent: ``"preactivation"``: the layer takes and hands down the cotangents before the activation.
        activation: that activation, by name or as ``(f, slope)``, the slope as a function of f's output.
        input_activation: what the layer's input came through, where that is another (``"identity"``: it is data).
        surrogate: a function in place of the forward, of which the backward is the derivative.
    """

    reduction: str = ""
    sign: str = ""
    cotangent: str = ""
    activation: str | Activation = ""
    input_activation: str | Activation = ""
    surrogate: Callable[..., Any] | None = None

    def __iter__(self) -> Iterator[str]:
        """What was declared, in words."""
        if self.reduction:
            yield "parameter gradients are averaged over the batch (reduction='mean')"
        if self.sign:
            yield "parameter gradients are negative (sign='descent')"
        if self.cotangent:
            yield "dy and the gradient of the input are taken before the activation (cotangent='preactivation')"
        if self.surrogate is not None:
            yield "the backward is held against the declared surrogate, not against the forward"

    def refuse_wrong(self, layer: str, batch_axis: Mapping[str, int] | int | None) -> None:
        """Refuse conventions that do not exist or lack something.

        Raises:
            UsageError: says what is accepted.
        """
        for word, accepted in (("reduction", "mean"), ("sign", "descent"), ("cotangent", "preactivation")):
            given = getattr(self, word)
            if not isinstance(given, str) or given not in ("", accepted):
                raise UsageError(
                    f"{layer}: {word}={given!r} is no convention; accepted is {accepted!r}, or leave it out"
                )
        if self.reduction and batch_axis is None:
            raise UsageError(
                f"{layer}: reduction='mean' needs the batch that is averaged over: batch_axis={{'x': 0, 'y': 0}}"
            )
        for activation in filter(_is_declared, (self.activation, self.input_activation)):
            activation_called(layer, activation)
        if bool(self.cotangent) != bool(self.activation) or (self.input_activation and not self.cotangent):
            raise UsageError(
                f"{layer}: cotangent='preactivation' and activation='sigmoid' belong together; activations by name are "
                f"{', '.join(ACTIVATIONS)}"
            )
        if self.surrogate is not None and not callable(self.surrogate):
            raise UsageError(f"{layer}: surrogate={self.surrogate!r} is no function; it takes what the forward takes")

    def translated(
        self, vjp: Callable[..., Any], layer: str, inputs: Sequence[str], batch_axis: Mapping[str, int] | int | None
    ) -> Callable[..., Any]:
        """The plain ``vjp`` of a layer with these conventions.

        >>> def halved(x, w): return x * w, lambda dy: (dy * w, np.mean(dy * x, axis=0))
        >>> plain = Conventions(reduction="mean").translated(halved, "f", ("x", "w"), {"x": 0})
        >>> plain(np.ones((4, 1)), np.ones(1))[1](np.ones((4, 1)))[1].tolist()
        [4.0]
        """
        batched = batched_inputs(inputs, batch_axis)
        outer = activation_called(layer, self.activation or "identity")
        inner = activation_called(layer, self.input_activation or self.activation or "identity")

        def plain(*values: Any, **config: Any) -> Any:
            handed = (inner[0](values[0]), *values[1:]) if self.cotangent else values
            returned = vjp(*handed, **config)
            if not (isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1])):
                return returned  # refused by whoever asked
            y, backward = returned
            factor = -1 if self.sign else 1
            if self.reduction:
                position, axis = batched[0]
                factor *= np.shape(values[position])[axis]

            def pull(dy: Any) -> tuple[Any, ...]:
                gradients = outputs_of(backward(dy * outer[1](y) if self.cotangent else dy))
                parameters = {p for p in range(len(inputs)) if p not in dict(batched)}
                return tuple(
                    _times(gradient, factor if position in parameters else 1)
                    for position, gradient in enumerate(gradients)
                )

            return (y if self.surrogate is None else self._surrogate(layer, y, values, config)), pull

        return plain

    def _surrogate(self, layer: str, y: Any, values: Sequence[Any], config: Mapping[str, Any]) -> Any:
        assert self.surrogate is not None
        instead = self.surrogate(*values, **config)
        shapes = [[np.shape(part) for part in outputs_of(out)] for out in (y, instead)]
        if shapes[0] != shapes[1]:
            raise UsageError(
                f"{layer}: the surrogate returned shape {_shapes(shapes[1])}, the forward {_shapes(shapes[0])}; "
                "both must agree"
            )
        return instead


def batched_inputs(inputs: Sequence[str], batch_axis: Mapping[str, int] | int | None) -> list[tuple[int, int]]:
    """Position and batch axis of the inputs that are data; all others are parameters.

    >>> batched_inputs(("x", "w"), {"x": 1, "y": 1}), batched_inputs(("x", "w"), None)
    ([(0, 1)], [(0, 0)])
    """
    if batch_axis is None or isinstance(batch_axis, int):
        return [(0, batch_axis or 0)]
    return [(position, batch_axis[name]) for position, name in enumerate(inputs) if name in batch_axis]


def activation_called(layer: str, given: str | Activation) -> Activation:
    """An activation by its name, or the pair itself.

    Raises:
        UsageError: an unknown name, or no pair of functions.
    """
    if isinstance(given, str) and given in ACTIVATIONS:
        return ACTIVATIONS[given]
    if isinstance(given, tuple) and len(given) == 2 and all(map(callable, given)):
        return given
    raise UsageError(
        f"{layer}: the activation {given!r} is none of {', '.join(ACTIVATIONS)}, nor a pair (f, slope) with the slope "
        "as a function of f's output: (np.tanh, lambda a: 1 - a**2)"
    )


def _is_declared(activation: Any) -> bool:
    return activation is not None and not (isinstance(activation, str) and not activation)


def _times(gradient: Any, factor: int) -> Array | Any:
    """A gradient that needs no factor stays the very object it is."""
    return gradient if gradient is None or factor == 1 else factor * np.asarray(gradient)


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))
