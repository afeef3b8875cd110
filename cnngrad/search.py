"""Which points a layer is judged at: explicit cases first, then Hypothesis' engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnngrad.core.asking import has
from cnngrad.core.case import Case, Shapes
from cnngrad.core.configurations import at_random, covering
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.values import rng_for
from cnngrad.shrinking import SIMPLEST_FIRST

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

EVERYWHERE = ("lattice", "normal", "kink", "integers", "saturated", "scale:1e-6", "scale:1e6")
FEATURE_TRIES = 2000

Features = dict[str, Callable[[Any], bool]]


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes:
        rules: value rules tried at shapes given without dims; one more for another number of samples, but not at
            ``quick``.
        rotation: value rules tried, in turn, at each explicit configuration; the first is tried at every one.
        configurations: configurations that cover all pairs, at most.
        random: configurations drawn evenly beside them.
        examples: cases drawn by Hypothesis' engine after those.
    """

    rules: tuple[str, ...]
    rotation: tuple[str, ...]
    configurations: int
    random: int
    examples: int


EFFORTS = {
    "quick": Effort(("lattice", "normal"), ("kink", "normal"), 8, 2, 0),
    "normal": Effort(
        ("lattice", "normal", "kink", "saturated", "scale:1e-3"),
        ("kink", "normal", "integers", "kink", "normal", "integers", "scale:1e3"),
        *(60, 24, 25),
    ),
    "thorough": Effort(EVERYWHERE, EVERYWHERE[1:], 200, 200, 200),
    "exhaustive": Effort(EVERYWHERE, ("kink",), 0, 0, 0),
}


def effort_named(name: str) -> Effort:
    """The effort of that name.

    Raises:
        UsageError: an unknown one.
    """
    if name not in EFFORTS:
        raise UsageError(f"effort {name!r} is not one of {', '.join(EFFORTS)}")
    return EFFORTS[name]


def explicit_cases(layer: Layer, effort: str, seed: int) -> Iterator[Case]:
    """The cases that are always tried.

    At ``exhaustive`` effort every configuration there is, with lattice values and with kinks.

    Raises:
        UsageError: the layer declares neither dims nor shapes, or no configuration is valid.
    """
    chosen = effort_named(effort)
    if not layer.dims:
        shapes = layer.shapes_at({})  # refuses a layer that declares nothing to draw from
        yield from (Case(values=rule, seed=seed + k) for k, rule in enumerate(chosen.rules))
        if effort != "quick":
            others = _other_batches(layer, shapes)
            yield from (Case((), other, "normal", seed + len(chosen.rules) + k) for k, other in enumerate(others))
        return
    every = effort == "exhaustive"
    configurations = list(_every(layer)) if every else covering(layer, seed)[: chosen.configurations]
    configurations += at_random(layer, chosen.random, seed)
    if not every:  # small ones first: a mistake is found where it is easiest to follow, and soonest shrunk
        configurations.sort(key=lambda sizes: sum(sizes.values()))
    missing = dict(layer.features)
    for k, sizes in enumerate(configurations):
        case = Case(dims=tuple(sizes.items()), values="lattice", seed=seed + k)
        for each in (case, case.with_values(chosen.rotation[k % len(chosen.rotation)])):
            missing = _still_missing(layer, missing, each)
            yield each
    yield from _reaching(layer, missing, seed)


