"""All measurements of verdicts, written to ``benchmarks/results/verdicts.md``.

``make bench-verdicts``, or ``python -m benchmarks.verdicts`` (``--quick`` for a fast look, printed and not written).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import calls, false_alarms, peers, sensitivity
from cnngrad.core.files import write_whole

RESULTS = Path(__file__).parent / "results" / "verdicts.md"
HEAD = """# Verdicts: false alarms, sensitivity, cost, and other checkers

Measured at commit {commit} with {versions}, one thread, {cores} cores.
Reproduce with `make bench-verdicts` (about half an hour of processor time); points and errors are drawn from fixed
seeds, times are ratios within one run.

## Right layers called wrong

None is the target, in at least 1,000,000 coordinates. The coordinates of one case share its values, so the cases are
counted beside them.

{false_alarms}

## How small an error is seen

The target is every trial. Caught means `failed`, by the one check `gradients_match_forward` (for float32:
`gradients_agree_in_float32`, the error planted only where the inputs are float32) at that one point. *Reached* rows say
what is caught where a target is missed.

{sensitivity}

{off_scale}

{edges}

## What a verdict costs

{calls}

## Beside other checkers

The same NumPy layers and points for all. A point is small: at most {most} entries.

{peers}
"""


def measured(quick: bool) -> dict[str, str]:
    """Every section, measured side by side in as many processes as there are cores."""
    trials, off_scale = (20, 3) if quick else (1000, 20)
    slowest_first = sorted(range(len(sensitivity.classes())), key=lambda i: "networks" not in _name(i))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = {i: pool.submit(sensitivity.run_class, i, trials) for i in slowest_first}
        jobs = {
            "false_alarms": pool.submit(false_alarms.report, 1 if quick else 1_000_000),
            "peers": pool.submit(peers.report, quick),
            "off_scale": pool.submit(sensitivity.off_scale_table, off_scale),
            "edges": pool.submit(sensitivity.edge_table),
            "calls": pool.submit(calls.report, quick),
        }
        table = sensitivity.class_table([rows[i].result() for i in sorted(rows)])
        return {name: job.result() for name, job in jobs.items()} | {"sensitivity": table}


def _name(number: int) -> str:
    return sensitivity.classes()[number].name


def commit() -> str:
    """The commit measured at, and whether the package had changes beyond it."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + (" with uncommitted changes" if _git("status", "--porcelain", "--", "cnngrad") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=True, cwd=RESULTS.parent.parent.parent
    )
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scipy"))
    facts = {"commit": commit(), "versions": f"Python {platform.python_version()}, {versions}", "most": peers.MOST}
    text = HEAD.format(cores=os.cpu_count(), **facts, **measured(quick))
    if quick:
        print(text)
    else:
        write_whole(RESULTS, lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()
