"""What a planted mistake is: a right layer's ``vjp`` wrapped, and a note of whether that has changed anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, is_differentiable, outputs_of
from cnngrad.core.layer import Backward, Layer, Vjp

# What is changed by less than this share of the largest entry counts as unchanged: it may be rounding.
LEAST = 1e-9

GRADIENTS, INPUTS, WHOLE = "each gradient", "each input", "the layer"


@dataclass
class Note:
    """Whether what was planted has made a difference yet."""

    made_a_difference: bool = False

    def compare(self, right: Any, wrong: Any) -> None:
        """Remember a difference between what is right and what is there instead."""
        self.made_a_difference |= differs(right, wrong)


@dataclass(frozen=True)
class Site:
    """Where a mistake is planted.

    Attributes:
        layer: the right one.
        name: the input it concerns; empty where it concerns the whole layer.
        note: of whether it made a difference.
    """

    layer: Layer
    name: str = ""
    note: Note = field(default_factory=Note)

    @property
    def position(self) -> int:
        return self.layer.inputs.index(self.name)

    def sample_axis(self, name: str) -> int | None:
        """The declared axis of samples of an input, or of the output under ``"y"``."""
        declared = self.layer.batch_axis
        if isinstance(declared, int):
            return declared if name in (self.layer.inputs[0], "y") else None
        return (declared or {}).get(name)


Plant = Callable[[Vjp, Site], Vjp]
Change = Callable[[Array, "Seen"], Any]


def nowhere_impossible(site: Site) -> str:
    """Nothing speaks against planting it."""
    return ""


@dataclass(frozen=True)
class Mistake:
    """A known way to be wrong.

    Attributes:
        name: what is wrong, in words: ``"times 2"``.
        plant: from the right ``vjp`` to the wrong one.
        at: whether it is planted for each gradient, for each input, or once for the layer.
        impossible: why it cannot be planted at a site; empty where it can.
    """

    name: str
    plant: Plant
    at: str = WHOLE
    impossible: Callable[[Site], str] = nowhere_impossible

    def sites(self, layer: Layer, only: Sequence[str] = ()) -> list[Site]:
        """Everywhere it is to be planted: in the inputs of these names, in all of them if none is given."""
        names = {GRADIENTS: layer.differentiable, INPUTS: layer.inputs, WHOLE: ("",)}[self.at]
        return [Site(layer, name) for name in names if not only or not name or name in only]

    def planted(self, site: Site) -> Layer:
        """The site's layer with the mistake in it, and none of the mistake's memory of earlier calls."""
        return replace(site.layer, vjp=self.plant(site.layer.vjp, site), shared=None)


@dataclass(frozen=True)
class Seen:
    """What a wrong backward can see: one call."""

    site: Site
    inputs: tuple[Any, ...]
    y: Any
    dy: Any

    @property
    def samples(self) -> int:
        """How many there are: along the declared axis of the first input that has one, else along its first axis."""
        layer = self.site.layer
        for name, value in zip(layer.inputs, self.inputs, strict=True):
            axis = self.site.sample_axis(name)
            if axis is not None:
                return int(np.shape(value)[axis])
        return len(self.inputs[0]) if np.ndim(self.inputs[0]) else 1


def in_gradient(name: str, change: Change, impossible: Callable[[Site], str] = nowhere_impossible) -> Mistake:
    """A mistake in one gradient at a time, as a function of the right one.

    >>> from cnngrad.layers import relu
    >>> twice = in_gradient("times 2", lambda g, seen: 2 * g)
    >>> y, backward = twice.planted(Site(relu, "x"))([1.0, -1.0])
    >>> backward([3.0, 3.0])[0].tolist()
    [6.0, 0.0]
    """

    def plant(vjp: Vjp, site: Site) -> Vjp:
        def wrong(gradients: list[Any], seen: Seen) -> list[Any]:
            right = gradients[site.position]
            if right is None or np.size(right) == 0:
                return gradients
            gradients[site.position] = _exchanged(site, right, change(np.array(right), seen))
            return gradients

        return _with_backward(vjp, site, lambda backward, seen: wrong(_all(backward, seen.dy), seen))

    return Mistake(name, plant, GRADIENTS, lambda site: impossible(site) or _zero_on_purpose(site))


def in_cotangent(name: str, change: Change, impossible: Callable[[Site], str] = nowhere_impossible) -> Mistake:
    """A mistake in the ``dy`` that the backward works with, each output's part by itself."""

    def plant(vjp: Vjp, site: Site) -> Vjp:
        def wrong(backward: Backward, seen: Seen) -> list[Any]:
            # In C order, as compiled code may want it.
            parts = [p if p is None else np.array(change(np.array(p), seen), order="C") for p in outputs_of(seen.dy)]
            gradients = _all(backward, tuple(parts) if isinstance(seen.dy, tuple) else parts[0])
            if any(np.any(g) for g in gradients if g is not None):
                for part, other in zip(outputs_of(seen.dy), parts, strict=True):
                    site.note.compare(part, other)
            return gradients

        return _with_backward(vjp, site, wrong)

    return Mistake(name, plant, WHOLE, impossible)


def _with_backward(vjp: Vjp, site: Site, wrong: Callable[[Backward, Seen], list[Any]]) -> Vjp:
    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*inputs, **config)
        return y, lambda dy: wrong(backward, Seen(site, inputs, y, dy))

    return planted


def _all(backward: Backward, dy: Any) -> list[Any]:
    return list(outputs_of(backward(dy)))


def _exchanged(site: Site, right: Any, wrong: Any) -> Any:
    """The wrong gradient, in the type of the right one where it is an array; the right one itself if they are equal."""
    if not differs(right, wrong):
        return right
    site.note.compare(right, wrong)
    return wrong


def _zero_on_purpose(site: Site) -> str:
    return "its gradient is zero on purpose (zero_gradient)" if site.name in site.layer.zero_gradient else ""


def differs(right: Any, wrong: Any) -> bool:
    """Whether one array is not the other: another shape or type, or an entry further off than rounding takes it.

    >>> differs(np.ones(2), np.array([1.0, 1.0 + 1e-12])), differs(np.ones(2), np.ones((1, 2)))
    (False, True)
    """
    if right is None or wrong is None:
        return right is not wrong
    a, b = np.asarray(right), np.asarray(wrong)
    if a.shape != b.shape or a.dtype != b.dtype:
        return True
    if not is_differentiable(a):
        return not np.array_equal(a, b)
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= LEAST * np.max(np.abs(a), initial=0.0))
    return not bool(np.all(same))
