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
    """A mistake that would explain a failure, with its evidence in numbers; never a certainty."""

    mistake: str
    evidence: str
    advice: str = ""


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
