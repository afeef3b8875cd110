"""Right numbers in the wrong places: flipped, transposed, shifted, in another order, of another input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, given, same
from cnngrad.diagnosis.nothing import exchanged
from cnngrad.diagnosis.places import is_channels_last
from cnngrad.diagnosis.scene import Scene

Turn = Callable[[Array], Array | None]


def subsets(ndim: int) -> Iterator[tuple[int, ...]]:
    """All sets of axes, the spatial ones together first."""
    if ndim > 2:
        yield tuple(range(2, ndim))
    for size in range(1, ndim + 1):
        yield from (axes for axes in combinations(range(ndim), size) if axes != tuple(range(2, ndim)))


def flipped(failure: Failure) -> Iterator[Suspect]:
    """``G`` is ``N`` turned round along some axes; or another input was taken turned round."""
    name = failure.name
    for words, turn in turns(max(s.value.ndim for s in failure.scenes), channels_last(failure)):
        advice = "flip it back (np.flip over these axes), or do not flip it: one rotation too many or too few"
        yield from failure.lead(
            "rotation", f"the gradient of {name} is {words}", given(lambda s, turn: turn(s.n), turn), advice
        )


def channels_last(failure: Failure) -> bool:
    """Whether kernel and input tell that the channels stand on the last axis."""
    return any(is_channels_last(s) for s in failure.scenes)


def turns(ndim: int, last: bool = False) -> Iterator[tuple[str, Turn]]:
    """Every way to turn an array round, with its words; spatial are all axes but two, whatever the rank.

    Args:
        last: the channels stand on the last axis, not on axis 1.
    """
    yield (
        "rotated by 180° (flipped along every spatial axis)",
        lambda a: _flip(a, tuple(range(1, a.ndim - 1) if last else range(2, a.ndim))),
    )
    for axis in range(min(ndim, 2)):
        yield f"flipped along axis {axis}", given(lambda a, axis: _flip(a, (axis,)), axis)
    yield (
        "rotated by 180° (flipped along every axis but the first and last)",
        lambda a: _flip(a, tuple(range(1, a.ndim - 1))),
    )
    yield "flipped along every axis", lambda a: _flip(a, tuple(range(a.ndim)))
    yield "flipped along every axis but the first", lambda a: _flip(a, tuple(range(1, a.ndim)))
    yield "flipped along every spatial axis but the last", lambda a: _flip(a, tuple(range(2, a.ndim - 1)))
    for back in ((-1,), (-2,), (-2, -1), (-1, -2, -3)):
        yield f"flipped along {_last(back)}", given(lambda a, back: _flip(a, back), back)
    for axes in subsets(min(ndim, 5)):
        yield (
            f"flipped along {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}",
            (given(lambda a, axes: _flip(a, axes), axes)),
        )


def _flip(a: Array, axes: tuple[int, ...]) -> Array | None:
    if not axes or any(not -a.ndim <= axis < a.ndim for axis in axes):
        return None
    return np.flip(a, axes)


def _last(back: tuple[int, ...]) -> str:
    return {1: "its last axis" if back == (-1,) else "its last axis but one", 2: "its last two axes"}.get(
        len(back), "its last three axes"
    )


def other_input_turned(failure: Failure) -> Iterator[Suspect]:
    """The claim is right if another input is turned round first: so its backward uses that one the wrong way."""
    for other in failure.layer.inputs:
        if other == failure.name or any(s.inputs[other].ndim < 2 for s in failure.wrong):
            continue
        ndim = max(s.inputs[other].ndim for s in failure.wrong)
        for words, turn in (*turns(ndim, channels_last(failure)), ("transposed", _transposed)):
            matched = [_right_when_turned(s, other, turn) for s in failure.wrong]
            told = [m for m in matched if m is not None]
            if len(told) >= min(2, len(failure.wrong)) and all(told):
                used = f"{other} that is not {words} as it must be"
                if "every axis" in words:
                    used = f"{other} turned round along other axes than the spatial ones"
                yield Suspect(
                    f"the gradient of {failure.name} is computed with {used}",
                    f"with {other} {words} first, backward is right in {len(told)} of {len(told)} failing cases",
                    f"in the gradient of {failure.name}, take {other} {words} against now (once, not twice)"
                    + (NAME_THEM if "every axis" in words else ""),
                    "transpose" if words == "transposed" else "rotation",
                )
                return


NAME_THEM = ": turn the spatial axes alone; np.rot90(w, 2) turns the first two, np.flip(w) all, so name them"


def _transposed(a: Array) -> Array | None:
    return np.swapaxes(a, 0, 1) if a.ndim >= 2 and a.shape[0] == a.shape[1] else None


def _right_when_turned(s: Scene, other: str, turn: Turn) -> bool | None:
    turned = turn(s.inputs[other])
    if turned is None or np.array_equal(turned, s.inputs[other]):
        return None
    again = s.rerun(**{other: turned})
    return again is not None and same(s.n, again) is not None


# Ways to move axes that make sense whatever the rank: where each axis of the result comes from.
MOVES: tuple[tuple[str, Callable[[int], list[int]]], ...] = (
    ("the first two axes exchanged", lambda r: [1, 0, *range(2, r)]),
    ("the last two axes exchanged", lambda r: [*range(r - 2), r - 1, r - 2]),
    ("the channels moved from the last axis to axis 1", lambda r: [0, r - 1, *range(1, r - 1)]),
    ("the channels moved from axis 1 to the last axis", lambda r: [0, *range(2, r), 1]),
    ("all axes turned round", lambda r: list(range(r))[::-1]),
    ("the first axis moved to the end", lambda r: [*range(1, r), 0]),
    ("the last axis moved to the front", lambda r: [r - 1, *range(r - 1)]),
    ("the first and last axes exchanged", lambda r: [r - 1, *range(1, r - 1), 0]),
    ("axes 1 and 2 exchanged", lambda r: [0, 2, 1, *range(3, r)] if r > 2 else []),
    ("the spatial axes turned round", lambda r: [0, 1, *range(r - 1, 1, -1)]),
    ("the spatial axes (channels last) turned round", lambda r: [0, *range(r - 2, 0, -1), r - 1]),
)


def reordered(failure: Failure) -> Iterator[Suspect]:
    """Transposed, or reshaped where axes had to be moved, the gradient itself or dy before it."""
    name = failure.name
    advice = "reshape keeps the order of the numbers, transpose (np.moveaxis) does not: take the one for the other"
    for words, move in MOVES:
        yield from failure.lead(
            "transpose",
            f"the gradient of {name} is transposed ({words})",
            given(lambda s, m: _moved(s.n, m), move),
            "exchange the factors of the product, or transpose the result",
            everywhere=True,
        )
        for what, predict in (
            (f"the gradient of {name} is", given(lambda s, m: moved_then_filled(s.n, m), move)),
            (f"the gradient of {name} is", given(lambda s, m: filled_then_moved(s.n, m), move)),
            (
                f"dy, in the gradient of {name}, is",
                given(lambda s, m: _of_dy(s, moved_then_filled(s.cotangent, m)), move),
            ),
            (
                f"dy, in the gradient of {name}, is",
                given(lambda s, m: _of_dy(s, filled_then_moved(s.cotangent, m)), move),
            ),
        ):
            mistake = f"{what} reshaped where its axes must be moved, or moved where they must not ({words})"
            yield from failure.lead("transpose", mistake, predict, advice)


def _permutation(a: Array, move: Callable[[int], list[int]]) -> list[int]:
    return move(a.ndim) if a.ndim > 1 else []


def _moved(a: Array, move: Callable[[int], list[int]]) -> Array | None:
    perm = _permutation(a, move)
    if not perm or tuple(a.shape[p] for p in perm) != a.shape:
        return None
    return np.transpose(a, perm)


def moved_then_filled(a: Array, move: Callable[[int], list[int]]) -> Array | None:
    """Axes moved, and the numbers poured into the old shape row by row."""
    perm = _permutation(a, move)
    return np.transpose(a, perm).reshape(a.shape) if perm else None


def filled_then_moved(a: Array, move: Callable[[int], list[int]]) -> Array | None:
    """The numbers poured into the moved shape row by row, and the axes moved back: the inverse."""
    perm = _permutation(a, move)
    if not perm:
        return None
    return np.transpose(a.reshape([a.shape[p] for p in perm]), np.argsort(perm))


def _of_dy(s: Scene, dy: Array | None) -> Array | None:
    return None if dy is None else s.true(dy)


def exchanged_inputs(failure: Failure) -> Iterator[Suspect]:
    """The gradients of two inputs stand in each other's place."""
    for other in failure.layer.differentiable:
        if other == failure.name:
            continue
        scenes = [s for s in failure.wrong if s.inputs[other].shape == s.shape]
        found = [same(s.true(s.cotangent, other), s.g) for s in scenes]
        if len(found) >= min(2, len(failure.wrong)) and all(found):
            yield exchanged(failure.name, other, scenes)


def moved_by_one(failure: Failure) -> Iterator[Suspect]:
    """Shifted by one along an axis of the gradient, rolled round or filled with zeros."""
    rank = max(s.value.ndim for s in failure.scenes)
    for axis in (*range(rank), *(a for a in (-1, -2) if -a < rank)):
        for step in (1, -1):
            for move in (_rolled, _pushed):
                yield from failure.lead(
                    "geometry" if axis else "axis",
                    f"the gradient of {failure.name} is shifted by one entry along axis {axis}",
                    given(
                        lambda s, a, k, move: move(s.n, k, a) if -s.n.ndim <= a < s.n.ndim else None, axis, step, move
                    ),
                    "compare the index in the forward with the one in the backward: they are one apart",
                )


def _rolled(a: Array, step: int, axis: int) -> Array:
    return np.roll(a, step, axis)


def _pushed(a: Array, step: int, axis: int) -> Array:
    moved = np.roll(a, step, axis)
    np.moveaxis(moved, axis, 0)[0 if step > 0 else -1] = 0
    return moved
