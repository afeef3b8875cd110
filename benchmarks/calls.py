"""What a verdict costs: forwards, backwards, and time as a multiple of one forward + backward in the same run.

``python -m benchmarks.calls``. Memory is that of a process of its own, ``python -m benchmarks.calls --memory relu``.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planting import Place, of_the_largest, planted
from benchmarks.sensitivity import MATCH, network_point
from cnngrad import layers
from cnngrad.checks.tables import gradient_tables
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case, Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
from cnngrad.core.values import lattice, normal, rng_for
from cnngrad.networks import lenet

MANY = 10_000_000
GIB = 2**30
LARGE: dict[str, dict[str, tuple[int, ...]]] = {
    "relu": {"x": (100, 100_000)},
    "half_squared_error": {"y": (100, 100_000), "t": (100, 100_000)},
    "mean_pool": {"x": (10, 10, 1000, 100)},
}


def at(layer: Layer, rule: str, shapes: dict[str, tuple[int, ...]], **config: Any) -> tuple[Layer, Point]:
    """A layer with fixed shapes and keywords, and a point of it."""
    draw = {"lattice": lattice, "normal": normal}[rule]
    inputs = tuple(draw(rng_for(0, name), shapes[name]) for name in layer.inputs)
    plain = replace(layer, dims=None, where=None, config=config, shapes=shapes, features={})
    case = Case(shapes=tuple(shapes.items()), values=rule)
    return plain, Point(case, layer.inputs, inputs, config)


def convolution(batch: int, rule: str = "lattice") -> tuple[Layer, Point]:
    """6 -> 12 maps, 5x5, on 12x12: the second convolution of LeNet."""
    return at(layers.conv2d, rule, {"x": (batch, 6, 12, 12), "w": (12, 6, 5, 5), "b": (12,)})


def dense_192() -> tuple[Layer, Point]:
    """LeNet's last layer: 1,930 parameters."""
    return at(layers.dense, "normal", {"x": (16, 192), "w": (10, 192), "b": (10,)})


def once(layer: Layer, point: Point) -> Callable[[], Any]:
    """One forward and one backward."""
    here = Evaluation(layer, point)
    y = here.output()
    size = sum(np.size(part) for part in (y if isinstance(y, tuple) else (y,)))
    dy = point.cotangent(size)
    return lambda: here.gradients(dy)


def multiple(run: Callable[[], Any], unit: Callable[[], Any], repeats: int) -> float:
    """The processor time of ``run`` over that of ``unit``, taken in turn: the median of the ratios."""
    ratios = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        middle = time.process_time()
        for _ in range(10):
            unit()
        ratios.append((middle - start) / ((time.process_time() - middle) / 10))
    return statistics.median(ratios)


def check_row(name: str, layer: Layer, point: Point, target: int, repeats: int) -> str:
    """Calls and time of one gradient check at one case."""
    results = MATCH.run(layer, point)
    assert all(r.status == Status.PASSED for r in results), results
    first = results[0]
    times = multiple(lambda: MATCH.run(layer, point), once(layer, point), repeats)
    ways = ", ".join(sorted({r.how for r in results}))
    met = "met" if first.forward_calls <= target else "MISSED"
    counts = f"{first.forward_calls} | {first.backward_calls} | {times:.1f}"
    return f"| {name} | {ways} | {counts} | at most {target} forwards: {met} |"


def table_row(batch: int) -> str:
    """Every entry of the convolution's gradients, one by one."""
    layer, point = convolution(batch)
    calls = {"forward": 0, "backward": 0}
    counted = counting(layer, calls)
    unit = once(layer, point)
    start = time.perf_counter()
    gradient_tables(counted, point)
    taken = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(100):
        unit()
    times = taken / ((time.perf_counter() - start) / 100)
    tracemalloc.start()
    gradient_tables(layer, point)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    counts = f"{calls['forward']:,} | {calls['backward']} | {times:,.0f}"
    met = "met" if calls["forward"] <= 331 else "MISSED"
    note = f"at most 331 forwards: {met} (peak memory {peak / 2**20:.0f} MiB)"
    return f"| full table of that convolution, batch {batch} | - | {counts} | {note} |"


