"""Pooling: which entries of a window get dy, and how much. Looks at the claim one output at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.conditions import steps_of, window_of
from cnngrad.diagnosis.failure import OUTPUTS, Failure, enough
from cnngrad.diagnosis.rows import FAMILY, Rows, is_pooling, rows_of
from cnngrad.diagnosis.unpaid import lost_to_others, lost_to_padding

Rule = Callable[[Failure, list[Rows]], Iterator[Suspect]]


def pooling(failure: Failure) -> Iterator[Suspect]:
    """Each row of the claimed Jacobian beside the right one: counts, totals and places."""
    yield from _by(failure, lost_to_padding, lost_to_others, one_of_many, shared, tiled)


def paid_too_often(failure: Failure) -> Iterator[Suspect]:
    """Maxima that pay every tie, or every entry of their window."""
    yield from _by(failure, paid_to_ties, one_for_all)


def _by(failure: Failure, *rules: Rule) -> Iterator[Suspect]:
    if failure.name != failure.layer.inputs[0] or not all(map(is_pooling, failure.wrong)):
        return
    rows = [rows_of(s) for s in failure.wrong if s.flat_y.size <= OUTPUTS]
    sound = [each for each in rows if each is not None]
    if not sound or len(sound) < min(2, len(failure.wrong)):
        return
    for rule in rules:
        yield from rule(failure, sound)


def paid_to_ties(failure: Failure, rows: list[Rows]) -> Iterator[Suspect]:
    """Right without ties; with them, every maximum gets all of dy."""
    tied = 0
    for each in rows:
        kink = ~each.smooth
        if not np.allclose(each.claimed[~kink], each.right[~kink], atol=1e-6) or not kink.any():
            return
        for row, y in zip(each.claimed[kink], each.scene.flat_y[kink], strict=True):
            paid = np.flatnonzero(row)
            if not np.all(each.scene.value.ravel()[paid] == y) or not np.allclose(row[paid], 1):
                return
            tied += paid.size > 1
    if tied:
        yield Suspect(
            "every entry of a tie gets all of dy",
            f"in {tied} windows with a tie the claimed gradients of one output add up to 2 or more; without ties "
            "it is right",
            "pay only the place that the forward recorded: the first maximum, not every entry equal to it",
            FAMILY,
        )


def one_for_all(failure: Failure, rows: list[Rows]) -> Iterator[Suspect]:
    """A maximum's dy goes to every entry of its window."""
    windows = whole = 0
    for each in (r.told for r in rows):
        if not each.is_maximum or not each.stays_inside:
            return
        largest = each.claimed.max(axis=1, keepdims=True)
        if not np.all(each.claimed[each.right > 0.5] > 0) or not np.allclose(each.claimed, largest * each.paid):
            return
        windows += int(np.sum(each.paid.sum(1) > 1))
        whole += int(np.sum((np.abs(largest[:, 0] - 1) < 1e-9) & (each.paid.sum(1) > 1)))
    if not windows:
        return
    if whole:
        yield Suspect(
            "every entry of a window gets all of dy, not its maximum alone",
            f"{windows} outputs pay more than one entry, each in full",
            "let dy go to the recorded place of the maximum, and 0 to the others",
            FAMILY,
        )
        return
    yield Suspect(
        "dy is shared among the entries of a window, as in mean pooling",
        f"{windows} outputs pay several entries equal parts",
        "let all of dy go to the recorded place of the maximum, and 0 to the others",
        FAMILY,
    )


# Which entry of each window is paid; what is recognised is said.
CHOICES: tuple[tuple[str, Callable[[Array], int]], ...] = (
    ("the largest entry", lambda x: int(np.argmax(x))),
    ("the smallest entry", lambda x: int(np.argmin(x))),
    ("the entry largest in size, |x|,", lambda x: int(np.argmax(np.abs(x)))),
    ("the entry smallest in size, |x|,", lambda x: int(np.argmin(np.abs(x)))),
    ("the first entry", lambda x: 0),
    ("the last entry", lambda x: x.size - 1),
)


