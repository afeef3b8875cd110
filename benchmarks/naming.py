"""How often the mistake behind a wrong gradient is named: right, unknown or wrongly, over several draws.

``python -m benchmarks.naming`` writes ``benchmarks/results/naming.md``; ``--set held-back --draws 1 --show`` is a quick
look. Only the first suspect counts, of the first input that fails; a name is right if its family is the mistake's, or
one of those listed beside it in ``SAME``: families that differ in words, not in what the reader is told to change.

Both halves have been seen while rules were written, the held-back one since its first measure (68.9 % named, 14.8 %
unknown, 16.4 % wrong). The third set, written by somebody who has not seen the rules, is the measure.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.runner import check
from tests.mistakes import DEVELOPMENT, HELD_BACK, Mistake

# A mistake's family -> families of suspects that tell a reader to change the same thing. A suspect of the families
# "constant factor" and "extra factor" says which factor every single entry shows, so it cannot be another mistake;
# whether its author filed it as a missing term, a power or a slope is a matter of words.
FACTOR = ("constant factor", "extra factor")
SAME: dict[str, tuple[str, ...]] = {
    "activation derivative": ("mask", "extra factor"),  # relu's derivative is its mask
    "mask": ("activation derivative", "not a number"),  # y/x as a mask is 0/0
    "missing term": ("not a number", "power", "sign", "added term", *FACTOR),
    "power": ("missing term", *FACTOR),
    "sign": ("constant factor",),  # -1
    "constant factor": ("sign", "extra factor"),
    "dropped sample": ("dropped term",),  # which axis holds samples need not be declared
    "dropped term": ("dropped sample",),
    # Exchanged inputs; a term with another array in it; db from dy and not from dy times f'.
    "wrong input": ("order", "missing term", "mask", "activation derivative", *FACTOR),
}


RESULTS = Path(__file__).parent / "results" / "naming.md"
HEADER = "| mistakes | tried | named | unknown | wrong | not caught |\n|---|---|---|---|---|---|"
OUTCOMES = ("named", "unknown", "wrong", "not caught")


@dataclass
class Tally:
    """One group of mistakes, over all draws."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failing: list[str] = field(default_factory=list)

    def add(self, mistake: Mistake, outcome: str, lead: str) -> None:
        self.outcomes[outcome] += 1
        if outcome != "named":
            self.failing.append(f"{mistake.name} ({mistake.family}; {mistake.says}): {lead or outcome}")

    def row(self, name: str) -> str:
        total = self.outcomes.total() or 1
        shares = (f"{self.outcomes[key]} ({self.outcomes[key] / total:.1%})" for key in OUTCOMES)
        return f"| {name} | {self.outcomes.total()} | {' | '.join(shares)} |"


def outcome_of(mistake: Mistake, seed: int) -> tuple[str, str]:
    """``named``, ``unknown``, ``wrong`` or ``not caught``; and the first suspect's family and sentence."""
    failure = first_failure(mistake.wrong, seed)
    if failure is None:
        return "not caught", ""
    if not failure.suspects:
        return "unknown", ""
    lead = failure.suspects[0]
    right = lead.family in (mistake.family, *SAME.get(mistake.family, ()))
    return ("named" if right else "wrong"), f"[{lead.family}] {lead.mistake}"


def first_failure(layer: Layer, seed: int) -> Result | None:
    """The first wrong gradient that a quick check of the layer reports."""
    report = check(layer, seed=seed, effort="quick", select=("gradients_match_forward",), raise_on_failure=False)
    return next((r for r in report.failures if r.status == Status.FAILED), None)


def sets() -> dict[str, tuple[Mistake, ...]]:
    """Every set of mistakes by name; the unseen one as soon as somebody has written it."""
    found = {"development": DEVELOPMENT, "held-back": HELD_BACK}
    with suppress(ModuleNotFoundError):
        found["third"] = tuple(importlib.import_module("tests.mistakes.third").THIRD)
    return found


def tallies(mistakes: Sequence[Mistake], draws: int, first: int) -> dict[str, Tally]:
    """One tally for all (under no name) and one a family; draws are 1000 seeds apart."""
    found = {"": Tally()} | {family: Tally() for family in sorted({m.family for m in mistakes})}
    for draw in range(draws):
        for mistake in mistakes:
            outcome, suspect = outcome_of(mistake, first + 1000 * draw)
            found[""].add(mistake, outcome, suspect)
            found[mistake.family].add(mistake, outcome, suspect)
    return found


def document(found: dict[str, dict[str, Tally]], draws: int) -> str:
    """The whole page that is committed."""
    lines = [
        "# Which mistake it is",
        "",
        f"`python -m benchmarks.naming` plants every mistake of `tests/mistakes` in a right layer, over {draws} draws,",
        "and looks at the first suspect of the first gradient that a quick check reports. *Named*: its family is that",
        "of the mistake, or one that tells a reader to change the same thing (`SAME` in `benchmarks/naming.py`).",
        "*Unknown*: there is no suspect. *Wrong*: any other. The rules were written with the development half and then",
        "with the held-back half in sight; the third set, where it stands below, was written by somebody who had not",
        "seen them, and is the measure.",
        "",
        HEADER,
        *(families[""].row(f"**{name}**") for name, families in found.items()),
    ]
    for name, families in found.items():
        lines += ["", f"## {name}", "", HEADER, *(t.row(family) for family, t in families.items() if family)]
        failing = sorted(set(families[""].failing))
        lines += ["", *(f"- {line}" for line in failing)] if failing else []
    return "\n".join([*lines, ""])


def main() -> None:
    os.environ["CNNGRAD_MEMORY"] = "off"  # cases kept from another run would be tried first
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=(*sets(), "all"), default="all")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first draw; they are 1000 apart")
    parser.add_argument("--show", action="store_true", help="print what was not named, and write no file")
    options = parser.parse_args()
    chosen = {name: ms for name, ms in sets().items() if options.set in (name, "all")}
    found = {name: tallies(mistakes, options.draws, options.first) for name, mistakes in chosen.items()}
    page = document(found, options.draws)
    print(page)
    if not options.show and options.set == "all":
        RESULTS.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
