"""How often the mistake behind a wrong gradient is named: right, unknown or wrongly, over several draws.

``python -m benchmarks.naming`` writes ``benchmarks/results/naming.md``; ``--set held-back --draws 1 --show`` is a quick
look. Only the first suspect counts, of the first input that fails; a name is right if its family is the mistake's, or
one of those listed beside it in ``SAME``: families that differ in words, not in what the reader is told to change. A
set may list more of them for single mistakes (``ALSO`` in its file). Where no gradient is wrong by itself, the other
checks are asked: those in ``OF_CHECKS`` say in their own sentence that calls are not independent.

A set is blind until its first measure; afterwards rules are written with it in sight. ``BLIND`` keeps those measures.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.report import GRADIENTS
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


# Checks whose own sentence names such a mistake: no gradient shows it as long as calls do not disturb each other.
OF_CHECKS: dict[str, tuple[str, ...]] = {"calls_are_independent": ("accumulated", "stale cache")}

BLIND = {
    "held-back": "68.9 % named, 14.8 % unknown, 16.4 % wrong",
    "third": "77.5 % named (69 of 89), 10.1 % unknown (9), 10.1 % wrong (9), 2.2 % not caught (2), in one draw",
    "fourth": "69.4 % named (50 of 72), 18.1 % unknown (13), 9.7 % wrong (7), 2.8 % not caught (2), in one draw",
    "fifth": "87.5 % named (42 of 48), 10.4 % unknown (5), 2.1 % wrong (1), in one draw",
    "seventh": "92.2 % named (47 of 51), 7.8 % unknown (4), none wrong, in one draw",
    "sixth": "87.5 % named (42 of 48), 8.3 % unknown (4), 4.2 % wrong (2), in one draw",
    "eighth": "91.0 % named (61 of 67), 6.0 % unknown (4), 3.0 % wrong (2), in one draw",
    "ninth": "96.0 % named (48 of 50), 2.0 % unknown (1), 2.0 % wrong (1), in one draw",
}

# What a language model that saw neither rules nor families made of the messages of the blind measures: whether a reader
# who has the message alone would change the right thing. In doubt, wrong.
READ = (
    "A language model that knew neither rules nor families read every message of these measures and judged, in doubt",
    "against it, whether a reader who has it alone would change the right thing:",
    "",
    "| set | named | unknown | wrong |",
    "|---|---|---|---|",
    "| fifth | 81.2 % (39 of 48) | 10.4 % (5) | 8.3 % (4) |",
    "| seventh | 88.2 % (45 of 51) | 7.8 % (4) | 3.9 % (2) |",
    "| sixth | 87.5 % (42 of 48) | 8.3 % (4) | 4.2 % (2) |",
    "| eighth | 89.6 % (60 of 67) | 6.0 % (4) | 4.5 % (3) |",
    "| ninth | 92.0 % (46 of 50) | 2.0 % (1) | 6.0 % (3) |",
)

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
    accepted = {mistake.family, *SAME.get(mistake.family, ()), *also().get(mistake.name, ())}
    if failure is None:
        return _by_another_check(mistake, seed, accepted)
    if not failure.suspects:
        return "unknown", ""
    lead = failure.suspects[0]
    return ("named" if lead.family in accepted else "wrong"), f"[{lead.family}] {lead.mistake}"


def first_failure(layer: Layer, seed: int, select: Sequence[str] = (GRADIENTS,)) -> Result | None:
    """The first wrong gradient, or the first failure of any check, that a quick check of the layer reports."""
    report = check(layer, seed=seed, effort="quick", select=tuple(select), raise_on_failure=False)
    return next((r for r in report.failures if r.status == Status.FAILED), None)


def _by_another_check(mistake: Mistake, seed: int, accepted: set[str]) -> tuple[str, str]:
    failure = first_failure(mistake.wrong, seed, ())
    if failure is None:
        return "not caught", ""
    if failure.check not in OF_CHECKS:
        return "unknown", f"{failure.check} failed"
    named = bool(accepted.intersection(OF_CHECKS[failure.check]))
    return ("named" if named else "wrong"), f"[{failure.check}] {failure.reason}"


def sets() -> dict[str, tuple[Mistake, ...]]:
    """Every set of mistakes by name."""
    return {"development": DEVELOPMENT, "held-back": HELD_BACK, **{n: tuple(m) for n, (m, _) in _later().items()}}


@cache
def also() -> dict[str, tuple[str, ...]]:
    """For single mistakes of the later sets, the families that say the same of them."""
    return {name: tuple(families) for _, listed in _later().values() for name, families in listed.items()}


@cache
def _later() -> dict[str, tuple[Sequence[Mistake], dict[str, Sequence[str]]]]:
    """The sets written after the rules, each with its ``ALSO``; those that somebody has written."""
    found = {}
    for name in ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"):
        with suppress(ModuleNotFoundError):
            module = importlib.import_module(f"tests.mistakes.{name}")
            found[name] = (getattr(module, name.upper()), getattr(module, "ALSO", {}))
    return found


def sheet(mistakes: Sequence[Mistake], seed: int) -> str:
    """For whoever judges without the families: what is wrong, and the message."""
    lines = []
    for number, mistake in enumerate(mistakes, start=1):
        outcome, _ = outcome_of(mistake, seed)
        told = check(mistake.wrong, seed=seed, effort="quick", raise_on_failure=False)
        lines += ["", f"{number}. {mistake.name}: {mistake.says}", f"   by family: {outcome}"]
        lines += [f"   {line}" for line in str(told).splitlines()[:18]]
    return "\n".join(lines)


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
        "of the mistake, or one that tells a reader to change the same thing (`SAME` in `benchmarks/naming.py`),",
        "or that its own set lists for this one mistake (`ALSO` there). *Unknown*: there is no suspect. *Wrong*: any",
        "other. Where no gradient is wrong by itself, a failing check that says that calls are not independent names a",
        "stale cache, or a gradient that piles up.",
        "",
        HEADER,
        *(families[""].row(f"**{name}**") for name, families in found.items()),
        "",
        "What a set says of unseen mistakes is its first measure alone: each was written without sight of the rules,",
        "of what reports say and of the other sets, those from the fifth on by language models that were given the",
        "layers and their derivations alone, and measured before a rule was written with it in sight.",
        "The first four ask for as many kinds of mistakes as there are; those from the fifth on for what students and",
        "engineers really write, in the frequencies of public code. In the order of their measures:",
        "",
        *(f"- {name}, blind: {measure}" for name, measure in BLIND.items()),
        "",
        *READ,
        "",
        "The table has the figures after the rules saw these sets: nothing once named is lost, and nothing more is",
        "said of new mistakes. Single other families (`ALSO` of the later sets) were listed after the measures",
        "too, where the suspect says what is wrong in words filed under another family.",
    ]
    for name, families in found.items():
        lines += ["", f"## {name}", "", HEADER, *(t.row(family) for family, t in families.items() if family)]
        failing = sorted(set(families[""].failing))
        lines += ["", *(f"- {line}" for line in failing)] if failing else []
    return "\n".join([*lines, ""])


def main() -> None:
    os.environ["CNNGRAD_MEMORY"] = "off"  # cases kept from another run would be tried first
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=tuple(sets()), nargs="+", default=tuple(sets()))
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first draw; they are 1000 apart")
    parser.add_argument("--show", action="store_true", help="print what was not named, and write no file")
    parser.add_argument("--sheet", action="store_true", help="print what every message says, and write no file")
    options = parser.parse_args()
    chosen = {name: ms for name, ms in sets().items() if name in options.set}
    if options.sheet:
        print("\n".join(sheet(mistakes, options.first) for mistakes in chosen.values()))
        return
    found = {name: tallies(mistakes, options.draws, options.first) for name, mistakes in chosen.items()}
    page = document(found, options.draws)
    print(page)
    if not options.show:
        RESULTS.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
