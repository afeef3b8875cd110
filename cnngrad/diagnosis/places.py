"""Windows in the wrong place: what a wrong stride, dilation, padding or crop would give, beside the claim.

The geometry is read from the call's keywords (stride, pad, dilation, window) and the kernel's shape, and is used only
where it gives the numerical gradient. Tap k of window t reads entry ``dilation k + stride t`` of the padded input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, given, magnitude, same
from cnngrad.diagnosis.scene import Scene

_ALL: tuple[Any, ...] = (slice(None), slice(None))  # of two axes, and places after them
MOST = 6000  # pairs of tap and window in one scene


@dataclass(frozen=True)
class Axis:
    """One spatial axis: kernel, stride, dilation, padding, side of the input; strides of the opposite axis, of all."""

    kernel: int
    stride: int
    dilation: int
    pad: int
    side: int
    other_stride: int
    strides: tuple[int, ...]

    @property
    def slack(self) -> int:
        return self.side + 2 * self.pad - self.dilation * (self.kernel - 1) - 1

    @property
    def rest(self) -> int:
        """Entries at the far end that no window reaches."""
        return self.slack % self.stride

    @property
    def out(self) -> int:
        return self.slack // self.stride + 1


Place = Callable[[Axis, int, int], int]  # of the axis, tap and window: an entry of the padded input


def honest(a: Axis, k: int, t: int) -> int:
    """Where tap k of window t reads."""
    return a.dilation * k + a.stride * t


PLACES: tuple[tuple[str, Place, str], ...] = (
    ("the stride is ignored", lambda a, k, t: a.dilation * k + t,
     "window i begins at entry i · stride: add there, or spread dy first with stride - 1 zeros between its entries"),
    ("the dilation is ignored", lambda a, k, t: k + a.stride * t, "the taps are dilation entries apart"),
    ("the border of the padding is not cropped", lambda a, k, t: honest(a, k, t) + a.pad,
     "the gradient of the padded input begins pad entries earlier: take [pad : pad + side], not [: side]"),
    ("the padding is cropped twice", lambda a, k, t: honest(a, k, t) - a.pad, "cut pad entries off in front, once"),
    ("the crop begins one entry late where there is padding", lambda a, k, t: honest(a, k, t) - (a.pad > 0),
     "cut pad entries off in front, not pad + 1"),
    ("the crop begins one entry early where there is padding", lambda a, k, t: honest(a, k, t) + (a.pad > 0),
     "cut pad entries off in front, not pad - 1"),
    ("dy is spread with one zero too many", lambda a, k, t: a.dilation * k + (a.stride + (a.stride > 1)) * t,
     "put stride - 1 zeros between the entries of dy, not stride"),
    ("dy is spread with one zero too few", lambda a, k, t: a.dilation * k + (a.stride - (a.stride > 1)) * t,
     "put stride - 1 zeros between the entries of dy"),
    ("the kernel is spread with one zero too many", lambda a, k, t: (a.dilation + (a.dilation > 1)) * k + a.stride * t,
     "put dilation - 1 zeros between the taps, not dilation"),
    ("the stride of one axis is used for another", lambda a, k, t: a.dilation * k + a.other_stride * t,
     "take each axis' own stride"),
    ("the stride of the first axis is used for every axis", lambda a, k, t: a.dilation * k + a.strides[0] * t,
     "take each axis' own stride"),
    ("the stride of the last axis is used for every axis", lambda a, k, t: a.dilation * k + a.strides[-1] * t,
     "take each axis' own stride"),
    ("the window's side is taken for the stride", lambda a, k, t: a.dilation * k + a.kernel * t,
     "windows are stride entries apart; they need not touch"),
    ("stride and dilation are exchanged", lambda a, k, t: a.stride * k + a.dilation * t,
     "windows are stride entries apart, taps dilation entries"),
    ("the taps are stride entries apart", lambda a, k, t: a.stride * (k + t), "the taps are dilation entries apart"),
    ("the remainder is put in front", lambda a, k, t: honest(a, k, t) + a.rest,
     "append the zeros of the remainder behind: no window reads the far end"),
    ("half the kernel is cropped in the place of the padding", lambda a, k, t: honest(a, k, t) + a.pad - a.kernel // 2,
     "cut pad entries off in front, whatever the kernel"),
    ("a padding of half the spread kernel is cropped, as if the output had the input's sides",
     lambda a, k, t: honest(a, k, t) + a.pad - a.dilation * (a.kernel - 1) // 2, "cut pad entries off in front"),
    ("kernel - 1 entries are cropped in the place of the padding",
     lambda a, k, t: honest(a, k, t) + a.pad - (a.kernel - 1), "cut pad entries off in front, whatever the kernel"),
    ("everything is one entry too far", lambda a, k, t: honest(a, k, t) + 1,
     "a window begins at i · stride - pad, counted from 0; a full correlation pads dy with kernel - 1 zeros"),
    ("everything is one entry too near", lambda a, k, t: honest(a, k, t) - 1,
     "a window begins at i · stride - pad, counted from 0; a full correlation pads dy with kernel - 1 zeros"),
    ("the windows begin at the last tap, not the first", lambda a, k, t: honest(a, k, t) - a.dilation * (a.kernel - 1),
     "a full correlation begins kernel - 1 entries before the first entry"),
)  # fmt: skip  # a table: what belongs together stays on one line


def wrong_places(failure: Failure) -> Iterator[Suspect]:
    """Each of these, where the geometry is known and gives the right gradient."""
    name = failure.name
    smooth = [s for s in failure.wrong if np.all(np.isfinite(s.n))]
    if not smooth or 2 * len(smooth) < len(failure.wrong) or not all(_recognised(s) for s in smooth):
        return
    for words, place, advice in PLACES:
        family = "geometry"
        if name != failure.layer.inputs[0] and words.startswith("the border"):
            family, words = "wrong input", f"{failure.layer.inputs[0]} is read without its padding"
            advice = "read the padded input, as the forward does"
        yield from failure.lead(family, f"in the gradient of {name} {words}", given(_predicted, place), advice)


def _recognised(s: Scene) -> bool:
    """Whether the geometry of the keywords gives the numerical gradient."""
    right = _predicted(s, honest)
    if right is None:
        return False
    matched = same(right, s.n, magnitude(s))
    return matched is not None and matched > 0


def _predicted(s: Scene, place: Place) -> Array | None:
    axes = _axes(s)
    if axes is None or math.prod(a.kernel * a.out for a in axes) > MOST:
        return None
    if s.name == next(iter(s.inputs)):
        return _of_input(s, axes, place)
    if s.value.ndim == len(axes) + 2 and s.name == _kernel_name(s):
        return _of_kernel(s, axes, place)
    return None


def is_channels_last(s: Scene) -> bool:
    """Whether the channels come last: where the kernel's last axis, and not its second, is as long as the input's."""
    kernel, x = _kernel_name(s), next(iter(s.inputs.values()))
    if not kernel or len(s.y_shape) < 2:
        return False
    w = s.inputs[kernel].shape
    fits_first = w[1] == x.shape[1] and s.y_shape[1] == w[0]
    return not fits_first and w[-1] == x.shape[-1] and s.y_shape[-1] == w[0]


def _kernel_name(s: Scene) -> str:
    x = next(iter(s.inputs.values()))
    names = [n for n, v in s.inputs.items() if v.ndim == x.ndim >= 3]
    return names[1] if len(names) > 1 else ""


def _first(s: Scene, a: Array) -> Array:
    """The channels on axis 1."""
    return np.moveaxis(a, -1, 1) if is_channels_last(s) else a


def _back(s: Scene, a: Array) -> Array:
    return np.moveaxis(a, 1, -1) if is_channels_last(s) else a


def _axes(s: Scene) -> tuple[Axis, ...] | None:
    x = next(iter(s.inputs.values()))
    rank = x.ndim - 2
    if rank < 1 or len(s.y_shape) != x.ndim:
        return None
    kernel = _kernel_name(s)
    sides = _first(s, s.inputs[kernel]).shape[2:] if kernel else _keyword(s, rank, "window", "kernel_size", "size")
    window = _keyword(s, rank, "window", "kernel_size", "size")
    stride = _keyword(s, rank, "stride", "strides") or (window if window and not kernel else (1,) * rank)
    pad = _keyword(s, rank, "pad", "padding") or (0,) * rank
    dilation = _keyword(s, rank, "dilation", "rate") or (1,) * rank
    if not sides:
        return None
    every = zip(sides, stride, dilation, pad, _first(s, x).shape[2:], stride[::-1], (stride,) * rank, strict=True)
    axes = tuple(Axis(*each) for each in every)
    return axes if tuple(a.out for a in axes) == _first(s, s.out).shape[2:] else None


def _keyword(s: Scene, rank: int, *names: str) -> tuple[int, ...]:
    for name in names:
        value = s.numbers.get(name)
        if value is not None and np.asarray(value).dtype.kind == "i" and np.size(value) in (1, rank):
            return tuple(int(v) for v in np.broadcast_to(value, (rank,)))
    return ()


@lru_cache(maxsize=64)
def _pairs(
    axes: tuple[Axis, ...], place: Place
) -> tuple[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], ...]:
    """Every tap and window, with the entry of the input that it stands for; it may lie outside."""
    found = []
    for k in np.ndindex(*(a.kernel for a in axes)):
        for t in np.ndindex(*(a.out for a in axes)):
            found.append((k, t, tuple(int(place(a, i, j)) - a.pad for a, i, j in zip(axes, k, t, strict=True))))
    return tuple(found)


def _at(where: tuple[int, ...]) -> Any:
    """One place of all samples and maps."""
    return (..., *where)


def _inside(where: tuple[int, ...], axes: tuple[Axis, ...]) -> bool:
    return all(0 <= i < a.side for i, a in zip(where, axes, strict=True))


def _of_input(s: Scene, axes: tuple[Axis, ...], place: Place) -> Array:
    """Every output's shares of the right gradient, moved from their right places to these."""
    dy, shares = _first(s, s.cotangent), _shares(s, axes)
    moved = np.zeros(_first(s, s.value).shape)
    for k, t, where in _pairs(axes, place):
        if _inside(where, axes):
            moved[_at(where)] += np.einsum("nf,nfc->nc", dy[_at(t)], shares[k, t])
    return _back(s, moved)


