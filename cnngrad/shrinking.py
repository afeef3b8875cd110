"""How a failing case becomes the smallest configuration, with the simplest values, that still fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from cnngrad.core.case import Case
from cnngrad.core.layer import Layer

SIMPLEST_FIRST = ("integers", "lattice", "normal", "kink")
SHRINK_TRIES = 300
OTHER_SEEDS = (0, 1, 2, 3)  # a mistake that hangs on the numbers shows at some of few draws
MORE_SEEDS = tuple(range(10))
EVERY_VALUE = 12  # a range as short as this is gone through value by value

Fails = Callable[[Case], bool]


def shrink(layer: Layer, case: Case, fails: Fails) -> Case:
    """The smallest configuration with the simplest values that still fails.

    Starts from a case known to fail, which Hypothesis' own ``find`` cannot do. Simple values come first, as they are
    the cheapest to judge; then sizes, until nothing gets smaller; then both once more with other draws of the numbers.

    >>> layer = Layer(lambda x: None, ("x",), "demo", dims={"a": (1, 9), "b": (1, 9)}, shapes={"x": (1,)})
    >>> str(shrink(layer, Case((("a", 8), ("b", 8))), lambda case: case.sizes["a"] == case.sizes["b"] > 2))
    'a=3 b=3 values=integers seed=0'
    """
    tried = {case}

    def still_fails(candidate: Case) -> bool:
        if candidate in tried or len(tried) > SHRINK_TRIES or not layer.allows(candidate.sizes):
            return False
        if any(size > (layer.dims or {})[name][1] for name, size in candidate.dims):
            return False
        tried.add(candidate)
        return fails(candidate)

    case = _simplest(case, still_fails, (case.seed,))
    for seeds in ((case.seed,), OTHER_SEEDS):
        case = _smallest(layer, case, still_fails, seeds)
    return _simplest(case, still_fails, (case.seed, *MORE_SEEDS))


def _simplest(case: Case, fails: Fails, seeds: Iterable[int]) -> Case:
    simpler = itertools.takewhile(lambda rule: rule != case.values, SIMPLEST_FIRST)
    candidates = (case.with_values(rule, seed) for rule in simpler for seed in seeds)
    return next((candidate for candidate in candidates if fails(candidate)), case)


def _smallest(layer: Layer, case: Case, fails: Fails, seeds: Iterable[int]) -> Case:
    lowest = {name: low for name, (low, _) in (layer.dims or {}).items()}
    seeds = tuple(seeds)
    while True:
        sizes = [{**case.sizes, **smaller} for smaller in smaller_than(case.sizes, lowest)]
        candidates = (replace(case, dims=tuple(s.items()), seed=seed) for s in sizes for seed in seeds)
        found = next((candidate for candidate in candidates if fails(candidate)), None)
        if found is None:
            return case
        case = found


def smaller_than(sizes: Mapping[str, int], lowest: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Changes that make a configuration smaller, the boldest first.

    All but none, one or two sizes at their lowest; one size smaller; all sizes of one value smaller together (a square
    window whose side is its stride), or all but one of them; two sizes smaller by the same (an input just as large as
    its kernel), or all of them by one; and again all but a few at their lowest, but another one up by one (one more
    row for less padding).

    >>> list(smaller_than({"a": 3, "b": 1}, {"a": 1, "b": 1}))
    [{'a': 1}, {'a': 1}, {'a': 2}, {'a': 1, 'b': 2}]
    """
    high = [name for name, size in sizes.items() if name in lowest and size > lowest[name]]
    bold = [
        {name: lowest[name] for name in high if name not in kept}
        for count in range(min(3, len(high)))
        for kept in itertools.combinations(high, count)
    ]
    yield from bold
    for name in high:
        yield from ({name: size} for size in _below(sizes[name], lowest[name]))
    for together in _of_one_value(sizes, high):
        low = max(lowest[name] for name in together)
        yield from (dict.fromkeys(together, size) for size in _below(sizes[together[0]], low))
    for a, b in itertools.combinations(high, 2):
        most = min(sizes[a] - lowest[a], sizes[b] - lowest[b])
        yield from ({a: sizes[a] - by, b: sizes[b] - by} for by in reversed(_below(most + 1, 1)))
    if len(high) > 2:
        yield {name: sizes[name] - 1 for name in high}
    for change, name in itertools.product(bold, lowest):
        if sizes.get(name) == lowest[name] and sum(sizes[n] - size for n, size in change.items()) > 1:
            yield {**change, name: lowest[name] + 1}


def _of_one_value(sizes: Mapping[str, int], high: list[str]) -> Iterator[list[str]]:
    """Dims that have the same size: all of them, then all but one, where that leaves several."""
    for value in sorted({sizes[name] for name in high}):
        together = [name for name in high if sizes[name] == value]
        for group in (together, *([n for n in together if n != left] for left in together)):
            if len(group) > 1:
                yield group


def _below(size: int, low: int) -> list[int]:
    """Sizes to try instead, smallest first."""
    if size - low <= EVERY_VALUE:
        return list(range(low, size))
    return sorted({low, (low + size) // 2, size - 1})
