"""All measurements of verdicts, written to ``benchmarks/results/verdicts.md``.

``make bench-verdicts``, or ``python -m benchmarks.verdicts`` (``--quick`` for a fast look, printed and not written).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import calls, edges, false_alarms, sensitivity
from benchmarks.record import commit
from cnngrad.core.files import write_whole

RESULTS = Path(__file__).parent / "results" / "verdicts.md"
QUICK = "\n**A quick run: fewer trials and coordinates than the targets ask for; the counts stand in the tables.**\n"
HEAD = """# Verdicts: false alarms, sensitivity and cost

Measured at commit {commit} with {versions}, one thread, {cores} cores.
Reproduce with `make bench-verdicts` (about half an hour of processor time); points and errors are drawn from fixed
seeds, times are ratios within one run.
{note}
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
"""


def measured(quick: bool, trials: int, coordinates: int) -> dict[str, str]:
    """Every section, measured side by side in as many processes as there are cores."""
    off_scale = 5 if quick else 20
    slowest_first = sorted(range(len(sensitivity.classes())), key=lambda i: "networks" not in _name(i))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = {i: pool.submit(sensitivity.run_class, i, trials) for i in slowest_first}
        jobs = {
            "false_alarms": pool.submit(false_alarms.report, coordinates),
            "off_scale": pool.submit(sensitivity.off_scale_table, off_scale),
            "edges": pool.submit(edges.edge_table),
            "calls": pool.submit(calls.report, quick),
        }
        for name, job in jobs.items():
            job.add_done_callback(partial(_say_done, name))
        for number, row in rows.items():
            row.add_done_callback(partial(_say_done, _name(number)))
        table = sensitivity.class_table([rows[i].result() for i in sorted(rows)])
        return {name: job.result() for name, job in jobs.items()} | {"sensitivity": table}


def _say_done(name: str, job: Future[Any]) -> None:
    print(f"done: {name}", file=sys.stderr, flush=True)


def _name(number: int) -> str:
    return sensitivity.classes()[number].name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer trials, points and repeats")
    parser.add_argument("--trials", type=int, help="for each class of errors; 1,000 if left out, 20 if quick")
    parser.add_argument("--coordinates", type=int, help="of right layers; 1,000,000 if left out, 200,000 if quick")
    parser.add_argument("--out", type=Path, help=f"where the tables go; {RESULTS.name} if left out, printed if quick")
    options = parser.parse_args()
    trials = options.trials or (20 if options.quick else 1000)
    coordinates = options.coordinates or (200_000 if options.quick else 1_000_000)
    out = options.out or (None if options.quick else RESULTS)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scipy"))
    facts = {"commit": commit(), "versions": f"Python {platform.python_version()}, {versions}"}
    note = QUICK if options.quick or trials < 1000 or coordinates < 1_000_000 else ""
    text = HEAD.format(note=note, cores=os.cpu_count(), **facts, **measured(options.quick, trials, coordinates))
    if out is None:
        print(text)
    else:
        write_whole(out, lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()
