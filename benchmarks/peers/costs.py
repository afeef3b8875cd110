"""What the checkers cost for right layers of real sizes, each in a process of its own; and the targets beside torch.

``python -m benchmarks.peers.costs --peer "torch slow" --layer LeNet`` measures one and prints it as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

from benchmarks.calls import at, convolution, counting, dense_192, multiple, once, peak_memory
from benchmarks.peers.checkers import PEERS
from benchmarks.sensitivity import network_point
from cnngrad import layers
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer
from cnngrad.networks import lenet


def lenet_point() -> tuple[Layer, Point]:
    net = lenet("mean")
    return net, network_point(net, 3, started=False)


def small() -> tuple[Layer, Point]:
    return at(layers.tanh, "normal", {"x": (2, 2)})


LARGE: dict[str, Callable[[], tuple[Layer, Point]]] = {
    "dense 192 → 10, batch 16": dense_192,
    "convolution 6 → 12 5×5 on 12×12, batch 2, where `check` begins": lambda: convolution(2, "lattice"),
    "the same at normal numbers": lambda: convolution(2, "normal"),
    "LeNet, batch 2": lenet_point,
}
FEWER = dict(zip(list(LARGE)[1:], (800, 800, 100), strict=True))  # times fewer forwards than torch's slow mode


@dataclass(frozen=True)
class Cost:
    """Of one verdict on a right layer."""

    status: str
    forwards: int
    backwards: int
    times: float  # one forward and backward
    mib: float  # memory beyond what the process held before

    def __str__(self) -> str:
        refused = ", REFUSED" if self.status == "failed" else ""
        return f"{self.forwards:,} + {self.backwards:,}, {self.times:,.0f} fb, {self.mib:.0f} MiB{refused}"


def measure(peer: str, layer_name: str) -> Cost:
    """A small layer comes first, so that what is imported counts for nothing."""
    judge = {each.name: each.judge for each in PEERS}[peer]
    layer, point = LARGE[layer_name]()
    judge(*small())
    before = peak_memory()
    calls = {"forward": 0, "backward": 0}
    status = judge(counting(layer, calls), point).status
    mib = (peak_memory() - before) / 2**20
    slow = calls["forward"] > 1000
    times = multiple(lambda: judge(layer, point), once(layer, point), 1 if slow else 5)
    return Cost(status, calls["forward"], calls["backward"], times, mib)


def cost(peer: str, layer_name: str) -> Cost:
    """The same, measured in a child process."""
    command = [sys.executable, "-m", "benchmarks.peers.costs", "--peer", peer, "--layer", layer_name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return Cost(**json.loads(done.stdout))


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> float:
    """Processor time over processor time, once each by turns after a first call of both: the median of the ratios."""

    def seconds(run: Callable[[], object]) -> float:
        start = time.process_time()
        run()
        return time.process_time() - start

    ours()
    theirs()
    return statistics.median(seconds(ours) / seconds(theirs) for _ in range(rounds))


def target_rows(costs: Mapping[tuple[str, str], Cost]) -> list[str]:
    """The gradient check beside torch's two modes."""
    ways = {peer.name: peer.judge for peer in PEERS}
    rows = []
    for name, factor in FEWER.items():
        pair = LARGE[name]()
        ours, whole, fast = (partial(ways[way], *pair) for way in ("cnngrad gradients", "cnngrad check", "torch fast"))
        ratio, beside = in_turns(ours, fast, 30), in_turns(whole, fast, 5)
        few, many = costs["cnngrad gradients", name].forwards, costs["torch slow", name].forwards
        sooner, fewer = ("met" if met else "MISSED" for met in (ratio <= 1, many >= factor * few))
        times = f"{ratio:.2f}, at most 1: {sooner} | {beside:.0f}"
        rows.append(f"| {name} | {times} | {many:,} / {few:,} = {many / few:,.0f}, at least {factor}: {fewer} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=[peer.name for peer in PEERS], required=True)
    parser.add_argument("--layer", choices=list(LARGE), required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers' own
    print(json.dumps(asdict(measure(options.peer, options.layer))))


if __name__ == "__main__":
    main()
