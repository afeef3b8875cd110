"""How the cost of a verdict grows: calls, time and memory against size, batch, depth and number of layers.

``python -m benchmarks.growth`` writes the table and the pictures; every row is measured in a process of its own. It
fails where a check holds more memory than ``bound`` allows.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import cnngrad as cg
from benchmarks.calls import at, counting, once, peak_memory
from benchmarks.record import commit
from benchmarks.sensitivity import MATCH, network_point
from cnngrad import layers
from cnngrad.core.arrays import outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.files import write_whole
from cnngrad.core.layer import Layer
from cnngrad.networks import lenet, perceptron

RESULTS = Path(__file__).parent / "results"
MIB = 2**20
Pair = tuple[Layer, Point]


def relu(entries: int) -> list[Pair]:
    return [at(layers.relu, "normal", {"x": (entries,)})]


def conv(entries: int) -> list[Pair]:
    """Images of about so many entries, 3x3 kernels, as many maps out as in."""
    maps = {100: 1, 1000: 4, 10_000: 8, 100_000: 8, 1_000_000: 16}[entries]
    samples = max(1, maps // 2)
    side = round(math.sqrt(entries / maps / samples))
    return [at(layers.conv2d, "normal", {"x": (samples, maps, side, side), "w": (maps, maps, 3, 3), "b": (maps,)})]


def dense(entries: int) -> list[Pair]:
    """A square matrix of about so many weights."""
    side = round(math.sqrt(entries))
    return [at(layers.dense, "normal", {"x": (2, side), "w": (side, side), "b": (side,)})]


def batch(samples: int) -> list[Pair]:
    net, two = lenet("mean"), network_point(lenet("mean"), 3, started=False)
    repeats = {"x": samples // 2, "E.t": samples // 2}
    values = [np.repeat(v, repeats.get(n, 1), axis=0) for n, v in zip(net.inputs, two.inputs, strict=True)]
    return [(net, replace(two, inputs=tuple(values)))]


def depth(stages: int) -> list[Pair]:
    net = perceptron((16,) * (stages + 1), f=layers.tanh, output="linear", batch=4)
    return [(net, network_point(net, 3, started=False))]


def number(count: int) -> list[Pair]:
    return conv(1000) * count


@dataclass(frozen=True)
class Sweep:
    """What grows, and how far for the one check and for the whole."""

    name: str
    axis: str
    make: Callable[[int], list[Pair]]
    gradients: Sequence[int]
    check: Sequence[int]


SIZES = (100, 1000, 10_000, 100_000, 1_000_000)
SWEEPS = {
    sweep.name: sweep
    for sweep in (
        Sweep("relu", "entries", relu, (*SIZES, 10_000_000), SIZES),
        Sweep("conv", "entries of the images", conv, SIZES, SIZES[:4]),
        Sweep("dense", "weights", dense, SIZES, SIZES[:4]),
        Sweep("LeNet", "samples", batch, (2, 4, 8, 16, 32), (2, 8, 32)),
        Sweep("chain of dense and tanh", "stages", depth, (1, 2, 4, 8, 16), (1, 4, 16)),
        Sweep("layers, one after the other", "layers", number, (1, 2, 4, 8), (1, 2, 4, 8)),
    )
}


@dataclass(frozen=True)
class Cost:
    """Of one verdict, or of the verdicts on several layers."""

    forwards: int
    backwards: int
    times: float  # one forward and backward of everything
    peak: float  # MiB, what the process held after its imports left out
    bound: float

    def __str__(self) -> str:
        return f"{self.forwards:,} + {self.backwards:,} | {self.times:,.0f} | {self.peak:,.0f} | {self.bound:,.0f}"


def judge(what: str, layer: Layer, point: Point) -> None:
    """Either way, a right layer must not be refused."""
    if what == "gradients":
        statuses = {str(result.status) for result in MATCH.run(layer, point)}
    else:
        plain = replace(layer, dims=None, where=None, features={}, config=dict(point.config))
        statuses = {str(cg.check(plain, *point.inputs, raise_on_failure=False).status)}
    assert statuses <= {"passed", "inconclusive"}, statuses


def bound(what: str, pairs: Sequence[Pair], unit: float) -> float:
    """MiB: copies of inputs and outputs, what one forward and backward hold, and 16 MiB for what never grows."""
    sizes = [_bytes(point.inputs) + _bytes(outputs_of(Evaluation(layer, point).output())) for layer, point in pairs]
    return {"gradients": 16, "check": 32}[what] * max(sizes) / MIB + 2 * unit + 16


def _bytes(arrays: Any) -> int:
    return sum(np.asarray(array).nbytes for array in arrays)


def measure(what: str, name: str, size: int) -> Cost:
    """In this process, which should be fresh: the peak is that of all its life."""
    judge(what, *relu(4)[0])  # imports what is needed
    before = peak_memory()
    pairs = SWEEPS[name].make(size)
    units = [once(*pair) for pair in pairs]
    for unit in units:
        unit()
    held = (peak_memory() - before) / MIB
    start, rounds = time.process_time(), 0
    while rounds < 3 or (rounds < 300 and time.process_time() - start < 0.2):
        for unit in units:
            unit()
        rounds += 1
    one = (time.process_time() - start) / rounds
    allowed = bound(what, pairs, held)
    calls = {"forward": 0, "backward": 0}
    start = time.process_time()
    for layer, point in pairs:
        judge(what, counting(layer, calls), point)
    taken = time.process_time() - start
    return Cost(calls["forward"], calls["backward"], taken / one, (peak_memory() - before) / MIB, allowed)


def measured(what: str, sweep: Sweep) -> Iterator[tuple[int, Cost]]:
    """One child process a row."""
    for size in getattr(sweep, what):
        command = [sys.executable, "-m", "benchmarks.growth", "--measure", what, sweep.name, str(size)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=900)
        yield size, Cost(**json.loads(done.stdout))
        print(f"done: {' '.join(command[4:])}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "SWEEP", "SIZE"), help="one row, printed as JSON")
    options = parser.parse_args()
    if options.measure:
        what, name, size = options.measure
        print(json.dumps(asdict(measure(what, name, int(size)))))
        return
    from benchmarks.growth_pictures import drawn, page

    costs = {(s.name, what): list(measured(what, s)) for s in SWEEPS.values() for what in ("gradients", "check")}
    drawn(costs, RESULTS)
    text = page(costs, commit())
    write_whole(RESULTS / "growth.md", lambda file: file.write(text.encode()))
    over = [f"{key} {size}: {c}" for key, rows in costs.items() for size, c in rows if c.peak > c.bound]
    if over:
        sys.exit("more memory than the bound allows:\n" + "\n".join(over))


if __name__ == "__main__":
    main()