def batch_axes(layer: Layer, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The axis of samples of each input that has one, where their number can be changed without guessing; else none.

    It cannot where an input of which nothing is declared has a side of just that length: it may go with the samples.

    >>> layer = Layer(lambda x, t: None, ("x", "t"), "demo", batch_axis=0)
    >>> batch_axes(layer, {"x": (2, 3), "t": (3,)}), batch_axes(layer, {"x": (2, 3), "t": (2,)})
    ({'x': 0}, {})
    """
    declared = layer.batch_axis
    axes = {layer.inputs[0]: declared} if isinstance(declared, int) else dict(declared or {})
    axes = {name: axis for name, axis in axes.items() if name in layer.inputs}
    if any(not -len(shapes[name]) <= axis < len(shapes[name]) for name, axis in axes.items()):
        return {}
    counts = {shapes[name][axis] for name, axis in axes.items()}
    unsaid = [name for name in layer.inputs if name not in axes]
    if len(counts) != 1 or any(counts & set(shapes[name]) for name in unsaid):
        return {}
    return axes


def _other_batches(layer: Layer, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Shapes]:
    """The shapes for one sample and for three, where those given are for another number."""
    axes = batch_axes(layer, shapes)
    for count in (1, 3) if axes else ():
        other = {name: list(shape) for name, shape in shapes.items()}
        for name, axis in axes.items():
            other[name][axis] = count
        changed = tuple((name, tuple(shape)) for name, shape in other.items())
        if dict(changed) != dict(shapes):
            yield changed


def _still_missing(layer: Layer, missing: Features, case: Case) -> Features:
    point = case.point(layer) if missing else None
    return {name: predicate for name, predicate in missing.items() if not has(predicate, point)}


def _reaching(layer: Layer, missing: Features, seed: int) -> Iterator[Case]:
    """Random cases that have a declared feature which no case so far had."""
    rng = rng_for(seed, "features")
    for _ in range(FEATURE_TRIES if missing else 0):
        sizes = {name: int(rng.integers(low, high + 1)) for name, (low, high) in (layer.dims or {}).items()}
        if not layer.allows(sizes):
            continue
        case = Case(tuple(sizes.items()), values=str(rng.choice(["lattice", "kink"])), seed=int(rng.integers(2**16)))
        left = _still_missing(layer, missing, case)
        if len(left) < len(missing):
            missing = left
            yield case


def _every(layer: Layer) -> Iterator[dict[str, int]]:
    from itertools import product

    dims = layer.dims or {}
    for values in product(*(range(low, high + 1) for low, high in dims.values())):
        sizes = dict(zip(dims, values, strict=True))
        if layer.allows(sizes):
            yield sizes


def cases(layer: Layer) -> SearchStrategy[Case]:
    """A Hypothesis strategy for the layer's cases, for your own ``@given`` tests.

    Raises:
        UsageError: the layer declares neither dims nor shapes.

    >>> from cnngrad.layers import relu
    >>> from hypothesis.strategies import SearchStrategy
    >>> isinstance(cases(relu), SearchStrategy)
    True
    """
    from hypothesis import strategies as st

    if not layer.dims:
        layer.shapes_at({})
    return _cases(layer, st.integers)


def _cases(layer: Layer, whole: Callable[[int, int], SearchStrategy[int]]) -> SearchStrategy[Case]:
    from hypothesis import strategies as st

    sizes = st.tuples(*(st.tuples(st.just(n), whole(low, high)) for n, (low, high) in (layer.dims or {}).items()))
    rule = whole(0, len(SIMPLEST_FIRST) - 1).map(SIMPLEST_FIRST.__getitem__)
    drawn = st.builds(Case, dims=sizes, values=rule, seed=whole(0, 2**16 - 1))
    return drawn.filter(lambda case: layer.allows(case.sizes))


def _from_bits(low: int, high: int) -> SearchStrategy[int]:
    """Whole numbers made of coin flips.

    Hypothesis' own also come from the constants of whatever modules are imported: other ones for the same seed.
    """
    from hypothesis import strategies as st

    flips = st.tuples(*[st.booleans()] * (high - low).bit_length())
    return flips.map(lambda bits: low + sum(bit << k for k, bit in enumerate(bits)) % (high - low + 1))


def find_failing(layer: Layer, fails: Callable[[Case], bool], examples: int, seed: int) -> Case | None:
    """Let Hypothesis' engine look for a failing case, with its own random numbers and no shared state."""
    from random import Random

    import hypothesis
    from hypothesis.errors import NoSuchExample, Unsatisfiable

    if not examples or not layer.dims:
        return None
    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate,),
    )
    try:
        found: Case = hypothesis.find(_cases(layer, _from_bits), fails, settings=settings, random=Random(seed))
    except (NoSuchExample, Unsatisfiable):
        return None
    return found


def inside_hypothesis_test() -> bool:
    """Whether a Hypothesis test of the user's is running: then the engine is not started inside it."""
    import sys

    if "hypothesis" not in sys.modules:
        return False
    from hypothesis import currently_in_test_context

    return currently_in_test_context()


def where_excluding(layer: Layer, case: Case) -> str:
    """The declaration that would exclude a configuration, as a line to copy."""
    lowest = {name: low for name, (low, _) in (layer.dims or {}).items()}
    telling: dict[str, Any] = {n: s for n, s in case.sizes.items() if s != lowest.get(n)} or case.sizes
    return f"where=lambda d: not ({' and '.join(f'd.{name} == {size}' for name, size in telling.items())})"
