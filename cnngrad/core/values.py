"""The rules by which a case draws its numbers. One function a rule, one entry in ``RULES``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, Vector, round_to_bits
from cnngrad.core.asking import asked
from cnngrad.core.errors import UsageError

Rule = Callable[[np.random.Generator, tuple[int, ...]], Vector]


def _distinct_odd(rng: np.random.Generator, size: int) -> Vector:
    """Odd integers in random order with as few repeats as 12 bits allow: no zero and, in a small array, no tie."""
    half = (min(max(size, 2), 4096) + 1) // 2
    odd = np.concatenate([np.arange(1, 2 * half, 2), -np.arange(1, 2 * half, 2)])
    whole = np.concatenate([rng.permutation(odd) for _ in range(math.ceil(size / odd.size) or 1)])
    return whole[:size].astype(np.float64)


def lattice(rng: np.random.Generator, shape: tuple[int, ...]) -> Vector:
    """Odd multiples of a power of two, at most 4 in size and distinct where they can be.

    Sums and products of few-bit dyadic numbers need no rounding, so a layer made of them computes exactly.
    """
    size = math.prod(shape)
    shift = max(4, math.ceil(math.log2(max(size, 1))) - 2)
    return np.ldexp(_distinct_odd(rng, size), -shift).reshape(shape)


def integers(rng: np.random.Generator, shape: tuple[int, ...]) -> Vector:
    """Small non-zero integers, all different while there are few of them: the easiest to follow by hand."""
    size = math.prod(shape)
    half = max(math.ceil(min(size, 4000) / 2), 2)
    pool = np.concatenate([np.arange(1, half + 1), -np.arange(1, half + 1)])
    whole = np.concatenate([rng.permutation(pool) for _ in range(math.ceil(size / pool.size) or 1)])
    return whole[:size].astype(np.float64).reshape(shape)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Vector:
    """Standard normal numbers."""
    return np.asarray(rng.standard_normal(shape))


def kink(rng: np.random.Generator, shape: tuple[int, ...]) -> Vector:
    """Numbers from -1, 0, 1 and 2, zeros most often: every tie and every kink at zero is met."""
    return rng.choice([-1.0, 0.0, 0.0, 1.0, 2.0], size=shape)


def saturated(rng: np.random.Generator, shape: tuple[int, ...]) -> Vector:
    """Normal numbers of size 12, where sigmoids and softmaxes are flat; naive formulas overflow at ``scale:1e3``."""
    return 12.0 * rng.standard_normal(shape)


RULES: dict[str, Rule] = {rule.__name__: rule for rule in (lattice, integers, normal, kink, saturated)}


def rule_named(name: str) -> Rule:
    """The rule a case names: one of ``RULES``, or ``scale:1e6`` for normal numbers of that size.

    Raises:
        UsageError: an unknown rule.

    >>> rule_named("scale:1e6")(np.random.default_rng(0), (1,)).round().tolist()
    [125730.0]
    """
    if name in RULES:
        return RULES[name]
    if name.startswith("scale:"):
        try:
            scale = float(name.removeprefix("scale:"))
        except ValueError:
            scale = math.nan
        if math.isfinite(scale) and scale > 0:
            return lambda rng, shape: scale * normal(rng, shape)
    raise UsageError(
        f"values={name} is no rule for values; accepted: {', '.join(RULES)}, scale:<number> such as scale:1e6, "
        "or file:<path of a saved case>"
    )


def into_domain(values: Vector, low: float, high: float) -> Vector:
    """Move values into the open interval (low, high), order and distinctness kept.

    >>> into_domain(np.array([-1.0, 0.0, 3.0]), 0, 1).tolist()
    [0.25, 0.5, 0.875]
    """
    if math.isfinite(low) and math.isfinite(high):
        share = 0.5 + 0.5 * values / (1 + np.abs(values))
        return np.asarray(low + (high - low) * np.clip(share, 2**-12, 1 - 2**-12))
    if math.isfinite(low):
        return low + np.where(values >= 0, 1 + values, 1 / (1 + np.abs(values)))
    if math.isfinite(high):
        return high - np.where(values >= 0, 1 / (1 + np.abs(values)), 1 - values)
    return values


def draw_input(
    rng: np.random.Generator,
    rule: str,
    shape: tuple[int, ...],
    domain: tuple[float, float] | None,
    own: Callable[..., Array] | None,
    d: Any,
) -> Array:
    """One input of a case: by the layer's own ``draw`` if it has one, else by the rule, moved into the domain."""
    if own is not None:
        return np.asarray(asked("draw", lambda: np.array(own(rng, shape, d))))
    values = rule_named(rule)(rng, shape)
    if domain is None:
        return round_to_bits(values)
    low, high = domain
    inside = np.clip(into_domain(values, low, high), np.nextafter(low, high), np.nextafter(high, low))
    short = round_to_bits(inside)
    return np.where((short > low) & (short < high), short, inside)


def draw_cotangent(rng: np.random.Generator, rule: str, size: int) -> Vector:
    """A cotangent for ``size`` output entries: small odd integers where the case is dyadic, else normal numbers.

    Never all ones nor all of one size: such cotangents hide most mistakes in softmax and batch normalisation.
    """
    if rule in ("lattice", "integers", "kink"):
        return rng.choice(np.array([-7.0, -5.0, -3.0, -1.0, 1.0, 3.0, 5.0, 7.0]), size=size)
    return round_to_bits(rng.standard_normal(size))


def rng_for(seed: int, purpose: str) -> np.random.Generator:
    """An independent stream of random numbers for each purpose of one case; the same on every machine.

    Raises:
        UsageError: a seed that is no whole number, or negative.
    """
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise UsageError(f"the seed is {seed!r:.40}; it takes a whole number, 0 or more")
    return np.random.default_rng([seed, *purpose.encode()])
