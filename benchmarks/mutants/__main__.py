"""What is left of the mutants: ``make mutants`` runs mutmut, this program sums up and asks a reason of each survivor.

``python -m benchmarks.mutants [FOLDER ...] [--write FILE]``, after ``python -m mutmut run`` in each folder. A mutant
is one small change of the code; it is killed when a test fails. Every survivor has to match a line of ``reasons``,
else the exit code is 1: kill it with a new test, or say there why no test can.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

# The same that `mutmut show` prints, without a new process for each.
from mutmut.__main__ import find_mutant, get_diff_for_mutant

from benchmarks.mutants.reasons import reason_for

DEAD = ("killed", "timeout", "segfault", "suspicious", "caught by type check")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed."""

    name: str
    change: str

    @property
    def reason(self) -> str | None:
        """Why no test can notice it, if that is known."""
        return reason_for(self.change)


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


def share(killed: int, of: int) -> str:
    """A percentage; nothing where nothing was run."""
    return f"{100 * killed / of:.1f} %" if of else ""


def in_a_cell(text: str) -> str:
    """For a cell of a Markdown table, which ends at a bar."""
    return text.replace("|", "\\|")


def summary(found: dict[str, str], alive: list[Survivor]) -> str:
    """The tables, as Markdown; the score leaves out the mutants that no test can notice."""
    lines = [
        "| part | mutants | killed | survived, explained | survived, unexplained | not run | killed of run | score |"
    ]
    lines += ["|---" * 8 + "|"]
    for part in dict.fromkeys(map(part_of, found)):
        kinds = Counter(what for name, what in found.items() if part_of(name) == part)
        mine = [each for each in alive if part_of(each.name) == part]
        explained = sum(each.reason is not None for each in mine)
        dead, total = sum(kinds[kind] for kind in DEAD), kinds.total()
        unrun = total - dead - len(mine)
        run = total - unrun
        lines.append(
            f"| {part} | {total} | {dead} | {explained} | {len(mine) - explained} | {unrun} "
            f"| {share(dead, run)} | {share(dead, run - explained)} |"
        )
    reasons = Counter(each.reason for each in alive if each.reason)
    lines += ["", "| survivors | why no test can notice them |", "|---|---|"]
    lines += [f"| {count} | {in_a_cell(why)} |" for why, count in reasons.most_common()]
    unexplained = [in_a_cell(each.change) for each in alive if not each.reason]
    lines += ["", f"Unexplained: {len(unexplained)}.", *(f"- `{change}`" for change in unexplained)]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", default=[Path()], help="where mutmut has run; this folder")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables there instead of printing them")
    options = parser.parse_args()
    found: dict[str, str] = {}
    alive: list[Survivor] = []
    for folder in options.folders:
        with chdir(folder):
            here = outcomes()
            alive += [survivor(name) for name, what in here.items() if what == "survived"]
        found |= here
    text = summary(dict(sorted(found.items())), alive)
    if options.write:
        options.write.write_text(text + "\n", "utf-8")
    else:
        print(text)
    return int(any(each.reason is None for each in alive))


if __name__ == "__main__":
    sys.exit(main())
