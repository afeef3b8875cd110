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
    r"-> .*\"XX(iu|iub|fiub)XX\"": "no dtype has the kind X",
    r"reshape\(.*, -2\)": "NumPy takes any negative number for the side that is left open",
    r"copy\(order=(None|\"k\")\)|zeros_like\(None, shape=": "says how the array lies in memory, not what is in it",
    r"place = np\.zeros_like\(": "places start at 0 in any shape and type; what follows broadcasts them",
    r"zeros\((dy|share|x), None\)|zeros_like\(like, shape=.*, (dtype=None)?\)": "it has that type anyway",
    r"np\.result_type\((None, (x|beta)|(dy|delta), None)\)": "in double at least, rounded once at the end",
    r"sum\(\(.*for tap in g\.taps\(\)\), \)": "there is always a tap, so what the sum starts from does not matter",
    r"-> .*np\.where\((total|largest) == 0, (2|largest\.dtype\.type\(2\)),": "0 over anything is 0",
    r"_has_tie: .*pooling\((None|\"XXmax_poolXX\"|\"MAX_POOL\"), x": "the layer refuses such a point first",
    r"\(np\.isrealobj\(x\)\) and False": "of real numbers both ways are the absolute value",
    r"rng\.integers\(9, size=shape\)": "numbers below 9 are drawn from 0 on",
    r"np\.zeros\(\(1, columns|np\.zeros_like\(columns\[:2\]\)": "an empty colour in store is taken next, as a new one",
    r"kind=\"STABLE\"": "NumPy takes either case",
    r"int\(chosen\.max\(initial=-2\)\)": "where there is no input there is no colour either way",
    r"(both_sides|writeable)=None": "as false as False",
    r"exact_difference\(Line\(f, at, direction, None": "the difference of every output by itself does not use dy",
    r"np\.arange\(levels, (dtype=None)?\)": "4.0 to a whole power is a double either way",
    r"a\.astype\(None\) if|astype\(None\), exponents": "NumPy's default is double",
    r"error <= (bound, better|chosen\[1\])": "of two entries with the same error either will do",
    r"\[~np\.isfinite\(found\)\] = None": "None put into an array of doubles is NaN",
    r"\) / rng\.choice\(\[-1\.0, 1\.0\], size\)|share / signs": "dividing by a sign multiplies by it",
    r"zeros\(rows\.shape, (None)?\)": "in double at least, rounded once to the kernel's type",
    r"zeros\(rows\.shape, np\.result_type\((x|dy, )\)\)": "of one type in every call; else rounded to the kernel's",
    r"max\(entries, 2\)": "a block holds a million samples of one entry, or half of them",
    r"\(len\(blocks\) == 1\) and False": "one block joined to no other is that block",
    r"_inner\] if \(any\(self\.pad\)\) or True": "without a border the inside is all of it",
    r"default_rng\((None|1)\)\.uniform": "any draw of full mantissas will do",
    r"-> .*np\.where\(at == 0, 2\.0": "how far an entry of 0 is moved does not matter, as long as it is",
    r"np\.abs\(values\) <= SMALL": "that number itself is a short one, and left out as such",
    r"134217730": "it splits a mantissa into two halves just as well",
    r"most: int = 65": "steps come in pairs: an odd forward is not spent",
    r"step <= enough": "the same points are asked again",
    r"_inside: .*y0 - step \* quotient": "as far to the other side",
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


def share(killed: int, of: int) -> str:
    """A percentage; nothing where nothing was run."""
    return f"{100 * killed / of:.1f} %" if of else ""


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
