"""Pooling: which entries of a window get dy, and how much. Looks at the claim one output at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.diagnosis.failure import Failure, Lead, enough
from cnngrad.diagnosis.scene import Scene

FAMILY = "pooling routing"

Rule = Callable[[Failure, list[Scene]], Iterator[Lead]]


def pooling(failure: Failure) -> Iterator[Lead]:
    """Each row of the claimed Jacobian beside the right one: counts, totals and places."""
    yield from _by(failure, one_of_many, shared, tiled)


def paid_too_often(failure: Failure) -> Iterator[Lead]:
    """Maxima that pay every tie, or every entry of their window."""
    yield from _by(failure, paid_to_ties, one_for_all)


def _by(failure: Failure, *rules: Rule) -> Iterator[Lead]:
    scenes = [s for s in failure.wrong if _rows(s) is not None]
    if not scenes or len(scenes) < min(2, len(failure.wrong)):
        return
    for rule in rules:
        yield from rule(failure, scenes)


def _rows(s: Scene) -> tuple[Array, Array] | None:
    """Claimed and right Jacobian, outputs by entries; ``None`` where the claim is malformed."""
    if s.g.shape != s.shape or s.flat_y.size > 200:
        return None
    claimed = s.rows()
    if not claimed.size:
        return None
    return claimed.reshape(len(claimed), -1), s.jacobian().reshape(len(claimed), -1)


def _told(s: Scene) -> tuple[Array, Array, Array]:
    """Claimed and right rows without kinks, and which outputs they belong to."""
    rows = _rows(s)
    assert rows is not None
    claimed, right = rows
    smooth = np.all(np.isfinite(right), axis=1) & np.any(right != 0, axis=1)
    return claimed[smooth], right[smooth], np.flatnonzero(smooth)


def _is_maximum(right: Array) -> bool:
    return right.size > 0 and bool(np.all(np.sum(np.abs(right) > 1e-9, axis=1) == 1) and np.allclose(right.sum(1), 1))


def paid_to_ties(failure: Failure, scenes: list[Scene]) -> Iterator[Lead]:
    """Right without ties; with them, every maximum gets all of dy."""
    tied = 0
    for s in scenes:
        rows = _rows(s)
        assert rows is not None
        claimed, right = rows
        at_kink = ~np.all(np.isfinite(right), axis=1)
        if not np.allclose(claimed[~at_kink], right[~at_kink], atol=1e-6) or not at_kink.any():
            return
        for row, y in zip(claimed[at_kink], s.flat_y[at_kink], strict=True):
            paid = np.flatnonzero(row)
            if not np.all(s.value.ravel()[paid] == y) or not np.allclose(row[paid], 1):
                return
            tied += paid.size > 1
    if tied:
        yield Lead(
            "every entry of a tie gets all of dy",
            f"in {tied} windows with a tie the claimed gradients of one output add up to 2 or more; without ties "
            "it is right",
            "pay only the place that the forward recorded: the first maximum, not every entry equal to it",
            FAMILY,
        )


def one_for_all(failure: Failure, scenes: list[Scene]) -> Iterator[Lead]:
    """A maximum's dy goes to every entry of its window."""
    windows = whole = 0
    for s in scenes:
        claimed, right, _ = _told(s)
        if not _is_maximum(right):
            return
        paid = np.abs(claimed) > 1e-12
        if not np.all(claimed[right > 0.5] > 0) or not np.all(
            np.abs(claimed - claimed.max(axis=1, keepdims=True) * paid) < 1e-9
        ):
            return
        windows += int(np.sum(paid.sum(1) > 1))
        whole += int(np.sum(np.abs(claimed.max(axis=1) - 1) < 1e-9))
        total = sum(len(c) for c in (claimed,))
    if not windows or not total:
        return
    if whole:
        yield Lead(
            "every entry of a window gets all of dy, not its maximum alone",
            f"{windows} outputs pay more than one entry, each in full",
            "let dy go to the recorded place of the maximum, and 0 to the others",
            FAMILY,
        )
        return
    yield Lead(
        "dy is shared among the entries of a window, as in mean pooling",
        f"{windows} outputs pay several entries equal parts",
        "let all of dy go to the recorded place of the maximum, and 0 to the others",
        FAMILY,
    )


