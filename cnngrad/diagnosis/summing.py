"""Sums over the wrong axes: one sample for all, one left out, assigned and not added, averaged, summed too far."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, given
from cnngrad.diagnosis.scene import Scene

Along = Callable[[Array, tuple[int, ...]], Array]


def only(index: int) -> Along:
    """All but one entry along the axes set to zero."""

    def keep(a: Array, axes: tuple[int, ...]) -> Array:
        kept = np.zeros_like(a)
        place = tuple(index if axis in axes else slice(None) for axis in range(a.ndim))
        kept[place] = a[place]
        return kept

    return keep


def without(index: int) -> Along:
    """One entry along the axes set to zero."""

    def drop(a: Array, axes: tuple[int, ...]) -> Array:
        return a - only(index)(a, axes)

    return drop


def first_for_all(a: Array, axes: tuple[int, ...]) -> Array:
    """The first entry along the axes in the place of every one."""
    place = tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(a.ndim))
    return np.broadcast_to(a[place], a.shape)


def last_for_all(a: Array, axes: tuple[int, ...]) -> Array:
    """The last entry along the axes in the place of every one."""
    return first_for_all(np.flip(a, axes), axes)


def mean_for_all(a: Array, axes: tuple[int, ...]) -> Array:
    """Their mean in the place of every one."""
    return np.broadcast_to(a.mean(axis=axes, keepdims=True), a.shape)


def sum_for_all(a: Array, axes: tuple[int, ...]) -> Array:
    """Their sum in the place of every one."""
    return np.broadcast_to(a.sum(axis=axes, keepdims=True), a.shape)


def turned_round(a: Array, axes: tuple[int, ...]) -> Array:
    """The last entry first."""
    return np.flip(a, axes)


def one_on(a: Array, axes: tuple[int, ...]) -> Array:
    """Every entry in the place of the next."""
    return np.roll(a, 1, axes[0]) if len(axes) == 1 else a


# What was done, the words for it, the family along the axis of samples, and along any other; and what to change.
DONE: tuple[tuple[Along, str, str, str, str], ...] = (
    (only(-1), "takes only the last {of}", "assignment", "assignment",
     "add to the gradient for each {one} (+=); assigned (=), only the last one is left"),
    (only(0), "takes only the first {of}", "dropped sample", "axis", "sum over every {one}, not only the first"),
    (without(-1), "leaves out the last {of}", "dropped sample", "dropped term",
     "let the loop or slice run to the end: the last {one} is left out"),
    (without(0), "leaves out the first {of}", "dropped sample", "dropped term",
     "let the loop or slice start at 0: the first {one} is left out"),
    (first_for_all, "has the first {of} in the place of every one", "axis", "axis", "index by the {one}: it is fixed"),
    (last_for_all, "has the last {of} in the place of every one", "axis", "axis", "index by the {one}: it is fixed"),
    (mean_for_all, "has the mean over every {of} in the place of each", "axis", "axis",
     "form the product for each {one}, then sum: no mean before the product"),
    (sum_for_all, "has the sum over every {of} in the place of each", "axis", "axis",
     "form the product for each {one}, then sum: no sum before the product"),
    (turned_round, "takes every {of} in the reverse order", "axis", "axis",
     "use the same order of the {one} axis on both sides of the product"),
    (one_on, "pairs each {of} with its neighbour", "axis", "axis", "use the same index on both sides of the product"),
)  # fmt: skip  # a table: what belongs together stays on one line


def wrong_sum(failure: Failure) -> Iterator[Suspect]:
    """Each of these done to dy before the product, or to the gradient after it."""
    yield from failure.lead(
        "axis",
        f"the gradient of {failure.name} is one sum over everything, the same in every entry",
        lambda s: np.full(s.shape, s.n.sum()) if s.value.ndim == 1 else None,
        f"give np.sum every axis but that of {failure.name}: axis=0 for rows, axis=(0, 2, 3) for maps",
    )
    for done, words, family, elsewhere, advice in DONE:
        for axes, of in AXES.items():

            def of_dy(s: Scene, done: Along = done, axes: str = axes) -> Array | None:
                chosen = _chosen(s.cotangent, axes, s.batch_axis)
                return s.true(done(s.cotangent, chosen)) if chosen else None

            def of_gradient(s: Scene, done: Along = done, axes: str = axes) -> Array | None:
                chosen = _chosen(s.n, axes, s.batch_axis)
                return done(s.n, chosen) if chosen else None

            kind = (
                family if axes == "samples" else "rotation" if axes == "spatial" and done is turned_round else elsewhere
            )
            for predict in (of_dy, of_gradient) if _has_batch(failure) or axes != "samples" else (of_dy,):
                place = "row" if axes == "samples" and _is_row(failure, predict is of_gradient) else of
                if predict is of_dy and "axis" in of:
                    place = f"{of} of dy"
                yield from failure.lead(
                    elsewhere if place == "row" else kind,
                    f"the gradient of {failure.name} {words.format(of=place)}",
                    predict,
                    advice.format(one=place),
                )


def paired(failure: Failure) -> Iterator[Suspect]:
    """Only entries with equal indices on two axes get their gradient, as in a loop over ``zip`` of both."""
    for one, other in ((0, 1), (-1, -2)):
        yield from failure.lead(
            "dropped term",
            f"the gradient of {failure.name} is there only where the indices of axes {one} and {other} are equal",
            given(_on_the_diagonal, one, other),
            "let one loop run inside the other: zip pairs each index with one of the other axis, and all pairs count",
        )


def _on_the_diagonal(s: Scene, one: int, other: int) -> Array | None:
    if s.value.ndim < 2:
        return None
    of_one, of_other = (np.moveaxis(np.indices(s.shape), 0, -1)[..., axis] for axis in (one, other))
    return np.where(of_one == of_other, s.n, 0.0)


AXES = {
    "samples": "sample",
    "spatial": "place of each map",
    "1": "entry of axis 1",
    "last": "entry of the last axis",
    "last but one": "entry of the last axis but one",
    "2": "entry of axis 2",
}


def _chosen(a: Array, axes: str, batch: int) -> tuple[int, ...]:
    """The axes of an array that are called so; none where it has no such axis or only one entry there."""
    named = {
        "samples": (batch,),
        "spatial": tuple(range(2, a.ndim)),
        "1": (1,),
        "2": (2,),
        "last": (a.ndim - 1,),
        "last but one": (a.ndim - 2,),
    }[axes]
    return named if named and all(0 <= axis < a.ndim for axis in named) else ()


def _has_batch(failure: Failure) -> bool:
    return all(s.value.ndim >= 1 for s in failure.scenes)


def _is_row(failure: Failure, in_gradient: bool) -> bool:
    """Whether axis 0 is not one of samples, as far as can be known."""
    return failure.layer.batch_axis is None or (in_gradient and failure.name != failure.layer.inputs[0])


def sums_of_dy(failure: Failure) -> Iterator[Suspect]:
    """A bias-like gradient that sums dy in the wrong runs."""
    advice = "sum over the samples and places only: move the axis of this gradient to the front before reshaping"
    for words, predict in (
        ("in runs that mix axes: dy is reshaped without moving its axis", _leading),
        ("in steps that mix axes: dy is reshaped without moving its axis", _trailing),
        ("and f' each by itself: a product of two sums", _product_of_sums),
        ("and multiplies by the mean of f', not entry by entry", given(_product_of_sums, np.mean)),
        ("over the axis that must be kept", _kept),
        ("over everything, and has that in every entry", lambda s: np.full(s.shape, s.dy.sum())),
        (
            "over everything, divided by their number, and has that in every entry",
            lambda s: np.full(s.shape, s.dy.mean()),
        ),
    ):
        yield from failure.lead("axis", f"the gradient of {failure.name} sums dy {words}", predict, advice)


def _product_of_sums(s: Scene, of_slopes: Callable[..., Array] = np.sum) -> Array | None:
    if s.bias != s.name or s.slopes is None or np.all(s.slopes == s.slopes[0]):
        return None
    axes = (0, *range(2, len(s.y_shape)))
    return np.asarray(s.cotangent.sum(axis=axes) * of_slopes(s.slopes.reshape(s.y_shape), axis=axes))


def _leading(s: Scene) -> Array | None:
    size = s.g.size
    return s.dy.reshape(size, -1).sum(1).reshape(s.shape) if 1 < size < s.dy.size and s.dy.size % size == 0 else None


def _trailing(s: Scene) -> Array | None:
    size = s.g.size
    return s.dy.reshape(-1, size).sum(0).reshape(s.shape) if 1 < size < s.dy.size and s.dy.size % size == 0 else None


def _kept(s: Scene) -> Array | None:
    a = s.cotangent
    if a.ndim < 2 or s.g.shape != a.shape[:1]:
        return None
    return np.asarray(a.sum(axis=tuple(range(1, a.ndim))))
