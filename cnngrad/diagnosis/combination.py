"""Formulas of several terms: which sum of known terms the claim is, where no listed mistake fits.

A formula is a field in front times a sum of terms with coefficients. Where it is recognised, the claim is fitted with
the right terms and at most one other; what is left out, turned or exchanged is the mistake. The coefficients have to be
the same in all scenes, or to follow a known number of each, as the sum in the place of a mean does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations as combinations_of

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import TOLERANCE, Failure, magnitude, same
from cnngrad.diagnosis.formulas import FORMULAS, Formula, Values
from cnngrad.diagnosis.known import words_for
from cnngrad.diagnosis.scene import Scene

WELL = 1e3  # terms that are no nearer to each other than this can be told apart
CLOSE = 1e-5  # how well their coefficients are known then


def combinations(failure: Failure) -> Iterator[Suspect]:
    """The first sum that is the claim in every scene, the nearest to the right one first."""
    for formula in FORMULAS:
        values = [formula.values(s) for s in failure.wrong]
        if not values or any(v is None for v in values):
            continue
        told = [(s, v) for s, v in zip(failure.wrong, values, strict=True) if v is not None]
        if any(s.g.shape != s.shape for s, _ in told) or not all(_is(formula, s, v) for s, v in told):
            continue
        for front in (formula.front, *formula.fronts):
            if front == formula.fronts[0]:
                yield from _front_of_some(failure, formula)
            for names in _sets(formula):
                found = _fit(formula, told, front, names)
                if found is not None:
                    yield _lead(failure, formula, front, found, told)
                    return
        yield from _counted_wrongly(failure, formula)


def _front_of_some(failure: Failure, formula: Formula) -> Iterator[Suspect]:
    """What stands in front of all terms is wrong for some of them: a bracket that closes too early."""
    terms = tuple(formula.right)
    for front in formula.fronts:
        for size in range(1, len(terms)):
            for some in combinations_of(terms, size):

                def predict(s: Scene, front: str = front, some: tuple[str, ...] = some) -> Array | None:
                    v = formula.values(s)
                    if v is None:
                        return None
                    fronts = {name: formula.fields[front if name in some else formula.front](v) for name in terms}
                    parts = [c * fronts[name] * formula.fields[name](v) for name, c in formula.right.items()]
                    return np.asarray(np.broadcast_to(sum(parts), s.shape))

                yield from failure.lead(
                    "extra factor",
                    f"{front} stands before {' and '.join(some)} in the place of {formula.front}, in the gradient of "
                    f"{failure.name}",
                    predict,
                    f"put it before every term: {_told(formula.front, formula.right)}",
                )


def _counted_wrongly(failure: Failure, formula: Formula) -> Iterator[Suspect]:
    """Right terms, some of them with a factor that is another number in each case: a sum, or a mean of fewer."""
    scenes = tuple(s for s in failure.wrong if (v := formula.values(s)) is not None and _is(formula, s, v))
    shares = [_shares_of(formula, s) for s in scenes]
    told = [(s, share) for s, share in zip(scenes, shares, strict=True) if share is not None]
    if len(told) < 2 or len(scenes) < len(failure.wrong) or any(not share for _, share in told):
        return
    words: dict[str, list[str]] = {}
    for name in formula.right:
        factors = [share[name] for _, share in told]
        if all(abs(c - 1) < CLOSE for c in factors):
            continue
        words.setdefault(words_for(factors, tuple(s for s, _ in told), CLOSE), []).append(name)
    if not words or "" in words or any(len(names) == len(formula.right) for names in words.values()):
        return  # a factor of all terms is no matter of one
    said = "; ".join(
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} {word}" for word, names in words.items()
    )
    yield Suspect(
        f"{said}, in the gradient of {failure.name}",
        f"so are all {sum(s.g.size for s, _ in told)} entries in {len(told)} failing cases",
        f"divide each sum by as many as it has terms: {_told(formula.front, formula.right)}",
        "constant factor",
    )


def _shares_of(formula: Formula, s: Scene) -> dict[str, float] | None:
    """How much of each right term is in the claim, 1 being right; empty if more than that is, ``None`` if unknown."""
    v = formula.values(s)
    assert v is not None
    a = np.stack([c * _column(formula, formula.front, name, s, v) for name, c in formula.right.items()], axis=1)
    largest = np.max(np.abs(a))
    if s.g.size < 2 * len(formula.right) or np.linalg.cond(a) > WELL:
        return None
    found, *_ = np.linalg.lstsq(a, s.g.ravel(), rcond=None)
    if not np.all(np.abs(a @ found - s.g.ravel()) <= TOLERANCE * max(largest, np.max(np.abs(s.g)))):
        return {}
    return dict(zip(formula.right, map(float, found), strict=True))


def _sets(formula: Formula) -> Iterator[tuple[str, ...]]:
    right = tuple(formula.right)
    yield right
    for other in formula.others:
        for left in right:
            yield tuple(other if name == left else name for name in right)
    for other in formula.others:
        yield (*right, other)


def _is(formula: Formula, s: Scene, v: Values) -> bool:
    total = sum(c * formula.fields[name](v) for name, c in formula.right.items())
    right = np.broadcast_to(formula.fields[formula.front](v) * total, s.shape)
    return bool(np.all(np.isfinite(s.n))) and same(right, s.n, magnitude(s)) is not None


def _fit(
    formula: Formula, told: list[tuple[Scene, Values]], front: str, names: tuple[str, ...]
) -> dict[str, float] | None:
    with np.errstate(all="ignore"):
        columns = [np.concatenate([_column(formula, front, name, s, v) for s, v in told]) for name in names]
        claimed = np.concatenate([s.g.ravel() for s, _ in told])
        a = np.stack(columns, axis=1)
        if not np.all(np.isfinite(a)) or claimed.size < 3 * len(names) or np.linalg.matrix_rank(a) < len(names):
            return None
        found, *_ = np.linalg.lstsq(a, claimed, rcond=None)
        if not np.all(np.abs(a @ found - claimed) <= TOLERANCE * np.max(np.abs(claimed))):
            return None
    coefficients = {n: float(c) for n, c in zip(names, found, strict=True) if abs(c) > 1e-6}
    plain = all(abs(4 * c - round(4 * c)) < 1e-5 for c in coefficients.values())
    return coefficients if plain and coefficients else None


def _column(formula: Formula, front: str, name: str, s: Scene, v: Values) -> Array:
    return np.broadcast_to(formula.fields[front](v) * formula.fields[name](v), s.shape).ravel()


def _lead(
    failure: Failure, formula: Formula, front: str, found: dict[str, float], told: list[tuple[Scene, Values]]
) -> Suspect:
    right = formula.right
    gone = [n for n in right if n not in found]
    new = [n for n in found if n not in right]
    turned = [n for n in found if n in right and abs(found[n] + right[n]) < 1e-5]
    scaled = [n for n in found if n in right and abs(found[n] - right[n]) > 1e-5 and n not in turned]
    of = f"in the gradient of {failure.name}"
    if turned and not gone and not new:
        family, words = "sign", f"the sign of {turned[0]} is turned {of}"
    elif gone and new:
        family = "axis" if "of the" in new[0] or "over" in new[0] else "missing term"
        words = f"{new[0]} stands in the place of {gone[0]} {of}"
    elif gone:
        family, words = "missing term", f"the term {gone[0]} is missing {of}"
    elif new:
        family, words = "added term", f"the term {new[0]} does not belong {of}"
    elif scaled:
        family, words = "constant factor", f"{scaled[0]} has a wrong factor {of}"
    else:
        family, words = "extra factor", f"{front} stands in front in the place of {formula.front} {of}"
    claimed, due = _told(front, found), _told(formula.front, right)
    entries = sum(s.g.size for s, _ in told)
    return Suspect(
        words,
        f"all {entries} entries in {len(told)} failing cases are {claimed}; they must be {due}",
        f"put it as in the derivation: {due}",
        family,
    )


def _told(front: str, coefficients: dict[str, float]) -> str:
    """A formula in words, ``"p · (dp - Σ dp p)"``."""
    parts: list[str] = []
    for name, c in coefficients.items():
        size = "" if abs(abs(c) - 1) < 1e-5 else f"{abs(c):.4g} "
        sign = "-" if c < 0 else "+" if parts else ""
        parts.append(f"{sign}{' ' if parts else ''}{size}{name}")
    return f"{front} · ({' '.join(parts)})"
