"""Layers that are wrong where one feature of the configuration or of the numbers holds, and right everywhere else.

Each is data: where it is wrong, in which gradient, and the smallest configuration at which that shows. Only the entry
of largest size is wrong there, twice what it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.core.layer import Layer
from tests.wrong_at.layers import TWINS, conv, max_pool, mean_pool, sizes_of

Holds = Callable[[Any], bool]


@dataclass(frozen=True)
class WrongAt:
    """A layer wrong at one feature.

    Attributes:
        feature: its name, and that of the layer.
        twin: the right layer.
        input: whose gradient is wrong.
        holds: of the sizes, of ``x``, ``w`` and ``b`` (where there are any) and of ``dy``.
        smallest: the sizes above their lowest in the smallest configuration, as text; several where there are several.
    """

    feature: str
    twin: Layer
    input: str
    holds: Holds
    smallest: tuple[str, ...]

    @property
    def layer(self) -> Layer:
        """The layer that has the mistake, with no more declared than its twin has."""
        return replace(self.twin, vjp=self._vjp, name=f"{self.twin.name} wrong at {self.feature}")

    def _vjp(self, *inputs: Any, **config: Any) -> Any:
        y, backward = self.twin.vjp(*inputs, **config)
        names = dict(zip(self.twin.inputs, (np.array(value) for value in inputs), strict=True))
        sizes = dict(sizes_of(self.twin, inputs, config))

        def wrong(dy: Any) -> Any:
            gradients = dict(zip(self.twin.inputs, backward(dy), strict=True))
            if self.holds(SimpleNamespace(**sizes, **names, dy=np.array(dy))):
                spoilt = gradients[self.input]
                spoilt.flat[np.argmax(np.abs(spoilt))] *= 2
            return tuple(gradients.values())

        return y, wrong


def remainder(d: Any) -> bool:
    """The windows leave rows or columns over."""
    return bool((d.height + 2 * d.pad - d.kh) % d.stride or (d.width + 2 * d.pad - d.kw) % d.stride)


def larger(d: Any) -> bool:
    """The window is larger than the stride along an axis."""
    return bool(max(d.kh, d.kw) > d.stride)


FEATURES: tuple[WrongAt, ...] = (
    WrongAt("window larger than stride", max_pool, "x", larger, ("height=2 kh=2", "width=2 kw=2")),
    WrongAt("window larger than stride, mean", mean_pool, "x", larger, ("height=2 kh=2", "width=2 kw=2")),
    WrongAt("stride larger than window", mean_pool, "x", lambda d: d.stride > max(d.kh, d.kw), ("stride=2",)),
    WrongAt("stride", conv, "w", lambda d: d.stride > 1, ("stride=2",)),
    WrongAt("stride of 3", conv, "x", lambda d: d.stride == 3, ("stride=3",)),
    WrongAt("padding", conv, "x", lambda d: d.pad > 0, ("pad=1",)),
    WrongAt("padding of the pool", max_pool, "x", lambda d: d.pad > 0, ("kh=2 kw=2 pad=1",)),
    WrongAt("padding larger than half the kernel", conv, "w", lambda d: 2 * d.pad > max(d.kh, d.kw), ("pad=1",)),
    WrongAt("no padding", conv, "x", lambda d: d.pad == 0, ("",)),
    WrongAt("remainder", conv, "w", remainder, ("height=2 stride=2", "width=2 stride=2")),
    WrongAt("sizes the pool does not divide", mean_pool, "x", remainder, ("height=2 stride=2", "width=2 stride=2")),
    WrongAt("H != W", conv, "x", lambda d: d.height != d.width, ("height=2", "width=2")),
    WrongAt("H > W", mean_pool, "x", lambda d: d.height > d.width, ("height=2",)),
    WrongAt("H = W beyond 1", mean_pool, "x", lambda d: d.height == d.width > 1, ("height=2 width=2",)),
    WrongAt("even kernel", conv, "w", lambda d: d.kh % 2 == 0, ("height=2 kh=2", "kh=2 pad=1")),
    WrongAt("even square kernel", conv, "x", lambda d: d.kh == d.kw and d.kh % 2 == 0,
            ("height=2 width=2 kh=2 kw=2", "kh=2 kw=2 pad=1")),
    WrongAt("kernel other than 3", conv, "x", lambda d: (d.kh, d.kw) != (3, 3), ("",)),
    WrongAt("kernel of 3", conv, "x", lambda d: d.kh == d.kw == 3, ("height=3 width=3 kh=3 kw=3", "kh=3 kw=3 pad=1")),
    WrongAt("kernel larger than 3", conv, "w", lambda d: d.kw > 3,
            ("width=4 kw=4", "width=2 kw=4 pad=1", "kw=4 pad=2")),
    WrongAt("kernel of 1", conv, "w", lambda d: d.kh == d.kw == 1, ("",)),
    WrongAt("rectangular kernel", conv, "w", lambda d: d.kh != d.kw,
            ("height=2 kh=2", "width=2 kw=2", "kh=2 pad=1", "kw=2 pad=1")),
    WrongAt("rectangular window", max_pool, "x", lambda d: d.kh != d.kw, ("height=2 kh=2", "width=2 kw=2")),
    WrongAt("kernel as large as the input", conv, "w", lambda d: d.kh == d.height > 1, ("height=2 kh=2",)),
    WrongAt("batch", conv, "b", lambda d: d.n > 1, ("n=2",)),
    WrongAt("batch of the pool", mean_pool, "x", lambda d: d.n > 1, ("n=2",)),
    WrongAt("batch of 1", conv, "w", lambda d: d.n == 1, ("",)),
    WrongAt("several channels", conv, "x", lambda d: d.c > 1, ("c=2",)),
    WrongAt("more kernels than channels", conv, "w", lambda d: d.f > d.c, ("f=2",)),
    WrongAt("every side 1", mean_pool, "x", lambda d: d.x.size == 1, ("",)),
    WrongAt("last entry negative", conv, "x", lambda d: d.x.flat[-1] < 0, ("",)),
    WrongAt("last weight negative", conv, "x", lambda d: d.w.flat[-1] < 0, ("",)),
    WrongAt("first entry positive", mean_pool, "x", lambda d: d.x.flat[0] > 0, ("",)),
    WrongAt("bias positive", conv, "b", lambda d: d.b.flat[0] > 0, ("",)),
    WrongAt("largest entry of the input negative", mean_pool, "x", lambda d: d.x.max() < 0, ("",)),
    WrongAt("last cotangent negative", conv, "b", lambda d: d.dy.flat[-1] < 0, ("",)),
)  # fmt: skip  # a table: what belongs together stays on one line

PAIRS: tuple[WrongAt, ...] = (
    WrongAt("padding and stride", conv, "x", lambda d: d.pad > 0 and d.stride > 1,
            ("kh=2 kw=2 stride=2 pad=1", "height=2 width=2 stride=2 pad=1", "stride=2 pad=2")),
    WrongAt("remainder and an even kernel", conv, "w", lambda d: remainder(d) and d.kh % 2 == 0 and d.kw % 2 == 0,
            ("kh=2 kw=2 stride=2 pad=1", "height=2 width=3 kh=2 kw=2 stride=2",
             "height=3 width=2 kh=2 kw=2 stride=2")),
    WrongAt("a pool's usual stride and a remainder", mean_pool, "x",
            lambda d: d.pad == 0 and d.kh == d.kw == d.stride > 1 and remainder(d),
            ("height=3 width=2 kh=2 kw=2 stride=2", "height=2 width=3 kh=2 kw=2 stride=2")),
    WrongAt("batch and padding", conv, "b", lambda d: d.n > 1 and d.pad > 0, ("n=2 pad=1",)),
    WrongAt("H != W and overlap", mean_pool, "x", lambda d: d.height != d.width and larger(d),
            ("height=2 kh=2", "width=2 kw=2")),
    WrongAt("stride and a rectangular kernel", conv, "w", lambda d: d.stride > 1 and d.kh != d.kw,
            ("height=2 kh=2 stride=2", "width=2 kw=2 stride=2")),
    WrongAt("H != W and a negative last entry", conv, "x", lambda d: d.height != d.width and d.x.flat[-1] < 0,
            ("height=2", "width=2")),
)  # fmt: skip  # a table: what belongs together stays on one line

ALL = (*FEATURES, *PAIRS)

__all__ = ["ALL", "FEATURES", "PAIRS", "TWINS", "WrongAt"]
