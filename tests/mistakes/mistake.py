"""What a planted mistake is: a right layer, the same with one wrong thing in its backward, and the words for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.core.layer import Layer, Vjp

WrongGradient = Callable[[Any], Any]


@dataclass(frozen=True)
class Mistake:
    """A wrong hand derivation, as data.

    Attributes:
        name: of the mistake and of the wrong layer.
        layer: the right twin.
        family: the kind of mistake, in a word or two.
        says: the sentence that the person who made it should read.
        vjp: the right forward with the wrong backward.
        expected: the inputs whose gradient is wrong.
        needs: what a configuration must have for the mistake to show; empty where it shows everywhere.
    """

    name: str
    layer: Layer
    family: str
    says: str
    vjp: Vjp
    expected: tuple[str, ...]
    needs: str = ""

    @property
    def wrong(self) -> Layer:
        """The layer that has the mistake."""
        return replace(self.layer, vjp=self.vjp, name=self.name)

    @property
    def is_held_back(self) -> bool:
        """Whether it is kept for measuring and never looked at while rules are written: half of all, by the name."""
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 1


def planted(layer: Layer, name: str, family: str, says: str, /, *, needs: str = "", **wrong: WrongGradient) -> Mistake:
    """A mistake in the gradients of the named inputs, each computed from what a backward can see."""
    return Mistake(name, layer, family, says, spoil(layer, wrong), tuple(wrong), needs)


def spoil(layer: Layer, wrong: dict[str, WrongGradient]) -> Vjp:
    """The layer's ``vjp`` with some of its gradients replaced.

    Each wrong gradient is a function of one namespace: every input by its name, the output ``out``, the cotangent
    ``dy``, the right gradients ``right.<input>`` and the keywords ``config``.
    """

    def vjp(*inputs: Any, **config: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        out, backward = layer.vjp(*inputs, **config)

        def wrong_backward(dy: Any) -> tuple[Any, ...]:
            gradients = dict(zip(layer.inputs, backward(dy), strict=True))
            named = dict(zip(layer.inputs, (np.array(value) for value in inputs), strict=True))
            seen = SimpleNamespace(**named, out=out, dy=np.array(dy), right=SimpleNamespace(**gradients), config=config)
            return tuple(wrong[name](seen) if name in wrong else gradients[name] for name in layer.inputs)

        return out, wrong_backward

    return vjp


def spatial(array: Any) -> tuple[int, ...]:
    """All axes but the first two."""
    return tuple(range(2, np.ndim(array)))


def all_but_channels(array: Any) -> tuple[int, ...]:
    """The axes that a gradient of one number a channel sums over."""
    return (0, *spatial(array))


def over_channels(vector: Any, like: Any) -> Any:
    """One number a channel, ready to multiply ``(N, C, *S)``."""
    return np.reshape(vector, (-1, *[1] * (np.ndim(like) - 2)))


def rot180(kernel: Any) -> Any:
    """Turned along every spatial axis."""
    return np.flip(kernel, spatial(kernel))


def only_sample(array: Any, number: int) -> Any:
    """The array with every sample but one set to zero."""
    kept = np.zeros_like(array)
    kept[number] = array[number]
    return kept


def without_last(array: Any, axis: int = 0) -> Any:
    """The array with its last entries along an axis set to zero, as a loop that stops one short leaves them."""
    kept = np.array(array)
    np.moveaxis(kept, axis, 0)[-1] = 0
    return kept


def one_sign(array: Any) -> Any:
    """The array with the sign of its last entry turned."""
    turned = np.array(array)
    turned.flat[-1] *= -1
    return turned
