"""What starting costs: ``import cnngrad``, ``cnngrad --version``, and the plugin in an empty pytest run.

``python -m benchmarks.startup [--write]``. Every command stands beside the plain one that it is held against; they are
run in turn, and the ratio of the medians counts.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cnngrad.core.files import write_whole

RESULTS = Path(__file__).parent / "results" / "startup.md"
ROUNDS = 41
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "empty.py")
SCRIPT = "import sys; from cnngrad.__main__ import main; sys.exit(main())"  # as an installer writes it
PAIRS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "`import cnngrad` beside `pass`": (("-c", "import cnngrad"), ("-c", "pass")),
    "`import cnngrad` beside `import numpy`": (("-c", "import cnngrad"), ("-c", "import numpy")),
    "`cnngrad --version` beside `pass`": (("-c", SCRIPT, "--version"), ("-c", "pass")),
    "`cnngrad --help` beside `import argparse`": (("-c", SCRIPT, "--help"), ("-c", "import argparse")),
    "an empty pytest run with the plugin beside one without": (PYTEST, (*PYTEST, "-p", "no:cnngrad")),
}
HEAD = """# What starting costs

Ratios of medians over {rounds} runs of each command, taken in turn, in processor time of the whole command. *Noise* is
the same ratio of the plain command's odd runs to its even ones. *Modules* are those imported beyond the plain command's
(by `-X importtime`), which no other work on the machine can change. Reproduce with `python -m benchmarks.startup`.

| what | times as much | noise | modules |
|---|---|---|---|
"""


def seconds(arguments: Sequence[str], folder: str) -> float:
    """Processor time of one command, which other work on the machine touches little."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imported(arguments: Sequence[str], folder: str) -> int:
    """How many modules a command imports."""
    command = [sys.executable, "-X", "importtime", *arguments]
    told = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return told.count("import time:")


def row(name: str, rounds: int, folder: str) -> str:
    """One pair, measured."""
    ours, plain = PAIRS[name]
    times = [(seconds(ours, folder), seconds(plain, folder)) for _ in range(rounds)]
    median_ours, median_plain = (statistics.median(column) for column in zip(*times, strict=True))
    noise = statistics.median(t for _, t in times[1::2]) / statistics.median(t for _, t in times[::2])
    more = imported(ours, folder) - imported(plain, folder)
    return f"| {name} | {median_ours / median_plain:.2f} | {noise:.2f} | {more:+d} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty.py").write_text("")
        text = HEAD.format(rounds=options.rounds)
        text += "".join(f"{row(name, options.rounds, folder)}\n" for name in PAIRS)
    print(text)
    if options.write:
        write_whole(RESULTS, lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()
