"""How small an error each checker sees, and how many right layers it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice

import numpy as np

from benchmarks.peers.checkers import Peer
from benchmarks.planting import of_the_largest, planted, somewhere
from benchmarks.sensitivity import reference_points
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer

LAYERS = (
    *("conv2d", "dense", "relu", "max_pool", "mean_pool", "sigmoid", "tanh", "softmax", "softmax_cross_entropy"),
    *("batch_norm", "p_norm_pool", "subsample", "sigmoid_conv", "neuron"),
)
SMALLEST_OF = ("conv2d", "dense", "max_pool", "tanh", "softmax_cross_entropy", "batch_norm")
RULES = ("normal", "kink", "scale:1e-6", "scale:1e6")
TRIALS = 3
RIGHT = 2  # points of each layer
MOST = 40  # entries of all inputs: some checkers are slow


@cache
def points_of(name: str, rule: str, count: int) -> list[tuple[Layer, Point]]:
    """The first small points of a layer whose gradient is not all zero."""
    points = (
        (layer, point)
        for layer, point in islice(reference_points((name,), rule), 2000)
        if sum(map(np.size, point.inputs)) <= MOST and somewhere(np.random.default_rng(0), layer, point)
    )
    return list(islice(points, count))


def smallest_caught(peer: Peer, name: str) -> float:
    """Down from 1e-1 to 1e-12 in powers of ten: the last size caught in every trial; infinity where none is."""
    points = points_of(name, "normal", TRIALS)
    assert len(points) == TRIALS, f"{name} has too few small points"
    for power in range(1, 13):
        for number, (layer, point) in enumerate(points):
            place = somewhere(np.random.default_rng([number, power]), layer, point)
            assert place is not None
            wrong = planted(layer, place, of_the_largest(10.0**-power))
            if peer.judge(wrong, point).status != "failed":
                return 10.0 ** (1 - power) if power > 1 else np.inf
    return 1e-12


def right_refused(peer: Peer, rule: str) -> tuple[int, int, int]:
    """Right layers called wrong, those it does not judge, and how many there were."""
    verdicts = [peer.judge(*pair).status for name in LAYERS for pair in points_of(name, rule, RIGHT)]
    return verdicts.count("failed"), verdicts.count("inconclusive"), len(verdicts)


def smallest_row(name: str, found: Sequence[float]) -> str:
    return f"| {name} | " + " | ".join(f"{size:.0e}" if np.isfinite(size) else "none" for size in found) + " |"


def refused_row(rule: str, counts: Sequence[tuple[int, int, int]]) -> str:
    cells = [f"{wrong}" + (f" ({vague} not judged)" if vague else "") for wrong, vague, _ in counts]
    return f"| {rule} | {counts[0][2]} | " + " | ".join(cells) + " |"
