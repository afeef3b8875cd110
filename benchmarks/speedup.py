"""The same sweep in one process, by a pool of two and by Dask's cluster of two: the same report, and how much sooner.

``python -m benchmarks.speedup [--write]``. Ratios of one run on one machine; what else runs there lowers them.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.scopes import FEW, SOME
from benchmarks.sweep import swept
from cnngrad.core.files import write_whole
from cnngrad.work import Processes, Work

RESULTS = Path(__file__).parent / "results" / "speedup.md"
WORKERS = 2
ROUNDS = 3
HEAD = """# Two workers beside one

The exhaustive sweep of `relu_conv` in a small scope ({points:,} points), by the same code each way; the median of
{rounds} rounds, taken in turn on a machine of {cores} cores with {load:.1f} processes waiting or running on average
meanwhile. Reproduce with `python -m benchmarks.speedup`.

| who does the work | the report | times as fast as one process |
|---|---|---|
"""


@contextmanager
def dask() -> Iterator[Executor]:
    """Two processes of one thread each."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


WAYS: dict[str, Any] = {
    "one process": nullcontext,
    f"a process pool of {WORKERS}": lambda: Processes(WORKERS),
    f"a Dask LocalCluster of {WORKERS}": dask,
}


def measured() -> Iterator[tuple[str, str, float]]:
    """For each way its report as JSON and the seconds it takes, workers warm."""
    for name, make in WAYS.items():
        with make() as executor, Work(executor) as work:
            swept(FEW, work)  # what workers import is no part of the work
            started = time.perf_counter()
            report = swept(SOME, work)
            yield name, report.to_json(), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    rounds = [list(measured()) for _ in range(ROUNDS)]
    alone = rounds[0][0][1]
    lines = []
    for k, name in enumerate(WAYS):
        same = all(one[k][1] == alone for one in rounds)
        ratios = sorted(one[0][2] / one[k][2] for one in rounds)
        lines.append(f"| {name} | {'the same bytes' if same else '**another**'} | {ratios[len(ratios) // 2]:.2f} |")
    points = json.loads(alone)["layers"][0]["totals"]["cases"]
    facts = {"points": points, "rounds": ROUNDS, "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    text = HEAD.format(**facts) + "\n".join(lines) + "\n"
    print(text)
    if options.write:
        write_whole(RESULTS, lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()
