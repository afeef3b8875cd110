"""How often the mistake behind a wrong gradient is named: right, unknown or wrongly, over several draws.

``python -m benchmarks.naming --half development --draws 10`` prints a table. Only the first suspect counts, of the
first input that fails; a name is right if its family is the mistake's, or one of those listed beside it in ``SAME``:
families that differ in words, not in what the reader is told to change.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field

from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.diagnosis import Lead
from cnngrad.runner import check
from tests.mistakes import DEVELOPMENT, HELD_BACK, Mistake

# A mistake's family -> families of suspects that tell the same.
SAME: dict[str, tuple[str, ...]] = {
    "activation derivative": ("mask",),  # relu's derivative is its mask
    "mask": ("activation derivative", "not a number"),  # y/x as a mask is 0/0
    "missing term": ("not a number", "power"),  # a division left out is a power too many
    "power": ("missing term",),
    "dropped sample": ("dropped term",),  # which axis holds samples need not be declared
    "dropped term": ("dropped sample",),
    "assignment": (),
    "wrong input": ("order",),  # exchanged inputs
}


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
    assert isinstance(lead, Lead)
    right = lead.family in (mistake.family, *SAME.get(mistake.family, ()))
    return ("named" if right else "wrong"), f"[{lead.family}] {lead.mistake}"


def first_failure(layer: Layer, seed: int) -> Result | None:
    """The first wrong gradient that a quick check of the layer reports."""
    report = check(layer, seed=seed, effort="quick", select=("gradients_match_forward",), raise_on_failure=False)
    return next((r for r in report.failures if r.status == Status.FAILED), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("development", "held-back", "both"), default="development")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first draw; they are 1000 apart")
    parser.add_argument("--show", action="store_true", help="list what was not named, or wrongly")
    options = parser.parse_args()
    halves = {"development": DEVELOPMENT, "held-back": HELD_BACK}
    print("| mistakes | tried | named | unknown | wrong | not caught |\n|---|---|---|---|---|---|")
    for name, mistakes in halves.items():
        if options.half not in (name, "both"):
            continue
        tally, families = Tally(), {m.family: Tally() for m in mistakes}
        for draw in range(options.draws):
            for mistake in mistakes:
                outcome, lead = outcome_of(mistake, options.first + 1000 * draw)
                for each in (tally, families[mistake.family]):
                    each.add(mistake, outcome, lead)
        print(tally.row(f"{name}, {len(mistakes)} mistakes, {options.draws} draws"))
        for family, each in sorted(families.items()):
            print(each.row(f"  {family}"))
        if options.show:
            print("\n".join(sorted(set(tally.failing))))


if __name__ == "__main__":
    main()