def _shares(s: Scene, axes: tuple[Axis, ...]) -> dict[tuple[tuple[int, ...], tuple[int, ...]], Array]:
    """What each output pays through each tap, ``(N, F, C)``; where a tap lies in the padding, what it would pay."""
    if "shares" in s.kept:
        return s.kept["shares"]  # type: ignore[no-any-return]  # whatever a rule keeps
    jacobian = s.jacobian().reshape(*s.y_shape, *s.shape)
    if is_channels_last(s):
        jacobian = np.moveaxis(np.moveaxis(jacobian, -1, len(s.y_shape) + 1), len(s.y_shape) - 1, 1)
    n, rank = s.shape[0], len(axes)
    own = np.stack([jacobian[i][(slice(None),) * (rank + 1) + (i,)] for i in range(n)])  # (N, F, *T, C, *S)
    found = {}
    by_tap: dict[tuple[int, ...], Array] = {}
    for k, t, where in _pairs(axes, honest):
        if _inside(where, axes):
            found[k, t] = own[(*_ALL, *t, slice(None), *where)]
            by_tap[k] = found[k, t]
    largest = _of_padding(np.max(np.abs(own), axis=tuple(range(rank + 3, 2 * rank + 3))), _is_mean(s, axes))
    for k, t, where in _pairs(axes, honest):
        if not _inside(where, axes):
            if _kernel_name(s):
                found[k, t] = by_tap.get(k, np.full((n, own.shape[1], own.shape[rank + 2]), np.nan))
            else:
                found[k, t] = largest[(*_ALL, *t)]
    s.kept["shares"] = found
    return found


