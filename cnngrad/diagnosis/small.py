"""Little is wrong: one entry, some entries, or the precision of all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnngrad.diagnosis.failure import Failure, Lead

FINE = 1e-9  # of the largest entry: what the differences are good for


def one_entry(failure: Failure) -> Iterator[Lead]:
    """All entries but one are right, in arrays of several."""
    places = []
    for s in failure.wrong:
        if s.g.shape != s.shape or s.g.size < 3:
            continue
        n = s.n
        slack = 1e-8 * np.abs(n) + FINE * np.max(np.abs(n[np.isfinite(n)]), initial=1e-30)
        off = ~(np.abs(s.g - n) <= slack) & np.isfinite(n)
        if np.count_nonzero(off) != 1:
            return
        places.append((s, int(np.flatnonzero(off)[0])))
    if len(places) < 2:
        return
    ends = ("the last", "the first", "one")
    where = 0 if all(p == s.g.size - 1 for s, p in places) else 1 if all(p == 0 for _, p in places) else 2
    ratios = [s.g.ravel()[p] / n if (n := s.n.ravel()[p]) else np.inf for s, p in places]
    yield Lead(
        f"{ends[where]} entry of the gradient of {failure.name} is wrong, all others are right",
        f"in {len(places)} failing cases; there it is {ratios[0]:.8g} times the right value",
        "look at code that treats one index by itself: ends of loops, an index written by hand",
        "one element",
    )


def precision(failure: Failure) -> Iterator[Lead]:
    """Every entry is right to a few digits: the rounding of float32 or half precision."""
    errors = []
    for s in failure.wrong:
        if s.g.shape != s.shape:
            return
        n = s.n
        told = np.isfinite(n)
        scale = np.max(np.abs(n[told]), initial=0.0)
        if scale == 0:
            return
        errors.append(float(np.max(np.abs(s.g - n)[told]) / scale))
    if len(errors) < min(2, len(failure.wrong)) or not errors:
        return
    rounded = {
        kind: all(np.array_equal(s.g, s.g.astype(dtype).astype(np.float64)) for s in failure.wrong)
        for kind, dtype in (("half precision", np.float16), ("float32", np.float32))
    }
    for kind, low, high in (("half precision", 1e-5, 4e-3), ("float32", 1e-10, 1e-5)):
        small = all(error <= high for error in errors) and max(errors) >= low
        if small and (rounded[kind] or _scattered(failure)):
            yield Lead(
                f"the gradient of {failure.name} is rounded to {kind} on the way",
                f"right to {max(errors):.1e} of the largest entry in {len(errors)} failing cases, no better"
                + ("; every number is one of that precision" if rounded[kind] else ""),
                f"keep the dtype of {failure.name}: look for astype, float literals of a framework, np.float16/32",
                "precision",
            )
            return


def _scattered(failure: Failure) -> bool:
    """Whether most entries are off, by shares of both signs, as rounding is."""
    shares = np.concatenate([((s.g - s.n) / s.n).ravel() for s in failure.wrong if np.all(s.n != 0)] or [np.zeros(0)])
    shares = shares[np.isfinite(shares)]
    off = shares[np.abs(shares) > 1e-11]
    return off.size > 0.5 * shares.size > 2 and bool(np.any(off > 0) and np.any(off < 0))