def one_of_many(failure: Failure, rows: list[Rows]) -> Iterator[Suspect]:
    """Each output pays one entry of its window, but not the one it must; or one where it must pay all."""
    told = [each.told for each in rows]
    if any(not t.stays_inside or np.any(t.paid.sum(1) > 1) for t in told):
        return
    if not any(np.any((t.paid != (np.abs(t.right) > 1e-9))[np.any(t.paid, axis=1)]) for t in told):
        return
    several = [(t, t.window.sum(1) > 1) for t in told]
    outputs = sum(int(np.sum(s)) for _, s in several)
    some = sum(int(np.sum(np.any(t.paid, axis=1)[s])) for t, s in several)
    if 4 * some < outputs or outputs < 2:
        return  # the others pay padding
    moved = sum(int(np.sum(np.any((t.paid != (np.abs(t.right) > 1e-9))[s], axis=1))) for t, s in several)
    which = next((words for words, choose in CHOICES if all(_chosen(t, choose) for t in told)), "")
    maximum = all(t.is_maximum for t in told)
    if maximum and not all(np.allclose(t.claimed[t.paid], 1, atol=1e-6) for t in told):
        return
    if maximum and not which:
        mistake = "each output's dy goes to one entry, in full, but to the wrong one"
        advice = "decode the recorded place in the order in which it was recorded (row by row, over the window's width)"
    else:
        mistake = f"dy goes to {which or 'one entry'} of each window alone" + ("" if maximum else ", as in max pooling")
        advice = (
            "send dy where the forward took y from: the recorded place of the maximum"
            if maximum
            else "pay every entry of the window its share: the output depends on all of them"
        )
    yield Suspect(mistake, f"{moved} of {outputs} outputs pay the wrong entries", advice, FAMILY)


def _chosen(t: Rows, choose: Callable[[Array], int]) -> bool:
    """Whether every whole window that pays somebody pays the entry chosen so; cut ones may have paid the padding."""
    whole = t.window.sum(1) == max(t.window.sum(1), default=0)
    x = t.scene.value.ravel()
    for paid, window in zip(t.paid[whole], t.window[whole], strict=True):
        inside = np.flatnonzero(window)
        if not paid[inside[choose(x[inside])]]:
            return False
    return True


def shared(failure: Failure, rows: list[Rows]) -> Iterator[Suspect]:
    """A mean's dy: not divided, or divided by another number than the entries of its own window."""
    ratios: list[Array] = []
    for each in (r.told for r in rows):
        paid = np.abs(each.right) > 1e-12
        if not len(each.right) or np.any(each.paid != paid) or np.any(each.right < 0):
            return
        parts = np.array([row[p][0] for row, p in zip(each.right, paid, strict=True)])
        largest = each.claimed.max(1)
        if not np.allclose(each.right, parts[:, None] * paid) or not np.allclose(each.claimed, largest[:, None] * paid):
            return
        ratios.append(np.stack([largest, parts]))
    got, due = np.hstack(ratios)
    if not enough(len(rows), got.size, len(failure.wrong)) or np.allclose(got, due, rtol=1e-3):
        return
    if np.allclose(got, 1):
        words = "dy is not divided by the number of entries of its window"
    elif np.allclose(got, due**2):
        words = "dy is divided twice by the number of entries of its window"
    elif divisor := _divisor(rows, ratios):
        words = f"dy is divided by {divisor}, not by the number of entries of its window"
    elif np.all(got <= 1 + 1e-9) and np.allclose(1 / got, np.round(1 / got)):
        words = "dy is divided by another number than the entries that the forward counted in its window"
    else:
        return
    yield Suspect(
        words,
        f"{got.size} windows: the entries get {got.min():.4g} to {got.max():.4g} of dy, they are due {due.min():.4g} "
        f"to {due.max():.4g}",
        "divide by what the forward divides by, padded zeros counted or not as it does",
        "constant factor",
    )


# What a share may have been divided by in the place of the window's entries.
DIVISORS: tuple[tuple[str, Callable[[tuple[int, ...], tuple[int, ...]], int]], ...] = (
    ("the product of the strides", lambda window, steps: math.prod(steps)),
    ("the first side of the window, squared", lambda window, steps: window[0] ** len(window)),
    ("the last side of the window, squared", lambda window, steps: window[-1] ** len(window)),
)


def _divisor(rows: list[Rows], ratios: list[Array]) -> str:
    """The first of these that explains what every window pays; nothing if none does."""
    points = [each.scene.at.point for each in rows]
    for words, of in DIVISORS:
        if all(
            window_of(p) and np.allclose(paid * of(window_of(p), steps_of(p)), 1)
            for p, (paid, _) in zip(points, ratios, strict=True)
        ):
            return words
    return ""


def tiled(failure: Failure, rows: list[Rows]) -> Iterator[Suspect]:
    """The right amounts, all of them, at the wrong entries."""
    outputs = 0
    for each in (r.told for r in rows):
        claimed, right = each.claimed, each.right
        if not np.allclose(np.sort(claimed, axis=1), np.sort(right, axis=1), atol=1e-7):
            return
        if np.any(np.sum(np.abs(right) > 1e-9, axis=1) < 2) and not each.is_maximum:
            return
        outputs += int(np.sum(np.any(np.abs(claimed - right) > 1e-7, axis=1)))
    if outputs and enough(len(rows), outputs, len(failure.wrong)):
        yield Suspect(
            "each output pays the right amounts to the wrong entries",
            f"the shares of {outputs} outputs are right as numbers; their places are not those of their windows",
            "repeat each dy over its own window (np.repeat along each axis), do not lay copies side by side (np.tile)",
            FAMILY,
        )
