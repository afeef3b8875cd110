"""What the sets of mistakes from the third on are written with."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.core.layer import Layer
from cnngrad.layers._windows import Windows, windows
from tests.mistakes.mistake import Mistake, WrongGradient, planted

Share = Callable[[int], Any]


def slip(layer: Layer, name: str, family: str, says: str, /, *, needs: str = "", **wrong: WrongGradient) -> Mistake:
    """A mistake whose gradients keep the type of their inputs, so that only its numbers are wrong."""
    kept = {given: _kept(given, gradient) for given, gradient in wrong.items()}
    return planted(layer, name, family, says, needs=needs, **kept)


def _kept(name: str, gradient: WrongGradient) -> WrongGradient:
    def of_its_type(s: Any) -> Any:
        like = getattr(s, name)
        with np.errstate(all="ignore"):
            return np.asarray(gradient(s), like.dtype).reshape(like.shape)

    return of_its_type


def again(layer: Layer, s: Any, *, dy: Any = None, config: dict[str, Any] | None = None, **changed: Any) -> Any:
    """The gradients of a layer called once more with something else in the place of an input, ``dy`` or the config."""
    inputs = [changed.get(name, getattr(s, name, None)) for name in layer.inputs]
    _, backward = layer.vjp(*inputs, **(s.config if config is None else config))
    return SimpleNamespace(**dict(zip(layer.inputs, backward(s.dy if dy is None else dy), strict=True)))


def conv_geometry(s: Any) -> Windows:
    return windows("conv", s.x.shape[2:], s.w.shape[2:], **s.config)


def pool_geometry(s: Any) -> Windows:
    placed = {name: s.config[name] for name in ("stride", "pad")}
    return windows("pool", s.x.shape[2:], s.config["window"], **placed)


def scattered(g: Windows, share: Share, step: tuple[int, ...] | None = None, late: Any = 0, add: bool = True) -> Any:
    """``dx``: every window's share put where its entries come from, window after window.

    Args:
        share: for a tap's number, what each window gives to that tap, ``(N, C, *T)``.
        step: from one window to the next; the stride if left out.
        late: how far all of it lies too far down, one number or one an axis.
        add: whether windows that overlap add up.
    """
    shares = [np.asarray(share(number)) for number in range(int(np.prod(g.kernel)))]
    padded = np.zeros((*shares[0].shape[:2], *g.padded), shares[0].dtype)
    for t in np.ndindex(*g.out):
        for number, k in enumerate(np.ndindex(*g.kernel)):
            at = places(t, k, step or g.stride, g.dilation, late)
            if all(0 <= place < side for place, side in zip(at, g.padded, strict=True)):
                value = shares[number][(..., *t)]
                padded[(..., *at)] = padded[(..., *at)] + value if add else value
    return g.crop(padded)


def places(t: Any, k: Any, step: Any, dilation: Any, late: Any = 0) -> tuple[int, ...]:
    """Where tap ``k`` of window ``t`` lies in the padded input."""
    moved = np.broadcast_to(late, len(k))
    return tuple(i * s + j * d + m for i, j, s, d, m in zip(t, k, step, dilation, moved, strict=True))


def routed(s: Any, size: Any, place_of: Callable[[Any, Windows], Any], add: bool = True) -> Any:
    """Max pooling's ``dx`` with all of ``dy`` at a place of one's own choice in each window.

    Args:
        size: what the maximum is sought of, ``-inf`` where it is padding.
        place_of: from the number of the maximum inside its window, and the geometry, the number it is taken for.
    """
    g = pool_geometry(s)
    padded = g.pad_with(size, -np.inf)
    place = place_of(np.stack([padded[tap] for tap in g.taps()]).argmax(axis=0), g)
    dx = np.zeros_like(padded)
    for t in np.ndindex(*g.out):
        for number, k in enumerate(np.ndindex(*g.kernel)):
            here = place[(..., *t)] == number
            at = (..., *places(t, k, g.stride, g.dilation))
            dx[at] = np.where(here, s.dy[(..., *t)] + (dx[at] if add else 0), dx[at])
    return g.crop(dx)