def counting(layer: Layer, calls: dict[str, int]) -> Layer:
    """The layer, counting its calls."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        calls["forward"] += 1
        y, backward = layer.vjp(*inputs, **config)

        def counted(dy: Any) -> Any:
            calls["backward"] += 1
            return backward(dy)

        return y, counted

    return replace(layer, vjp=vjp)


def located_rows() -> Iterator[str]:
    """One wrong element of about 1,900: forwards of the failed check, beyond those of the passed one."""
    searched: dict[str, tuple[Layer, Point]] = {
        "dense 192 -> 10 (1,920 weights), batch 16": dense_192(),
        "convolution 6 -> 12 5x5 (1,800 weights), batch 2": convolution(2),
    }
    for name, (layer, point) in searched.items():
        passed = MATCH.run(layer, point)[0]
        for share in (1e-1, 1e-6):
            place = Place("w", 1234)
            failed = _of("w", MATCH.run(planted(layer, place, of_the_largest(share)), point))
            found = failed.index == tuple(int(i) for i in np.unravel_index(1234, np.shape(point["w"])))
            more = failed.forward_calls - passed.forward_calls
            verdict = f"{failed.status}, {'the right element' if found else 'NOT LOCATED'}"
            met = "met" if more <= 20 else "MISSED"
            counts = f"{failed.forward_calls} | {failed.backward_calls} | {more}"
            yield f"| {name} | {share:g} of the largest | {verdict} | {counts} | at most 20 more: {met} |"


def several_rows() -> Iterator[str]:
    """Several wrong elements: how many of them are found, and at which price."""
    for name, (layer, point) in {"dense 192 -> 10": dense_192(), "convolution 6 -> 12 5x5": convolution(2)}.items():
        passed = MATCH.run(layer, point)[0]
        for count in (2, 5, 15, 100):
            failed = _of("w", MATCH.run(doubled(layer, count), point))
            found = f"all {count}" if failed.differing == count else f"the worst of {count}"
            calls = f"{failed.forward_calls - passed.forward_calls:,} | {failed.backward_calls:,}"
            yield f"| {name} | {count} of {np.size(point['w']):,} weights | {failed.status} | {found} | {calls} |"


def doubled(layer: Layer, count: int) -> Layer:
    """The layer with some entries of the gradient of w twice as large."""

    def vjp(x: Any, w: Any, b: Any, **config: Any) -> Any:
        y, backward = layer.vjp(x, w, b, **config)
        factors = np.ones(w.size)
        factors[np.random.default_rng(0).permutation(w.size)[:count]] = 2.0

        def wrong(dy: Any) -> Any:
            dx, dw, db = backward(dy)
            return dx, dw * factors.reshape(w.shape), db

        return y, wrong

    return replace(layer, vjp=vjp)


def kink_rows() -> Iterator[str]:
    """Many kinks met at once, with cotangents of both signs."""
    for layer, point, kinks in many_kinks():
        result = MATCH.run(layer, point)[0]
        calls = f"{result.forward_calls} | {result.backward_calls}"
        name = f"{layer.name}, {np.size(point['x']):,} inputs"
        yield f"| {name} | {kinks:,} | {result.status} | {calls} | {result.reason} |"


def many_kinks() -> Iterator[tuple[Layer, Point, int]]:
    """Zeros before a relu, ties in windows of a max pool."""
    for kinks in (2, 10, 100, 1000):
        rng = np.random.default_rng(kinks)
        x = np.where(rng.permutation(2000) < kinks, 0.0, rng.standard_normal(2000)).reshape(2, 1000)
        yield layers.relu, Point(Case(values="normal"), ("x",), (x,)), kinks
        windows = rng.standard_normal((1, 1, 1000, 2))
        windows[0, 0, :kinks, 1] = windows[0, 0, :kinks, 0]
        yield layers.max_pool, Point(Case(values="normal"), ("x",), (windows,), {"window": (1, 2)}), kinks


def _of(name: str, results: list[Result]) -> Result:
    return next(result for result in results if result.input in (name, ""))


def memory_row(name: str, wrong: bool) -> str:
    """Peak memory of a process that checks a layer of ten million inputs."""
    command = [sys.executable, "-m", "benchmarks.calls", "--memory", name, *(["--wrong"] if wrong else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        error = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return f"| {name}{', one element wrong' if wrong else ''} | | | {error} | below 2 GiB: MISSED |"
    status, forwards, _, peak, before = done.stdout.split()
    met = "met" if float(peak) < 2 * GIB else "MISSED"
    sizes = f"{float(peak) / GIB:.2f} GiB (of which {float(before) / GIB:.2f} before the check)"
    label = f"{name}{', one element wrong' if wrong else ''}"
    return f"| {label} | {status} | {forwards} | {sizes} | below 2 GiB: {met} |"


def measure_memory(name: str, wrong: bool) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (8 * GIB, 8 * GIB))  # a failure here, not a machine without memory
    config = {"window": 2} if name == "mean_pool" else {}
    layer, point = at(getattr(layers, name), "normal", LARGE[name], **config)
    before = peak_memory()
    if wrong:
        layer = planted(layer, Place(layer.inputs[0], MANY // 3), of_the_largest(0.1))
    start = time.perf_counter()
    result = MATCH.run(layer, point)[0]
    taken = time.perf_counter() - start
    print(result.status, result.forward_calls, taken, peak_memory(), before)


def peak_memory() -> int:
    """The most memory this process has held, in bytes."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    # Linux hands ru_maxrss on from the parent process; this figure is the process's own.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def report(quick: bool = False) -> str:
    """The tables, as Markdown."""
    repeats = 5 if quick else 15
    net = lenet("mean")
    lines = ["| one case | how | forwards | backwards | time (fb) | target |", "|---|---|---|---|---|---|"]
    for batch in (2, 16):
        lines.append(check_row(f"convolution 6 -> 12 5x5 on 12x12, batch {batch}", *convolution(batch), 8, repeats))
    lines.append(check_row("the same at normal numbers, batch 2 (not exact)", *convolution(2, "normal"), 70, repeats))
    for started in (True, False):
        where = "where training starts (kinks)" if started else "a little beside"
        name = f"LeNet, batch 2, {where} (aim 20)"
        lines.append(check_row(name, net, network_point(net, 3, started), 70, repeats))
    lines += [table_row(batch) for batch in ((2,) if quick else (2, 16))]
    lines += ["", "fb: the time of one forward + backward, side by side.", ""]
    lines += ["| one wrong element | size | verdict | forwards | backwards | more than a pass | target |"]
    lines += ["|---|---|---|---|---|---|---|", *located_rows(), ""]
    lines += ["| several wrong elements | of | verdict | found | forwards more than a pass | backwards |"]
    lines += ["|---|---|---|---|---|---|", *several_rows(), ""]
    lines += ["| right layers at kinks | kinks | verdict | forwards | backwards | convention |"]
    lines += ["|---|---|---|---|---|---|", *kink_rows(), ""]
    lines += ["| 10,000,000 inputs | verdict | forwards | peak memory | target |", "|---|---|---|---|---|"]
    lines += [memory_row(name, wrong=False) for name in LARGE]
    lines += [] if quick else [memory_row("relu", wrong=True)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", choices=sorted(LARGE))
    parser.add_argument("--wrong", action="store_true")
    options = parser.parse_args()
    if options.memory:
        measure_memory(options.memory, options.wrong)
    else:
        print(report(options.quick))


if __name__ == "__main__":
    main()
