"""What became of the planted mistakes: data, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cnngrad.core.case import Case
from cnngrad.core.layer import Layer


class Fate(StrEnum):
    """The three things that become of a mistake."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Outcome:
    """One mistake planted at one place.

    Attributes:
        mistake: what was wrong, in words.
        input: the input whose gradient it was planted in, or that it concerns; empty for the whole layer.
        check: which check caught it.
        case: at which case; the cases are tried from the smallest configuration on.
        reason: why it was not applicable, or how it survived.
        calls: forward and backward calls of that check at that case.
        raised: whether it was caught because the layer raised with it.
    """

    mistake: str
    input: str
    fate: Fate
    check: str = ""
    case: Case | None = None
    reason: str = ""
    calls: int = 0
    raised: bool = False


@dataclass(frozen=True)
class Audit:
    """All planted mistakes and what became of them; prints as a table.

    Attributes:
        layer: the audited one, which is right.
        points: at how many points its gate looks.
        outcomes: one for each mistake and place.
    """

    layer: Layer
    points: int
    outcomes: tuple[Outcome, ...]

    def of(self, fate: Fate) -> tuple[Outcome, ...]:
        """The outcomes that ended so."""
        return tuple(each for each in self.outcomes if each.fate == fate)

    @property
    def ok(self) -> bool:
        """Whether every mistake that makes a difference was caught, and there was one."""
        return bool(self.of(Fate.CAUGHT)) and not self.of(Fate.SURVIVED)

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.of(fate))} {fate}" for fate in Fate)
        first = f"{self.layer.name}: {len(self.outcomes)} mistakes planted in its right backward: {counts}"
        rows = [
            _cells(self.layer, group)
            for fate in (Fate.SURVIVED, Fate.CAUGHT, Fate.NOT_APPLICABLE)
            for group in _grouped(self.of(fate))
        ]
        return "\n".join([first, *_table([TITLES, *rows])])


TITLES = ("mistake", "in", "caught by", "calls", "at, or why not")


def _grouped(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """The same mistake with the same end in several inputs is one row."""
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault((each.mistake, each.check, each.raised, each.case, each.reason), []).append(each)
    return list(groups.values())


def _cells(layer: Layer, group: list[Outcome]) -> tuple[str, ...]:
    first = group[0]
    where = ", ".join(each.input for each in group if each.input)
    if first.fate == Fate.CAUGHT:
        caught_by = f"{first.check} (raised)" if first.raised else first.check
        return first.mistake, where, caught_by, str(first.calls), _shown(layer, first.case)
    return first.mistake, where, str(first.fate).upper() if first.fate == Fate.SURVIVED else "-", "", first.reason


def _shown(layer: Layer, case: Case | None) -> str:
    """A case by what is not smallest in it."""
    if case is None:
        return ""
    lowest = {name: low for name, (low, _) in (layer.dims or {}).items()}
    sizes = [f"{name}={size}" for name, size in case.dims if size != lowest.get(name)]
    shapes = [f"{name}={shape}" for name, shape in case.shapes]
    return " ".join([*(sizes or (["smallest"] if case.dims else [])), *shapes, f"values={case.values}"])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]