def one_of_many(failure: Failure, scenes: list[Scene]) -> Iterator[Lead]:
    """Each output pays one entry, in full, but not the one it must; or one where it must pay all."""
    moved = first = mean = told = outputs = 0
    for s in scenes:
        claimed, right, numbers = _told(s)
        if not len(right) or np.any(np.sum(np.abs(claimed) > 1e-12, axis=1) > 1):
            return
        if not np.allclose(claimed.sum(1)[claimed.any(1)], 1, atol=1e-6):
            return
        if _is_maximum(right):
            places = np.argmax(claimed, axis=1), np.argmax(right, axis=1)
            moved += int(np.sum(places[0] != places[1]))
            outputs += len(right)
            told += 1
            first += _is_first(s, claimed, numbers)
        elif np.all(right >= 0) and np.any(np.sum(right > 1e-9, axis=1) > 1):
            moved += len(right)
            outputs += len(right)
            some = np.any(claimed, axis=1)  # the others pay an entry of the padding
            if 2 * np.sum(some) < len(some) or not np.any(np.sum(right[some] > 1e-9, axis=1) > 1):
                outputs -= len(right)
                moved -= len(right)
                continue  # windows of one entry tell nothing
            told += 1
            mean += 1
            first += int(np.all((np.argmax(claimed, axis=1) == np.argmax(right > 1e-9, axis=1))[some]))
    if not moved or 2 * told < len(scenes):
        return
    if first == told:
        yield Lead(
            "all of dy goes to the first entry of each window",
            f"{moved} of {outputs} outputs pay the wrong entry, always at the same place of their window",
            "send dy where the forward took y from: the recorded place of the maximum, or all entries of a mean alike",
            FAMILY,
        )
        return
    if mean == told:
        yield Lead(
            "all of dy goes to one entry of each window, as in max pooling",
            f"{outputs} outputs pay one entry in full; the forward takes a share of every entry",
            "pay every entry of the window its share",
            FAMILY,
        )
        return
    yield Lead(
        "each output's dy goes to one entry, in full, but to the wrong one",
        f"{moved} of {outputs} outputs pay another entry than the one their value came from",
        "decode the recorded place in the order in which it was recorded (row by row, over the window's own width)",
        FAMILY,
    )


def _is_first(s: Scene, claimed: Array, numbers: Array) -> bool:
    """Whether the paid place is a fixed one within the windows: equal steps along every axis of the output."""
    if len(s.y_shape) != len(s.shape):
        return False
    outputs = np.array(np.unravel_index(numbers, s.y_shape)).T
    paid = np.array(np.unravel_index(np.argmax(claimed, axis=1), s.shape)).T
    some = np.any(claimed, axis=1)  # the others pay an entry of the padding
    return all(_steps(outputs[some, axis], paid[some, axis]) for axis in range(paid.shape[1]))


def _steps(outputs: Array, paid: Array) -> bool:
    """Whether the places are ``stride * o - pad``, at least 0."""
    return any(
        np.array_equal(paid, np.maximum(stride * outputs - pad, 0)) for stride in range(1, 8) for pad in range(8)
    )


def shared(failure: Failure, scenes: list[Scene]) -> Iterator[Lead]:
    """A mean's dy: not divided, or divided by another number than the entries of its own window."""
    ratios: list[Array] = []
    for s in scenes:
        claimed, right, _ = _told(s)
        paid = np.abs(right) > 1e-12
        if not len(right) or np.any((np.abs(claimed) > 1e-12) != paid) or np.any(right < 0):
            return
        parts = np.array([row[p][0] for row, p in zip(right, paid, strict=True)])
        if not np.allclose(right, parts[:, None] * paid) or not np.allclose(claimed, claimed.max(1)[:, None] * paid):
            return
        ratios.append(np.stack([claimed.max(axis=1), parts]))
    got, due = np.hstack(ratios)
    if not enough(len(scenes), got.size, len(failure.wrong)) or np.allclose(got, due, rtol=1e-3):
        return
    if np.allclose(got, 1):
        words = "dy is not divided by the number of entries of its window"
    elif np.allclose(got, due**2):
        words = "dy is divided twice by the number of entries of its window"
    else:
        words = "dy is divided by another number than the entries that the forward counted in its window"
    yield Lead(
        words,
        f"{got.size} windows: the entries get {got.min():.4g} to {got.max():.4g} of dy, they are due {due.min():.4g} "
        f"to {due.max():.4g}",
        "divide by what the forward divides by, padded zeros counted or not as it does",
        "constant factor",
    )


def tiled(failure: Failure, scenes: list[Scene]) -> Iterator[Lead]:
    """The right amounts, all of them, at the wrong entries."""
    outputs = 0
    for s in scenes:
        claimed, right, _ = _told(s)
        if not np.allclose(np.sort(claimed, axis=1), np.sort(right, axis=1), atol=1e-7) or np.any(right < 0):
            return
        if np.any(np.sum(right > 1e-9, axis=1) < 2) and not _is_maximum(right):
            return
        outputs += int(np.sum(np.any(np.abs(claimed - right) > 1e-7, axis=1)))
    if outputs and enough(len(scenes), outputs, len(failure.wrong)):
        yield Lead(
            "each output pays the right amounts to the wrong entries",
            f"the shares of {outputs} outputs are right as numbers; their places are not those of their windows",
            "repeat each dy over its own window (np.repeat along each axis), do not lay copies side by side (np.tile)",
            FAMILY,
        )
