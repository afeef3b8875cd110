"""How often a right layer is called wrong: every reference layer, far off scale, saturated, at kinks and near them.

``python -m benchmarks.false_alarms --coordinates 1000000`` counts gradient entries judged and cases. A coordinate is
not an independent trial (the entries of a case share its values), so the cases are counted beside them.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from cnngrad import layers
from cnngrad.checks.gradients import CHECK
from cnngrad.core.case import Case, Point, aside
from cnngrad.core.configurations import covering
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.networks import initial, inputs_for, lenet, one_hot_rows
from tests.checks.small_networks import SMALL_NETWORKS

RULES = ("lattice", "normal", "integers", "kink", "saturated", "scale:1e-6", "scale:1e-3", "scale:1e3", "scale:1e6")
DISTANCES = (0.0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
KINKED = ("relu", "relu_conv", "max_pool", "p_norm_pool")


@dataclass
class Tally:
    """What one group of right layers came to."""

    cases: int = 0
    coordinates: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)

    def add(self, layer: Layer, point: Point) -> None:
        self.cases += 1
        for result in CHECK.run(layer, point):
            self.statuses[str(result.status)] += 1
            size = np.size(point[result.input]) if result.input else 0
            self.coordinates += size
            if result.status in (Status.FAILED, Status.ERROR):
                self.alarms.append(f"{layer.name} {result.input}: {result.case} {result.reason}")


def rounded_inside(layer: Layer, name: str) -> Layer:
    """The same layer computing in a lower precision inside, with float64 arrays outside."""
    lower = LOWER[name]

    def vjp(*inputs: Any, **config: Any) -> Any:
        y, backward = layer.vjp(*(lower(value) for value in inputs), **config)

        def in_double(dy: Any) -> list[Any]:
            gradients = backward(lower(dy)[()])
            return [None if g is None else np.asarray(lower(g), dtype=np.float64) for g in gradients]

        return np.asarray(lower(y), dtype=np.float64)[()], in_double

    return replace(layer, vjp=vjp, name=f"{layer.name} in {name}")


def bfloat16(values: Any) -> Any:
    """Rounded to the 8 bits of bfloat16, which has the exponents of float32 and is computed with in float32 here."""
    mantissas, exponents = np.frexp(np.asarray(values, dtype=np.float32))
    return np.ldexp(np.round(mantissas * 256) / 256, exponents)


LOWER: dict[str, Callable[[Any], Any]] = {
    "float32": lambda values: np.asarray(values, dtype=np.float32),
    "bfloat16": bfloat16,
    "float16": lambda values: np.asarray(values, dtype=np.float16),
}


def reference_points(seed: int) -> Iterator[tuple[str, Layer, Point]]:
    """Every layer at every explicit configuration, under every rule for values."""
    for layer in layers.ALL:
        for k, sizes in enumerate(covering(layer, seed)):
            for rule in RULES:
                yield (
                    f"values {rule}",
                    layer,
                    Case(tuple(sizes.items()), values=rule, seed=1000 * seed + k).point(layer),
                )


def near_kinks(seed: int) -> Iterator[tuple[str, Layer, Point]]:
    """Layers with kinks, from the kink itself to a hundredth away."""
    for name in KINKED:
        layer = getattr(layers, name)
        for k, sizes in enumerate(covering(layer, seed)):
            point = Case(tuple(sizes.items()), values="kink", seed=1000 * seed + k).point(layer)
            for distance in DISTANCES:
                moved = aside(layer, point, distance, "distance") if distance else point.inputs
                yield f"distance {distance:g} from kinks", layer, replace(point, inputs=moved)


def low_precision(seed: int) -> Iterator[tuple[str, Layer, Point]]:
    """Right layers that compute in float32 inside, or round to bfloat16 or float16, under every rule for values."""
    for name, layer in product(LOWER, layers.ALL):
        lowered = rounded_inside(layer, name)
        for k, sizes in enumerate(covering(layer, seed)):
            for rule in RULES:
                point = Case(tuple(sizes.items()), values=rule, seed=1000 * seed + k).point(layer)
                yield f"{name} inside", lowered, point


def many_kinks(seed: int) -> Iterator[tuple[str, Layer, Point]]:
    """2 to 1,000 kinks met at once, with cotangents of both signs: zeros before a relu, ties in a max pool."""
    for kinks in (2, 10, 100, 1000):
        rng = np.random.default_rng([seed, kinks])
        x = np.where(rng.permutation(2000) < kinks, 0.0, rng.standard_normal(2000)).reshape(2, 1000)
        yield "2 to 1,000 kinks at once", layers.relu, Point(Case(values="normal", seed=seed), ("x",), (x,))
        windows = rng.standard_normal((1, 1, 1000, 2))
        windows[0, 0, :kinks, 1] = windows[0, 0, :kinks, 0]
        point = Point(Case(values="normal", seed=seed), ("x",), (windows,), {"window": (1, 2)})
        yield "2 to 1,000 kinks at once", layers.max_pool, point


def networks(seed: int) -> Iterator[tuple[str, Layer, Point]]:
    """LeNet with biases of 0 (hundreds of simultaneous kinks on black images) and with moved ones."""
    for pooling in ("mean", "max"):
        net = lenet(pooling)
        rng = np.random.default_rng(seed)
        for moved in (0.0, 0.1):
            values: dict[str, Any] = {n: v + moved * rng.standard_normal(v.shape) for n, v in initial(net, rng).items()}
            values["x"] = np.maximum(rng.standard_normal((2, 1, 28, 28)), 0)
            values["E.t"] = one_hot_rows(rng, (2, 10), None)
            point = Point(Case(values="file:", seed=seed), net.inputs, inputs_for(net, values))
            yield f"LeNet, {pooling} pooling, {'moved' if moved else 'zero'} biases", net, point


def small_networks(seed: int) -> Iterator[tuple[str, Layer, Point]]:
    """All kinds of activation, pooling and cost; large inputs leave a cost of almost nothing, rounded in steps."""
    for net in SMALL_NETWORKS.values():
        for rule, k in product(RULES, range(3)):
            yield "small networks", net, Case(values=rule, seed=1000 * seed + k).point(net)


def report(coordinates: int) -> str:
    """The table, as Markdown, and the first alarms of each group."""
    warnings.simplefilter("error")
    groups: dict[str, Tally] = {}
    seed = 0
    while sum(tally.coordinates for tally in groups.values()) < coordinates:
        for source in (reference_points, near_kinks, many_kinks, low_precision, networks, small_networks):
            for group, layer, point in source(seed):
                groups.setdefault(group, Tally()).add(layer, point)
        seed += 1
    lines = [
        "| right layers | cases | coordinates | passed | inconclusive | called wrong |",
        "|---|---|---|---|---|---|",
    ]
    for group, tally in [*groups.items(), ("all", _sum(groups))]:
        counts = [tally.cases, tally.coordinates, tally.statuses["passed"], tally.statuses["inconclusive"]]
        lines.append(f"| {group} | " + " | ".join(f"{n:,}" for n in counts) + f" | {len(tally.alarms)} |")
    alarms = [f"- {alarm}" for tally in groups.values() for alarm in tally.alarms[:20]]
    return "\n".join([*lines, *(["", *alarms] if alarms else [])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coordinates", type=int, default=1_000_000)
    print(report(parser.parse_args().coordinates))


def _sum(groups: dict[str, Tally]) -> Tally:
    total = Tally()
    for tally in groups.values():
        total.cases += tally.cases
        total.coordinates += tally.coordinates
        total.statuses += tally.statuses
        total.alarms += tally.alarms
    return total


if __name__ == "__main__":
    main()
