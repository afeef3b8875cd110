"""What is left of the mutants: ``make mutants`` runs mutmut, this program sums up and asks a reason of each survivor.

``python -m benchmarks.mutants [--write FILE]``, after ``python -m mutmut run``. A mutant is one small change of the
code; it is killed when a test fails. Every survivor has to match a line of ``REASONS``, else the exit code is 1: kill
it with a new test, or say here why no test can.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# The same that `mutmut show` prints, without a new process for each.
from mutmut.__main__ import find_mutant, get_diff_for_mutant

# What is matched is "function: removed line -> added line", each without its indentation.
REASONS: dict[str, str] = {
    r"strict=(None|False)|, \)\) *$|zip\(.*, \)": "the lengths are equal by construction; strict only says so",
    r"layers\.(conv|true_conv)\.x__(true_)?conv:": "runs on import, before a mutant is chosen",
}

DEAD = ("killed", "timeout", "segfault", "suspicious", "caught by type check")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed."""

    name: str
    change: str

    @property
    def reason(self) -> str | None:
        """Why no test can notice it, if that is known."""
        return next((why for pattern, why in REASONS.items() if re.search(pattern, self.change)), None)


def outcomes() -> dict[str, str]:
    """Every mutant with what became of it.

    Raises:
        SystemExit: there is none: mutmut has not run here.
    """
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    printed = subprocess.run(command, capture_output=True, text=True).stdout
    lines = (line.strip().rpartition(": ") for line in printed.splitlines())
    found = {name: what for name, _, what in lines if "__mutmut_" in name}
    if not found:
        raise SystemExit("there are no mutants here: run `make mutants`, or `python -m mutmut run` in this folder")
    return found


def survivor(name: str) -> Survivor:
    """A survivor with its change on one line."""
    diff = str(get_diff_for_mutant(name, path=find_mutant(name).path))
    lines = [line for line in diff.splitlines() if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")]
    old, new = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    function = re.sub(r"^cnngrad\.|__mutmut_\d+$", "", name)
    return Survivor(name, f"{function}: {old} -> {new}")


def part_of(name: str) -> str:
    return name.split(".")[1]


def summary(found: dict[str, str], alive: list[Survivor]) -> str:
    """The tables, as Markdown."""
    lines = ["| part | mutants | killed | survived, explained | survived, unexplained | not run | score |"]
    lines += ["|---" * 7 + "|"]
    for part in dict.fromkeys(map(part_of, found)):
        kinds = Counter(what for name, what in found.items() if part_of(name) == part)
        mine = [each for each in alive if part_of(each.name) == part]
        explained = sum(each.reason is not None for each in mine)
        dead, total = sum(kinds[kind] for kind in DEAD), kinds.total()
        unrun = total - dead - len(mine)
        score = dead / max(total - explained - unrun, 1)
        lines.append(
            f"| {part} | {total} | {dead} | {explained} | {len(mine) - explained} | {unrun} | {100 * score:.1f} % |"
        )
    reasons = Counter(each.reason for each in alive if each.reason)
    lines += ["", "| survivors | why no test can notice them |", "|---|---|"]
    lines += [f"| {count} | {why} |" for why, count in reasons.most_common()]
    unexplained = [each.change.replace("|", "\\|") for each in alive if not each.reason]
    lines += ["", f"Unexplained: {len(unexplained)}.", *(f"- `{change}`" for change in unexplained)]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables there instead of printing them")
    options = parser.parse_args()
    found = outcomes()
    alive = [survivor(name) for name, what in found.items() if what == "survived"]
    text = summary(found, alive)
    if options.write:
        options.write.write_text(text + "\n", "utf-8")
    else:
        print(text)
    return int(any(each.reason is None for each in alive))


if __name__ == "__main__":
    sys.exit(main())
