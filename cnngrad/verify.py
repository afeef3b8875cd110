"""The main job: every reference derivation, the identities and the networks, verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cnngrad import layers
from cnngrad.checks import gradients
from cnngrad.checks.oracle import oracle_checks
from cnngrad.core.arrays import Vector, round_to_bits
from cnngrad.core.case import Case, Point
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status
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
IDENTITY = "identity_holds"
FEATURES = "every_feature_is_reached"
Planned = tuple[str, Callable[[], Report]]


def plan(data: Path | None = None, seed: int = 0, work: Work | None = None) -> list[Planned]:
    """All that is verified: what each is called, and a function that gives its report.

    Args:
        data: a folder with the MNIST files, for the networks that take them; generated images without it.
        work: how the points of derivations and networks are worked through; one by one, here, without it.

    Raises:
        UsageError: the folder does not hold what is needed.

    >>> [name for name, _ in plan()][:3]
    ['conv', 'true_conv', 'relu_conv']
    """
    digits = generated_pair(seed) if data is None else _first(load_mnist(data))
    return [
        *((layer.name, partial(verify_layer, layer, seed, work)) for layer in (*layers.ALL, *DERIVATIONS)),
        *((_called(identity), partial(verify_identity, identity, seed)) for identity in IDENTITIES),
        *((name, partial(verify_network, name, net, digits, seed, work)) for name, net in NETWORKS.items()),
    ]


def verify_layer(layer: Layer, seed: int = 0, work: Work | None = None) -> Report:
    """One derivation: differences and oracles at every explicit configuration, which have to reach every feature.

    >>> verify_layer(layers.relu).ok
    True
    """
    subject = Subject(layer, (gradients.CHECK, *oracle_checks(layer)))
    points = (case.point(layer) for case in explicit_cases(layer, "normal", seed))
    report = examine(subject, points, work, seed=seed, diagnose=False)
    if not report.ok or not report.missing_features:
        return report
    why = f"not one point had {', '.join(report.missing_features)}"
    return replace(report, results=(*report.results, Result(layer.name, FEATURES, Status.FAILED, reason=why)))


def verify_identity(identity: Identity, seed: int = 0) -> Report:
    """One identity of the source texts, for several draws of integers, up to one at which it does not hold.

    >>> verify_identity(IDENTITIES[0]).ok
    True
    """
    name = _called(identity)
    results: list[Result] = []
    for k in range(SEEDS):
        claims = identity.claims(rng_for(seed + k, identity.name))
        broken = [claim.claim for claim in claims if not claim.holds]
        why = "; ".join(f"does not hold: {claim}" for claim in broken) or ("" if claims else "it claims nothing")
        status = Status.FAILED if why else Status.PASSED
        entries = sum(int(np.size(claim.left)) for claim in claims)
        case = Case(values="integers", seed=seed + k)
        results.append(Result(name, IDENTITY, status, reason=why, entries=entries, case=case))
        if why:
            break
    return Report(name, tuple(results), seed=seed, gradients_due=False)


def _called(identity: Identity) -> str:
    return f"{identity.name} ({identity.source})"


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


def verify_network(name: str, network: Layer, digits: Pair, seed: int = 0, work: Work | None = None) -> Report:
    """A whole network at its declared shapes: the gradient of its loss for every parameter and its input, end to end.

    Where it takes two digits, ``x (2, 1, 28, 28)``, it is given them.

    >>> from cnngrad.networks import lenet
    >>> verify_network("lenet", lenet(), generated_pair(0)).ok
    True
    """
    # A quarter of normal numbers, so that no sum is large and the sigmoids stay where they have a slope.
    points = [Case(values="scale:0.25", seed=seed + k).point(network) for k in range(SEEDS)]
    if points[0]["x"].shape == digits.images.shape:
        name = f"{name}, {digits.source}"
        points = [_on_digits(network, point, digits) for point in points]
    report = examine(Subject(network, (gradients.CHECK,)), points, work, seed=seed, diagnose=False)
    return replace(report, layer=name)


def _on_digits(network: Layer, point: Point, digits: Pair) -> Point:
    (target,) = network.constants
    values = dict(zip(network.inputs, point.inputs, strict=True))
    # A background of nothing but zeros would tie every maximum over it.
    values |= {"x": round_to_bits(digits.images + point["x"] / 16), target: one_hot(digits.labels)}
    where = Case(
        values=f"file:{SAVED / f'{network.name}-{point.case.seed}'}.npz", seed=point.case.seed
    )  # written only if it fails
    return replace(point, inputs=tuple(values.values()), case=where)
