"""Where nothing else fits: in which configurations the claim is wrong, and in which it is right."""

from __future__ import annotations

from collections.abc import Iterator

from cnngrad.core.result import Suspect
from cnngrad.diagnosis.conditions import CONDITIONS
from cnngrad.diagnosis.failure import Failure

ENOUGH = 3  # points on either side
SHARE = 0.6  # of the points with the condition that must be wrong; without it none may be

# What a condition says of the mistake; the others say only where to look.
TELLING: dict[str, tuple[str, str]] = {
    "stride > 1": ("geometry", "the stride is not taken into account as in the forward"),
    "padding": ("geometry", "the padding is not taken off as it was put on"),
    "dilation > 1": ("geometry", "the dilation is not taken into account as in the forward"),
    "a remainder": ("geometry", "the remainder, which no window reaches, is not taken into account"),
    "windows that overlap": ("assignment", "the shares of windows that overlap are not added up"),
    "strides that differ by axis": ("geometry", "the stride of one axis is used for another"),
    "a window whose sides differ": ("geometry", "the window's sides are exchanged"),
    "H != W": ("geometry", "height and width are exchanged"),
}


def only_where(failure: Failure) -> Iterator[Suspect]:
    """A condition without which the claim is always right, and with which it mostly is wrong: the sharpest one."""
    found: list[tuple[float, str, str]] = []
    for name, holds in CONDITIONS:
        divided = [(bool(holds(point)), wrong) for point, wrong in failure.seen]
        with_it = sum(held for held, _ in divided)
        wrong = sum(w for _, w in divided)
        without = len(divided) - with_it
        if wrong < ENOUGH or without < ENOUGH or any(w and not held for held, w in divided):
            continue
        if wrong / with_it >= SHARE:
            told = f"wrong in {wrong} of {with_it} cases tried with {name}, right in all {without} without"
            found.append((wrong / with_it, name, told))
    best = [each for each in found if each[0] == max(share for share, *_ in found)]
    # Two that are as sharp cannot be told apart, and one may say nothing of the mistake.
    if len(best) == 1 and best[0][1] in TELLING:
        (_, name, evidence), (family, words) = best[0], TELLING[best[0][1]]
        yield Suspect(words, evidence, f"follow it through the backward: it fails only with {name}", family=family)
