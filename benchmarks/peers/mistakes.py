"""Which known mistakes each checker catches: those of ``cnngrad audit``, in a few right layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.calls import at
from benchmarks.peers.checkers import Peer
from cnngrad import layers
from cnngrad.auditing import MISTAKES
from cnngrad.auditing.planting import Mistake, Site
from cnngrad.core.case import Point
from cnngrad.core.layer import Layer

SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "conv2d": {"x": (2, 2, 4, 4), "w": (3, 2, 2, 2), "b": (3,)},
    "dense": {"x": (3, 4), "w": (2, 4), "b": (2,)},
    "max_pool": {"x": (2, 2, 4, 4)},
    "tanh": {"x": (3, 4)},
}
NOTHING = "*none: the right layers*"
FIRST = ("w", "x")  # the input that a mistake in one input is planted in


@dataclass(frozen=True)
class Wrong:
    """One mistake in all the layers in which it makes a difference."""

    name: str
    layers: int
    caught: Mapping[str, int]  # how many of the layers each checker refuses

    def row(self, peers: Sequence[Peer]) -> str:
        return f"| {self.name} | {self.layers} | " + " | ".join(str(self.caught[p.name]) for p in peers) + " |"


def judged(peers: Sequence[Peer]) -> Iterator[Wrong]:
    """The right layers, then every mistake, held against every checker."""
    right = dict(_right())
    refused_right = {peer.name: sum(_refuses(peer, *pair) for pair in right.values()) for peer in peers}
    yield Wrong(NOTHING, len(right), refused_right)
    for mistake in MISTAKES:
        count, caught = 0, dict.fromkeys((peer.name for peer in peers), 0)
        for layer, point in right.values():
            site = _site(mistake, layer)
            if site is None:
                continue
            refused = [peer.name for peer in peers if _refuses(peer, mistake.planted(site), point)]
            if site.note.made_a_difference:  # in any checker's calls: some never look at float32, or twice
                count += 1
                for name in refused:
                    caught[name] += 1
        yield Wrong(mistake.name, count, caught)


def messages(peers: Sequence[Peer]) -> dict[str, str]:
    """What each checker says of a convolution whose weights' gradient has the wrong sign."""
    layer, point = dict(_right())["conv2d"]
    sign = next(mistake for mistake in MISTAKES if mistake.name == "wrong sign")
    site = _site(sign, layer)
    assert site is not None
    return {peer.name: peer.judge(sign.planted(site), point).message for peer in peers}


def _right() -> Iterator[tuple[str, tuple[Layer, Point]]]:
    for name, shapes in SHAPES.items():
        config: dict[str, Any] = {"window": 2} if name == "max_pool" else {}
        yield name, at(getattr(layers, name), "normal", shapes, **config)


def _site(mistake: Mistake, layer: Layer) -> Site | None:
    sites = sorted(mistake.sites(layer), key=lambda site: [*FIRST, "b", ""].index(site.name))
    return next((site for site in sites if not mistake.impossible(site)), None)


def _refuses(peer: Peer, layer: Layer, point: Point) -> bool:
    # A mistake may change what it is handed: each checker gets arrays of its own.
    own = Point(point.case, point.names, tuple(value.copy() for value in point.inputs), point.config)
    return peer.judge(layer, own).status == "failed"
