"""What one check found at one case: data, no prose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cnngrad.core.case import Case


class Status(StrEnum):
    """The five things a check can say."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Suspect:
    """A mistake that would explain a failure, with its evidence in numbers; never a certainty.

    Attributes:
        advice: what to change.
        family: the kind of mistake, in a word or two.
        link: the page of the derivation.
    """

    mistake: str
    evidence: str
    advice: str = ""
    family: str = ""
    link: str = ""


@dataclass(frozen=True)
class Where:
    """Where a wrong gradient is wrong, by what was seen at several configurations; no guess.

    Attributes:
        entries: which entries, in words.
        only: conditions without which no point was found wrong.
        failing: points at which it is wrong.
        such: points that meet the conditions, of all that were ``tried``.
        smallest: whether the case told is the smallest configuration that fails.
        side: whether the forward or the backward is off, where an independent computation tells.

    >>> print(Where("every entry", ("stride > 1", "H != W"), 5, 6, 12))
    every entry, only with stride > 1 and H != W (5 of 6 such points, none of 6 others)
    """

    entries: str = ""
    only: tuple[str, ...] = ()
    failing: int = 0
    such: int = 0
    tried: int = 0
    smallest: bool = False
    side: str = ""

    def __str__(self) -> str:
        if self.only:
            counts = f"{self.failing} of {self.such} such points, none of {self.tried - self.such} others"
            found = f"only with {' and '.join(self.only)} ({counts})"
        elif self.tried > 1:
            all_of_them = self.failing == self.tried
            found = (
                f"at all {self.tried} points tried"
                if all_of_them
                else f"at {self.failing} of {self.tried} points tried"
            )
        else:
            found = ""
        smallest = "this is the smallest configuration that fails" if self.smallest else ""
        return "; ".join(filter(None, (", ".join(filter(None, (self.entries, found))), smallest, self.side)))


@dataclass(frozen=True)
class Result:
    """The outcome of one check for one input (or for the whole layer, ``input=""``) at one case.

    Attributes:
        reason: why a result is ``not_applicable``, ``inconclusive`` or ``error``; for a failure that is no
            disagreement of numbers, what was found; for a pass at a kink, the convention taken.
        index: the worst entry; analytic, numeric and bound belong to it.
        how: how the numerical value was got.
        entries: gradient entries that were compared.
        differing: entries found wrong, where each was looked at.
        detectable: the smallest error in one entry that this comparison could have seen.
        scale: the largest entry of the claimed gradient, to hold ``detectable`` against.
        suspects: mistakes that would explain a failure, the simplest first.
        where: which entries and which configurations are wrong.
        unaffected: inputs that passed the same check at the same case.
        reproduce: one line that runs this check at this case again.
    """

    layer: str
    check: str
    status: Status
    input: str = ""
    reason: str = ""
    index: tuple[int, ...] | None = None
    analytic: float | None = None
    numeric: float | None = None
    bound: float | None = None
    how: str = ""
    entries: int = 0
    differing: int | None = None
    detectable: float | None = None
    scale: float | None = None
    case: Case | None = None
    suspects: tuple[Suspect, ...] = ()
    where: Where | None = None
    unaffected: tuple[str, ...] = ()
    reproduce: str = ""
    forward_calls: int = 0
    backward_calls: int = 0

    @property
    def accepted(self) -> bool:
        """Whether a gate lets this through."""
        return self.status in (Status.PASSED, Status.NOT_APPLICABLE)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        from dataclasses import asdict

        data = asdict(self)
        data["case"] = str(self.case) if self.case else None
        data["status"] = str(self.status)
        return data


def combine(statuses: Iterable[Status]) -> Status:
    """One status over many cases of one statement: failed, else error, else passed if any case judged it.

    >>> str(combine([Status.PASSED, Status.INCONCLUSIVE])), str(combine([Status.PASSED, Status.ERROR]))
    ('passed', 'error')
    """
    seen = set(statuses)
    for status in (Status.FAILED, Status.ERROR, Status.PASSED, Status.INCONCLUSIVE):
        if status in seen:
            return status
    return Status.NOT_APPLICABLE