def _of_padding(largest: Array, mean: bool | None) -> Array:
    """What an output pays an entry of the padding: as much as any other in a mean, nothing in a maximum or a norm."""
    if mean is False:
        return 0 * largest
    some = largest[largest > 0] if mean else np.zeros(0)
    unknown = some[0] if some.size and np.ptp(some) < 1e-9 * some[0] else np.nan  # windows of nothing but padding
    diagonal = np.any(largest > 0, axis=(0, *range(2, largest.ndim - 1)), keepdims=True)  # a channel pays its own
    return np.where(diagonal & (largest == 0), unknown, largest)


def _is_mean(s: Scene, axes: tuple[Axis, ...]) -> bool | None:
    """Whether every output pays all its entries alike; ``None`` where windows of one entry leave it open."""
    if all(a.kernel == 1 for a in axes):
        return None
    rows = s.jacobian().reshape(s.flat_y.size, -1)
    top = rows.max(axis=1, keepdims=True)
    alike = np.allclose(rows, np.where(rows > 1e-9, top, 0))
    part = np.any(top[top > 1e-9] < 0.9) or np.any(np.sum(rows > 1e-9, axis=1) > 1)
    return bool(alike and part)


def _of_kernel(s: Scene, axes: tuple[Axis, ...], place: Place) -> Array | None:
    """What a kernel's gradient is if each tap reads from these places."""
    x = _first(s, next(iter(s.inputs.values())))
    slopes = s.slopes if s.bias else np.ones(s.flat_y.size)  # behind the sum there may be an activation
    if slopes is None or not np.all(np.isfinite(slopes)):
        return None
    delta = _first(s, s.cotangent * slopes.reshape(s.y_shape))
    read = np.zeros(_first(s, s.value).shape)
    for k, t, where in _pairs(axes, place):
        if _inside(where, axes):
            read[_at(k)] += np.einsum("nf,nc->fc", delta[_at(t)], x[_at(where)])
    return _back(s, read)
