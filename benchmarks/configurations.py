"""What the search over configurations finds, how often it is wrong, and what it costs.

``python -m benchmarks.configurations [--quick N --normal N] [--write]``: every layer of ``tests/wrong_at`` (wrong where
one feature holds, right elsewhere), its right twins over many seeds, and the cost of a check in forward calls and as a
multiple of one forward + backward.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import commit
from cnngrad import layers
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, Point
from cnngrad.core.files import write_whole
from cnngrad.core.layer import Layer
from cnngrad.core.values import rng_for
from cnngrad.networks import initial, inputs_for, lenet, one_hot_rows
from cnngrad.report import GRADIENTS
from cnngrad.runner import check
from tests.wrong_at import ALL, TWINS, WrongAt

RESULTS = Path(__file__).parent / "results" / "configurations.md"
HEAD = """# Beyond one point: what the search over configurations finds and costs

Measured at commit {commit}. Every layer of `tests/wrong_at` is wrong exactly where one feature, or a pair of them,
holds and right elsewhere; it is checked with no hint beyond its `dims`. *Smallest*: the failure was shrunk to that
feature alone. The right twins are checked under many seeds. Reproduce with `python -m benchmarks.configurations`.

"""
RUNS = 31  # forwards and backwards timed, of which the median counts


def caught_row(wrong: WrongAt, seed: int) -> tuple[bool, str]:
    """One wrong layer at normal effort, all checks."""
    report = check(wrong.layer, seed=seed, raise_on_failure=False, diagnose=False)
    found = next((r for r in report.failures if r.check == GRADIENTS and r.input == wrong.input and r.case), None)
    if found is None or found.case is None:
        return False, f"| {wrong.feature} | {wrong.twin.name} | NOT CAUGHT | |"
    lowest = {name: low for name, (low, _) in (wrong.twin.dims or {}).items()}
    above = " ".join(f"{name}={size}" for name, size in found.case.dims if size != lowest[name])
    smallest = above in wrong.smallest
    shown = f"{above or 'everything at its lowest'}, {found.case.values}"
    return smallest, f"| {wrong.feature} | {wrong.twin.name} | {shown} | {'yes' if smallest else 'NO'} |"


def caught(seed: int) -> Iterator[str]:
    """All wrong layers."""
    yield "| wrong only at | layer | shrunk to | smallest |"
    yield "|---|---|---|---|"
    rows = [caught_row(wrong, seed) for wrong in ALL]
    yield from (row for _, row in rows)
    missed = sum("NOT CAUGHT" in row for _, row in rows)
    yield f"\n{len(rows) - missed} of {len(rows)} caught, {sum(good for good, _ in rows)} shrunk to the feature alone."


def alarms_row(twin: Layer, effort: str, seeds: int) -> str:
    """A right layer under many seeds."""
    wrong = []
    for seed in range(seeds):
        report = check(twin, seed=seed, effort=effort, raise_on_failure=False, diagnose=False)
        wrong += [f"{seed}: {report}"] if not report.ok else []
    said = f"; the first: {wrong[0].splitlines()[0]}" if wrong else ""
    return f"| {twin.name} | {effort} | {len(wrong)} in {seeds:,}{said} |"


def network() -> tuple[Layer, tuple[Any, ...]]:
    """LeNet on two images, a little beside where training starts."""
    net = lenet("mean")
    rng = rng_for(0, "lenet")
    values: dict[str, Any] = {n: v + 0.1 * rng.standard_normal(v.shape) for n, v in initial(net, rng).items()}
    values["x"] = rng.standard_normal((2, 1, 28, 28))
    values["E.t"] = one_hot_rows(rng, (2, 10), None)
    return net, tuple(inputs_for(net, values))


def cost_row(name: str, layer: Layer, arrays: tuple[Any, ...], effort: str) -> str:
    """One check beside one forward + backward at a middling point of the same layer."""
    started = time.perf_counter()
    report = check(layer, *arrays, effort=effort)
    seconds = time.perf_counter() - started
    single = _forward_and_backward(layer, arrays)
    totals = report.totals
    return (
        f"| {name} | {effort} | {totals.cases} | {totals.forward_calls:,} | {totals.backward_calls:,} | "
        f"{seconds / single:,.0f} |"
    )


def _forward_and_backward(layer: Layer, arrays: tuple[Any, ...]) -> float:
    if arrays:
        point = Point(Case(), layer.inputs, arrays)
    else:
        middling = tuple((name, (low + high + 1) // 2) for name, (low, high) in (layer.dims or {}).items())
        point = Case(middling).point(layer)
    at = Evaluation(layer, point)
    y, _ = at.vjp(point.inputs)
    dy = np.ones(np.size(y))
    return _median(lambda: at.gradients(dy))


def _median(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def costs() -> Iterator[str]:
    """The cost of a check."""
    yield "| layer | effort | points | forwards | backwards | time (fb) |"
    yield "|---|---|---|---|---|---|"
    net, values = network()
    cases: tuple[tuple[str, Layer, tuple[Any, ...]], ...] = (
        ("convolution", layers.conv2d, ()),
        ("max pooling", layers.max_pool, ()),
        ("LeNet, batch 2, at given arrays", net, values),
    )
    for name, layer, arrays in cases:
        for effort in ("quick", "normal"):
            yield cost_row(name, layer, arrays, effort)
    yield "\nfb: the time of one forward + backward of the same layer, at the middle of its dims."


def alarms(quick: int, normal: int) -> Iterator[str]:
    """The right twins."""
    yield "| right twin | effort | called wrong |"
    yield "|---|---|---|"
    for twin in TWINS:
        for effort, seeds in (("quick", quick), ("normal", normal)):
            yield alarms_row(twin, effort, seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", type=int, default=1000, metavar="SEEDS")
    parser.add_argument("--normal", type=int, default=100, metavar="SEEDS")
    parser.add_argument("--seed", type=int, default=0, help="of the wrong layers")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    os.environ["CNNGRAD_MEMORY"] = "off"
    lines = []
    for line in (*costs(), "", *caught(options.seed), "", *alarms(options.quick, options.normal)):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        text = HEAD.format(commit=commit()) + "\n".join(lines) + "\n"
        write_whole(RESULTS, lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main()
