"""The configurations of a layer that are always tried: the corners, and every pair of values at least once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cnngrad.core.layer import Layer
from cnngrad.core.values import rng_for

Sizes = dict[str, int]
Pair = tuple[str, int, str, int]

TRIES = 60


def values_of(limits: tuple[int, int]) -> tuple[int, ...]:
    """The values of a dim worth pairing: both ends, the second value and a middle one.

    >>> values_of((1, 8)), values_of((0, 1))
    ((1, 2, 5, 8), (0, 1))
    """
    low, high = limits
    return tuple(sorted({low, min(low + 1, high), (low + high + 1) // 2, high}))


def covering(layer: Layer, seed: int = 0) -> list[Sizes]:
    """Valid configurations in which every pair of values of two dims occurs, where the layer allows it.

    Greedy: random valid configurations are drawn around a pair not seen yet, the one with most new pairs is kept.

    >>> layer = Layer(lambda x: None, ("x",), "demo", dims={"a": (1, 2), "b": (1, 2)}, shapes={"x": (1,)})
    >>> sorted(tuple(c.values()) for c in covering(layer))
    [(1, 1), (1, 2), (2, 1), (2, 2)]
    """
    if not layer.dims:
        return [{}]
    rng = rng_for(seed, "configurations")
    choices = {name: values_of(limits) for name, limits in layer.dims.items()}
    missing = set(_pairs_between(choices))
    chosen = [sizes for sizes in _corners(layer) if layer.allows(sizes)]
    for sizes in chosen:
        missing -= set(_pairs_in(sizes))
    while missing:
        pair = min(missing)
        drawn = [sizes for sizes in _around(pair, choices, rng) if layer.allows(sizes)]
        if not drawn:
            missing.discard(pair)  # where= excludes it, or makes it very rare: the engine's search may still reach it
            continue
        best = max(drawn, key=lambda sizes: len(missing.intersection(_pairs_in(sizes))))
        chosen.append(best)
        missing -= set(_pairs_in(best))
    return _without_repeats(chosen) or _any_valid(layer, rng)


def _corners(layer: Layer) -> Iterator[Sizes]:
    """Everything smallest, everything largest."""
    dims = layer.dims or {}
    yield {name: low for name, (low, _) in dims.items()}
    yield {name: high for name, (_, high) in dims.items()}


def _pairs_between(choices: Mapping[str, Sequence[int]]) -> Iterator[Pair]:
    if len(choices) == 1:
        name, values = next(iter(choices.items()))
        yield from ((name, value, name, value) for value in values)
    for a, b in itertools.combinations(choices, 2):
        yield from ((a, x, b, y) for x in choices[a] for y in choices[b])


def _pairs_in(sizes: Sizes) -> Iterator[Pair]:
    yield from ((a, sizes[a], b, sizes[b]) for a, b in itertools.combinations(sizes, 2))
    yield from ((a, sizes[a], a, sizes[a]) for a in sizes)


def _around(pair: Pair, choices: Mapping[str, Sequence[int]], rng: np.random.Generator) -> Iterator[Sizes]:
    for _ in range(TRIES):
        sizes = {name: int(rng.choice(values)) for name, values in choices.items()}
        sizes[pair[0]], sizes[pair[2]] = pair[1], pair[3]
        yield sizes


def _any_valid(layer: Layer, rng: np.random.Generator) -> list[Sizes]:
    """One valid configuration for a layer whose ``where`` excludes all the chosen ones; none if none is found."""
    for _ in range(2000):
        sizes = {name: int(rng.integers(low, high + 1)) for name, (low, high) in (layer.dims or {}).items()}
        if layer.allows(sizes):
            return [sizes]
    return []


def _without_repeats(configurations: list[Sizes]) -> list[Sizes]:
    return list({tuple(sizes.items()): sizes for sizes in configurations}.values())
