"""The main job: every reference derivation, the identities and the networks, verified and shown line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnngrad import layers
from cnngrad.checks import gradients
from cnngrad.checks.oracle import oracle_checks
from cnngrad.core.arrays import Vector, round_to_bits
from cnngrad.core.case import Case, Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.core.values import rng_for
from cnngrad.data import Digits, Labels, generated_digits, load_mnist, one_hot
from cnngrad.examining import examine
from cnngrad.networks import DERIVATIONS, NETWORKS
from cnngrad.oracles.identities import IDENTITIES, Identity
from cnngrad.points import SAVED
from cnngrad.report import Report
from cnngrad.search import explicit_cases
from cnngrad.work import Subject, Work

SEEDS = 5  # draws for each identity and each network
SUBJECTS = len(layers.ALL) + len(DERIVATIONS) + len(IDENTITIES) + len(NETWORKS)  # lines there are


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        kind: ``derivation``, ``identity`` or ``network``.
        points: configurations and values at which it was judged.
        entries: numbers compared; for a derivation and a network, gradient entries against differences.
        detectable: the smallest error that could have been seen, relative to the largest entry; 0 is exact.
        reached, missing: features of the layer that were met, and those that were not.
        details: what went wrong, in full; empty where nothing did.
    """

    kind: str
    name: str
    status: Status
    points: int
    entries: int
    detectable: float
    reached: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    oracles: int = 0
    details: str = ""

    @property
    def good(self) -> bool:
        """Whether the line may be shown without a mark."""
        return self.status == Status.PASSED and not self.missing


def verify(data: Path | None = None, seed: int = 0, work: Work | None = None) -> Iterator[Line]:
    """All lines, each as soon as it is known.

    Args:
        data: a folder with the MNIST files, for the networks that take them; generated images without it.
        work: how the points of derivations and networks are worked through; one by one, here, without it.

    Raises:
        UsageError: the folder does not hold what is needed.
    """
    digits = generated_pair(seed) if data is None else _first(load_mnist(data))
    for layer in (*layers.ALL, *DERIVATIONS):
        yield verify_layer(layer, seed, work)
    for identity in IDENTITIES:
        yield verify_identity(identity, seed)
    for name, network in NETWORKS.items():
        yield verify_network(name, network, digits, seed, work)


def verify_layer(layer: Layer, seed: int = 0, work: Work | None = None) -> Line:
    """One derivation: differences and oracles at every explicit configuration.

    >>> verify_layer(layers.relu).good
    True
    """
    subject = Subject(layer, (gradients.CHECK, *oracle_checks(layer)))
    points = (case.point(layer) for case in explicit_cases(layer, "normal", seed))
    report = examine(subject, points, work, seed=seed, diagnose=False)
    return _line("derivation", layer.name, report, oracles=len(subject.checks) - 1)


def verify_identity(identity: Identity, seed: int = 0) -> Line:
    """One identity of the source texts, for several draws of integers.

    >>> verify_identity(IDENTITIES[0]).good
    True
    """
    claims = [claim for k in range(SEEDS) for claim in identity.claims(rng_for(seed + k, identity.name))]
    broken = [claim.claim for claim in claims if not claim.holds]
    return Line(
        "identity",
        f"{identity.name} ({identity.source})",
        Status.FAILED if broken or not claims else Status.PASSED,
        SEEDS,
        sum(int(np.size(claim.left)) for claim in claims),
        0.0,
        details="\n".join(f"  does not hold: {claim}" for claim in dict.fromkeys(broken)),
    )


@dataclass(frozen=True)
class Pair:
    """Two images ``(2, 1, 28, 28)`` with their labels: enough for a gradient, and a batch of more than one."""

    images: Vector
    labels: Labels
    source: str


def generated_pair(seed: int) -> Pair:
    """Two images made from a seed, for networks that take digits where there are none."""
    return Pair(*generated_digits(rng_for(seed, "digits"), 2), "generated images")


def _first(digits: Digits) -> Pair:
    return Pair(digits.train_images[:2], digits.train_labels[:2], digits.source)


def verify_network(name: str, network: Layer, digits: Pair, seed: int = 0, work: Work | None = None) -> Line:
    """A whole network at its declared shapes: the gradient of its loss for every parameter and its input, end to end.

    Where it takes two digits, ``x (2, 1, 28, 28)``, it is given them.

    >>> from cnngrad.networks import lenet
    >>> verify_network("lenet", lenet(), generated_pair(0)).good
    True
    """
    # A quarter of normal numbers, so that no sum is large and the sigmoids stay where they have a slope.
    points = [Case(values="scale:0.25", seed=seed + k).point(network) for k in range(SEEDS)]
    if points[0]["x"].shape == digits.images.shape:
        name = f"{name}, {digits.source}"
        points = [_on_digits(network, point, digits) for point in points]
    return _line(
        "network", name, examine(Subject(network, (gradients.CHECK,)), points, work, seed=seed, diagnose=False)
    )


def _on_digits(network: Layer, point: Point, digits: Pair) -> Point:
    (target,) = network.constants
    values = dict(zip(network.inputs, point.inputs, strict=True))
    # A background of nothing but zeros would tie every maximum over it.
    values |= {"x": round_to_bits(digits.images + point["x"] / 16), target: one_hot(digits.labels)}
    where = Case(
        values=f"file:{SAVED / f'{network.name}-{point.case.seed}'}.npz", seed=point.case.seed
    )  # written only if it fails
    return replace(point, inputs=tuple(values.values()), case=where)


def _line(kind: str, name: str, report: Report, oracles: int = 0) -> Line:
    reached = tuple(feature for feature, count in report.features.items() if count)
    missing = report.missing_features
    details = str(report) if report.status != Status.PASSED else ""
    if missing:
        details += f"\n  {name}: not one point had {', '.join(missing)}"
    totals = report.totals
    return Line(
        kind, name, report.status, totals.cases, totals.entries, totals.detectable, reached, missing, oracles, details
    )
