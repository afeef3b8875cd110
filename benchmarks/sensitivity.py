"""How small an error is seen: one random element of a right layer's gradient is off, and the check says so or not.

``python -m benchmarks.sensitivity --trials 1000``. Caught means ``failed``; a trial that ends ``inconclusive`` is not
let through by a gate, but counts as missed here and is named.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.false_alarms import rounded_inside
from benchmarks.planting import (
    Error,
    Place,
    always,
    in_float32,
    of_the_element,
    of_the_largest,
    of_the_largest_of_all,
    planted,
    somewhere,
)
from cnngrad import checks, layers
from cnngrad.checks.check import Check
from cnngrad.core.arrays import round_to_bits
from cnngrad.core.case import Case, Point
from cnngrad.core.configurations import covering
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.data import generated_digits
from cnngrad.networks import Chain, initial, inputs_for, lenet, one_hot_rows, perceptron, sigmoid_net, toolbox

MATCH = next(check for check in checks.ALL if check.name == "gradients_match_forward")
IN_FLOAT32 = next(check for check in checks.ALL if check.name == "gradients_agree_in_float32")

EXACT = ("conv2d", "true_conv2d", "dense", "relu", "max_pool", "mean_pool", "flatten", "identity")
LINEAR = ("conv2d", "true_conv2d", "dense", "mean_pool", "flatten", "identity")
SMOOTH = (
    "sigmoid",
    "tanh",
    "softmax",
    "softmax_cross_entropy",
    "p_norm_pool",
    "subsample",
    "batch_norm",
    "sigmoid_conv",
    "neuron",
)
SCALES = ("scale:1e-6", "normal", "scale:1e6")

Points = Iterator[tuple[Layer, Point]]


@dataclass
class Tally:
    """One row: what became of the trials of one class."""

    name: str
    size: str
    outcomes: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    @property
    def trials(self) -> int:
        return self.outcomes.total()

    def add(self, status: Status, layer: Layer, point: Point, place: Place) -> None:
        self.outcomes[str(status)] += 1
        if status != Status.FAILED:
            self.missed.append(f"{layer.name} {place.input}[{place.index}] {status}: {point.case}")

    def row(self) -> str:
        caught, vague = self.outcomes["failed"], self.outcomes["inconclusive"]
        missed = f"{self.trials - caught:,}" + (f" ({vague} of them inconclusive)" if vague else "")
        return f"| {self.name} | {self.size} | {self.trials:,} | {caught:,} | {missed} |"


@dataclass(frozen=True)
class Class:
    """Layers at points, the error planted, the check that has to see it, and what is switched off meanwhile."""

    name: str
    size: str
    points: Callable[[], Points]
    error: Error
    check: Check = MATCH
    only_float32: bool = False
    nonzero: bool = False
    share: float = 1.0
    without: Callable[[], AbstractContextManager[Any]] = nullcontext

    def run(self, trials: int) -> Tally:
        """A row; ``share`` of the trials where more would take too long."""
        tally, trials = Tally(self.name, self.size), math.ceil(self.share * trials)
        with self.without():
            for number, (layer, point) in enumerate(self.points()):
                if tally.trials == trials:
                    break
                place = somewhere(np.random.default_rng([number, 7]), layer, point, self.nonzero)
                if place is not None:
                    status = self.status_at(layer, point, place)
                    tally.add(status, layer, point, place)
        return tally

    def status_at(self, layer: Layer, point: Point, place: Place) -> Status:
        """What the check says of the input with the error."""
        wrong = planted(layer, place, self.error, in_float32 if self.only_float32 else always)
        results = self.check.run(wrong, point)
        return next(r.status for r in results if r.input in (place.input, ""))


def no_complex_step() -> AbstractContextManager[Any]:
    """The ladder alone."""
    return patch("cnngrad.differentiation.cascade.complex_step", lambda line: None)


def reference_points(names: Sequence[str], rule: str) -> Points:
    """The layers by turns, each at its next configuration, with new numbers every time."""
    configurations = {name: _endless(getattr(layers, name)) for name in names}
    for seed, name in enumerate(cycle(names)):
        layer = getattr(layers, name)
        yield layer, Case(tuple(next(configurations[name]).items()), values=rule, seed=seed).point(layer)


def _endless(layer: Layer) -> Iterator[dict[str, int]]:
    return cycle([sizes for sizes in covering(layer) if _wanted(layer, sizes)])


def _wanted(layer: Layer, sizes: dict[str, int]) -> bool:
    """Subsampling with its sigmoid; nothing that makes a thousand trials take hours."""
    entries = sum(math.prod(shape) for shape in layer.shapes_at(sizes).values())
    if layer.name == "subsample" and not sizes["sigmoid"]:
        return False
    return entries <= 150


def _dyadic(layer: Layer, point: Point) -> bool:
    """Whether no mean is over anything but a power of two: a third has no end in any precision."""
    sizes = point.case.sizes
    counted = layer.name != "mean_pool" or sizes["count_padding"] or not sizes["pad"]
    return bool(counted and math.prod(np.ravel(point.config.get("window", 1)).tolist()) in (1, 2, 4, 8))


def networks() -> Points:
    """Whole networks of about 5,000 inputs and parameters, those of relu and max pooling kinked.

    Every other one starts as training does, from biases of 0 and drawn digits on black: hundreds of kinks at once.
    """
    dense = [
        perceptron((70, 60, 10), f=f, output=output, batch=1)
        for output in ("softmax", "linear")
        for f in (layers.relu, layers.tanh, layers.sigmoid)
    ]
    convolutional = [
        lenet("mean"),
        lenet("max"),
        toolbox(),
        *(sigmoid_net(pooling, image=(20, 20)) for pooling in ("mean", "max", "p_norm")),
    ]
    nets = [net for pair in zip(convolutional, dense, strict=True) for net in pair] + dense
    for seed, net in enumerate(cycle(nets)):
        started = (seed // len(nets)) % 2 == 0
        yield net, network_point(net, seed, started)


def network_point(net: Chain, seed: int, started: bool) -> Point:
    """Parameters where training starts (drawn digits then, where images have their size), or a little beside."""
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {
        name: round_to_bits(value if started else value + 0.1 * rng.standard_normal(value.shape))
        for name, value in initial(net, rng).items()
    }
    shapes = net.shapes_at({})
    drawn = shapes["x"][2:] == (28, 28) and started
    values["x"] = generated_digits(rng, 2)[0] if drawn else round_to_bits(rng.standard_normal(shapes["x"]))
    for target in net.constants:
        values[target] = one_hot_rows(rng, shapes[target], None)
    return Point(Case(values="normal", seed=seed), net.inputs, inputs_for(net, values))


def classes() -> list[Class]:
    """One for each row of the table."""

    def exact() -> Points:
        return reference_points(EXACT, "lattice")

    def smooth() -> Points:
        return reference_points(SMOOTH, "normal")

    def general() -> Points:
        return reference_points((*EXACT, *SMOOTH), "normal")

    def on_lattice() -> Points:
        return ((layer, point) for layer, point in reference_points(LINEAR, "lattice") if _dyadic(layer, point))

    def inside() -> Points:
        return ((rounded_inside(layer, "float32"), point) for layer, point in on_lattice())

    largest, of_all, element = of_the_largest, of_the_largest_of_all, of_the_element
    single: dict[str, Any] = {"check": IN_FLOAT32, "only_float32": True}
    alone: dict[str, Any] = {"without": no_complex_step}
    own = "1e-6 of the input's own largest"
    return [
        Class("exact layers, lattice", "2^-40 of the element", exact, element(2.0**-40), nonzero=True),
        Class("exact layers, lattice", "1e-12 of the element", exact, element(1e-12), nonzero=True),
        Class("smooth layers, scale 1", "1e-9 of the input's largest", smooth, largest(1e-9)),
        Class("networks, ladder alone", "1e-6 of the largest of all", networks, of_all(1e-6), **alone),
        Class("networks, complex tier", "1e-9 of the largest of all", networks, of_all(1e-9)),
        Class("networks, ladder alone (harder)", own, networks, largest(1e-6), share=0.2, **alone),
        Class("float32, general values", "5e-6 of the input's largest", general, largest(5e-6), **single),
        *(
            Class("float32, general values (reached)", f"{size:g}", general, largest(size), **single)
            for size in (1e-5, 2e-5, 5e-5, 1e-4)
        ),
        Class("float32, lattice", "1e-6 of the input's largest", on_lattice, largest(1e-6), **single),
        Class("float32 inside, lattice", "1e-6 of the input's largest", inside, largest(1e-6)),
    ]


def smallest_always_caught(name: str, rule: str, trials: int) -> str:
    """Down from 1e-3 in powers of ten, the last size that is caught in every trial."""
    points = list(islice(_judged_points(name, rule), trials))
    found = "none"
    for power in range(3, 13):
        one = Class(name, "", lambda: iter(points), of_the_largest(10.0**-power))
        tally = Tally(name, "")
        for layer, point in points:
            place = somewhere(np.random.default_rng([point.case.seed, 7]), layer, point)
            if place is not None:
                tally.add(one.status_at(layer, point, place), layer, point, place)
            if tally.missed:
                return found
        if not tally.trials:
            return "no point was judged"
        found = f"1e-{power}"
    return found


def _judged_points(name: str, rule: str) -> Points:
    """Points where the right layer passes: a saturated one can be said nothing of, with or without an error."""
    for layer, point in islice(reference_points((name,), rule), 100):
        if all(result.status == Status.PASSED for result in MATCH.run(layer, point)):
            yield layer, point


def off_scale(trials: int) -> list[str]:
    """One row a smooth layer: the smallest power of ten of the largest entry that is always caught, at each scale."""
    return [
        f"| {name} | " + " | ".join(smallest_always_caught(name, rule, trials) for rule in SCALES) + " |"
        for name in SMOOTH
    ]


def run_class(number: int, trials: int) -> Tally:
    """One row of the first table."""
    return classes()[number].run(trials)


def class_table(tallies: Sequence[Tally]) -> str:
    """What was caught of what was planted, and the first misses to look at."""
    lines = ["| class | planted in one element | trials | caught | missed |", "|---|---|---|---|---|"]
    lines += [tally.row() for tally in tallies]
    aimed = [tally for tally in tallies if "reached" not in tally.name]
    shown = [f"- {tally.name}, {tally.size}: {line}" for tally in aimed for line in tally.missed[:5]]
    return "\n".join([*lines, *(["", "The first misses of each class:", "", *shown] if shown else [])])


def off_scale_table(trials: int) -> str:
    """The smallest error seen away from scale 1."""
    lines = [f"Smallest share of the input's largest entry caught in {trials} of {trials} trials, at points where the"]
    lines += ["right layer is judged at all (1e-3, 1e-4, ... 1e-12 were tried):", ""]
    lines += ["| smooth layer | values of 1e-6 | values of 1 | values of 1e6 |", "|---|---|---|---|"]
    return "\n".join([*lines, *off_scale(trials)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    options = parser.parse_args()
    print(class_table([each.run(options.trials) for each in classes()]), end="\n\n")
    print(off_scale_table(min(options.trials, 20)))


if __name__ == "__main__":
    main()
