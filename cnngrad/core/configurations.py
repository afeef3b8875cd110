"""The configurations of a layer that are always tried: the corners, every pair of features, every pair of values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from cnngrad.core.asking import allows
from cnngrad.core.features import features_of_sizes, windows_of
from cnngrad.core.layer import Layer

Sizes = dict[str, int]
Limits = tuple[tuple[str, tuple[int, int]], ...]
Where = Callable[[Any], bool] | None
Pair = tuple[str, int, str, int]

TRIES = 60
SAMPLES = 300  # valid configurations among which those with new pairs of features are looked for

# What people meet most, and what no pair of features stands for.
COMMON: tuple[frozenset[str], ...] = (
    frozenset({"stride = window", "remainder", "not padding", "batch > 1"}),
    frozenset({"window > stride", "stride > 1", "remainder", "not padding"}),
    frozenset({"stride > window", "padding", "remainder"}),
    frozenset({"padding", "not stride > 1", "window of 3"}),
)


def values_of(limits: tuple[int, int]) -> tuple[int, ...]:
    """The values of a dim worth pairing: both ends, the second value and a middle one.

    >>> values_of((1, 8)), values_of((0, 1))
    ((1, 2, 5, 8), (0, 1))
    """
    low, high = limits
    return tuple(sorted({low, min(low + 1, high), (low + high + 1) // 2, high}))


def covering(layer: Layer, seed: int = 0) -> list[Sizes]:
    """Valid configurations in which every pair of values of two dims occurs, where the layer allows it.

    Before those come the smallest and the largest, and configurations in which every pair of features of windows and
    their opposites occurs (padding with a remainder, no padding with an even window), since a mistake shows at those.
    Greedy: random valid configurations are drawn around a pair not seen yet, the one with most new pairs is kept.

    >>> layer = Layer(lambda x: None, ("x",), "demo", dims={"a": (1, 2), "b": (1, 2)}, shapes={"x": (1,)})
    >>> sorted(tuple(c.values()) for c in covering(layer))
    [(1, 1), (1, 2), (2, 1), (2, 2)]
    """
    if not layer.dims:
        return [{}]
    dims = tuple((name, (int(low), int(high))) for name, (low, high) in layer.dims.items())  # lists are no keys
    try:
        found = _covering(dims, layer.where, seed)
    except TypeError:  # an object that can be called, and that is no key of a cache
        found = _covering.__wrapped__(dims, layer.where, seed)
    return [dict(sizes) for sizes in found]


def at_random(layer: Layer, count: int, seed: int) -> list[Sizes]:
    """Valid configurations drawn evenly: some mistakes need three values together.

    >>> layer = Layer(lambda x: None, ("x",), "demo", dims={"a": (1, 9)}, where=lambda d: d.a > 7)
    >>> len(at_random(layer, 3, seed=0)), {sizes["a"] for sizes in at_random(layer, 9, seed=0)} == {8, 9}
    (3, True)
    """
    rng = Random(f"random configurations {seed}")
    found: list[Sizes] = []
    for _ in range(100 * count if layer.dims else 0):
        sizes = {name: rng.randint(low, high) for name, (low, high) in (layer.dims or {}).items()}
        if layer.allows(sizes):
            found.append(sizes)
        if len(found) == count:
            break
    return found


@lru_cache(maxsize=256)
def _covering(dims: Limits, where: Where, seed: int) -> tuple[tuple[tuple[str, int], ...], ...]:
    """Made once for the same dims and where: a failing check asks for it again and again."""
    rng = Random(f"configurations {seed}")
    choices = {name: values_of(limits) for name, limits in dims}
    missing = set(_pairs_between(choices))
    chosen = [sizes for sizes in _corners(dims) if allows(where, sizes)]
    chosen += _with_features(dims, where, chosen, rng)
    for sizes in chosen:
        missing -= set(_pairs_in(sizes))
    while missing:
        pair = min(missing)
        drawn = [sizes for sizes in _around(pair, choices, rng) if allows(where, sizes)]
        if not drawn:
            missing.discard(pair)  # where= excludes it, or makes it very rare: the engine's search may still reach it
            continue
        best = max(drawn, key=lambda sizes: len(missing.intersection(_pairs_in(sizes))))
        chosen.append(best)
        missing -= set(_pairs_in(best))
    found = chosen or _any_valid(dims, where, rng)
    return tuple(dict.fromkeys(tuple(sizes.items()) for sizes in found))


def _corners(dims: Limits) -> Iterator[Sizes]:
    """Everything smallest, everything largest."""
    yield {name: low for name, (low, _) in dims}
    yield {name: high for name, (_, high) in dims}


def _with_features(dims: Limits, where: Where, chosen: list[Sizes], rng: Random) -> list[Sizes]:
    """Configurations that have the common combinations, and every pair of features that random ones have."""
    if not windows_of({name: low for name, (low, _) in dims}):
        return []  # nothing is known of these dims but their values
    sampled = [sizes for sizes in _sampled(dims, where, rng)]
    held = [_held(sizes) for sizes in sampled]
    names = frozenset().union(*held) if held else frozenset()
    literals = [have | {f"not {name}" for name in names - have} for have in held]
    seen = [_held(sizes) for sizes in chosen]
    covered = set().union(*(_couples(have | {f"not {name}" for name in names - have}) for have in seen))
    pairs = [_couples(literal) - covered for literal in literals]
    found = []
    for wanted in COMMON:
        fitting = [k for k, literal in enumerate(literals) if wanted <= literal]
        if fitting:
            found.append(max(fitting, key=lambda k: len(pairs[k])))
            pairs = [pair - pairs[found[-1]] for pair in pairs]
    while any(pairs):
        found.append(max(range(len(pairs)), key=lambda k: len(pairs[k])))
        pairs = [pair - pairs[found[-1]] for pair in pairs]
    return [sampled[k] for k in found]


def _sampled(dims: Limits, where: Where, rng: Random) -> Iterator[Sizes]:
    drawn = ({name: rng.randint(low, high) for name, (low, high) in dims} for _ in range(10 * SAMPLES))
    return itertools.islice((sizes for sizes in drawn if allows(where, sizes)), SAMPLES)


def _held(sizes: Sizes) -> frozenset[str]:
    return frozenset(features_of_sizes(sizes))


def _couples(literal: Iterable[str]) -> set[tuple[str, str]]:
    return set(itertools.combinations(sorted(literal), 2))


def _pairs_between(choices: Mapping[str, Sequence[int]]) -> Iterator[Pair]:
    if len(choices) == 1:
        name, values = next(iter(choices.items()))
        yield from ((name, value, name, value) for value in values)
    for a, b in itertools.combinations(choices, 2):
        yield from ((a, x, b, y) for x in choices[a] for y in choices[b])


def _pairs_in(sizes: Sizes) -> Iterator[Pair]:
    yield from ((a, sizes[a], b, sizes[b]) for a, b in itertools.combinations(sizes, 2))
    yield from ((a, sizes[a], a, sizes[a]) for a in sizes)


def _around(pair: Pair, choices: Mapping[str, Sequence[int]], rng: Random) -> Iterator[Sizes]:
    for _ in range(TRIES):
        sizes = {name: rng.choice(values) for name, values in choices.items()}
        sizes[pair[0]], sizes[pair[2]] = pair[1], pair[3]
        yield sizes


def _any_valid(dims: Limits, where: Where, rng: Random) -> list[Sizes]:
    """One valid configuration for a layer whose ``where`` excludes all the chosen ones; none if none is found."""
    for _ in range(2000):
        sizes = {name: rng.randint(low, high) for name, (low, high) in dims}
        if allows(where, sizes):
            return [sizes]
    return []
