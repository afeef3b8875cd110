"""Right shares times a number of their own: by output, by entry, or by powers of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import OUTPUTS, Failure, enough, given
from cnngrad.diagnosis.scene import Scene
from cnngrad.diagnosis.shares import Shares, by_entry, by_output, entry_by_entry, several, shares

Field = Callable[[Array], Array]

# Functions of the output that dy may have been multiplied with besides what it must.
OF_OUTPUT: tuple[tuple[str, Field], ...] = (
    ("y", lambda y: y),
    ("1/y", lambda y: 1 / y),
    ("y²", lambda y: y**2),
    ("1/y²", lambda y: 1 / y**2),
    ("1 - y", lambda y: 1 - y),
    ("1 - y²", lambda y: 1 - y**2),
    ("y(1 - y)", lambda y: y * (1 - y)),
    ("|y|", np.abs),
    ("sign(y)", np.sign),
    ("e^y", np.exp),
)


def _taken_apart(failure: Failure) -> list[tuple[Scene, Shares]] | None:
    found = [(s, shares(s)) for s in failure.wrong if s.flat_y.size <= OUTPUTS]
    if any(each is None for _, each in found) or not found:
        return None
    return [(s, each) for s, each in found if each is not None]


def times_function_of_output(failure: Failure) -> Iterator[Suspect]:
    """Each output's share is right but for a number: dy is multiplied by a factor too much, or by the wrong one."""
    apart = _taken_apart(failure)
    ratios = [(s.flat_y[each.outputs], by_output(each)) for s, each in apart or ()]
    if not ratios or any(r is None for _, r in ratios):
        return
    told = [(y[np.isfinite(r)], r[np.isfinite(r)]) for y, r in ratios if r is not None]
    y, r = np.concatenate([y for y, _ in told]), np.concatenate([r for _, r in told])
    if r.size < 4 or not enough(sum(np.ptp(each) > 1e-6 for _, each in told if each.size), r.size, 0):
        return
    evidence = f"{r.size} outputs in {len(told)} failing cases, each share right but for its own factor"
    name = failure.name
    for words, function in OF_OUTPUT:
        if np.allclose(r, function(y), rtol=1e-5, atol=1e-7):
            yield Suspect(
                f"dy is multiplied by {words} too often in the gradient of {name}, y being the output",
                evidence,
                f"leave {words} out: the derivative of the forward has no such factor",
                "extra factor",
            )
            return
    if set(np.unique(np.round(r, 6))) <= {0.0, 1.0}:
        yield from _mask_of_output(failure, y, r > 0.5)
        return
    if _is_function(y, r):
        yield Suspect(
            f"dy is multiplied by a wrong function of the output in the gradient of {name}: f' is not the one of the "
            "forward",
            f"{evidence}, between {r.min():.3g} and {r.max():.3g}, the same where the output is the same",
            "derive f once more, and take care whether it is meant to be evaluated at the output or before it",
            "activation derivative",
        )


def _mask_of_output(failure: Failure, y: Array, passed: Array) -> Iterator[Suspect]:
    """Only outputs on one side of a threshold let dy through."""
    for words, low, high in (("above", y[~passed], y[passed]), ("below", y[passed], y[~passed])):
        if low.size and high.size and low.max() < high.min():
            yield Suspect(
                f"the mask of dy lets through only outputs {words} some number between {low.max():.3g} and "
                f"{high.min():.3g}, in the gradient of {failure.name}",
                f"{y.size} outputs: {np.count_nonzero(~passed)} of them get nothing, all others are right",
                "the mask is where the forward has slope 1, and nowhere else",
                "mask",
            )
            return


def _is_function(y: Array, r: Array) -> bool:
    """Whether the ratio is a smooth function of the output: neighbours in y are neighbours in r."""
    order = np.argsort(y)
    steps = np.abs(np.diff(r[order]))
    enough_points = np.unique(np.round(y, 9)).size >= 12
    return enough_points and float(np.sum(steps)) <= 2.5 * float(np.ptp(r)) and np.ptp(r) > 1e-6


def another_factor(failure: Failure) -> Iterator[Suspect]:
    """Each output's share is ``δ`` times 1, or times the output, where it must be δ times what the forward multiplied.

    The slope of an activation behind it is known from the bias, an input that is added.
    """
    name = failure.name
    if name == failure.layer.inputs[0]:
        return
    for words, field in (("δ alone", np.ones_like), ("δ times the output", lambda y: y)):
        yield from failure.lead(
            "wrong input",
            f"the gradient of {name} is {words}: what the forward multiplies {name} with is not in it",
            given(_delta_times, field),
            f"multiply δ by what stands beside {name} in the forward, and then sum",
            everywhere=True,
        )


def _delta_times(s: Scene, field: Field) -> Array | None:
    slope = s.slopes
    if slope is None or s.bias == s.name or s.g.shape != s.shape:
        return None
    right = s.jacobian().reshape(s.flat_y.size, -1)
    return np.asarray(s.dy * slope * field(s.flat_y) @ (right != 0)).reshape(s.shape)


def powers(failure: Failure) -> Iterator[Suspect]:
    """Each share times ``|x|^a |y|^b``, perhaps with the sign of x: powers counted wrongly, as in a norm."""
    apart = _taken_apart(failure)
    fits = []
    for s, each in apart or ():
        if each.claimed.size == 0 or s.y_shape == ():
            return
        fit = _fit(s, each)
        if fit is not None and not fit.size:
            return
        if fit is not None:
            fits.append((s, fit))
    if len(fits) < min(2, len(failure.wrong)) or not any(np.any(np.abs(fit[:2]) > 1e-4) for _, fit in fits):
        return
    of_x, of_y = (_words_for([(s.numbers.get("p"), fit[k]) for s, fit in fits]) for k in (0, 1))
    if not of_x or not of_y:
        return
    sign = all(fit[2] < 0 for _, fit in fits)
    said = [f"|{failure.name}|^({of_x})" if of_x != "0" else "", f"y^({of_y})" if of_y != "0" else ""]
    told = " ".join(filter(None, said)) + (f", and sign({failure.name}) is lost" if sign else "")
    yield Suspect(
        f"the gradient of {failure.name} has a power too much or too few: it is multiplied by {told}, y the output",
        f"a fit of powers leaves less than 1e-5 in {len(fits)} failing cases",
        "count the powers again: (Σ|x|^p)^(1/p) has the slope sign(x) (|x|/y)^(p - 1)",
        "power",
    )


def _fit(s: Scene, each: Shares) -> Array | None:
    """Powers of |x| and |y| and whether the sign is lost; empty where none fit, ``None`` where any would."""
    ratio, outputs, entries = entry_by_entry(each)
    x, y = s.value.ravel()[entries], s.flat_y[outputs]
    kept = (x != 0) & (y != 0) & (ratio != 0)
    ratio, x, y = ratio[kept], x[kept], y[kept]
    lost = np.array_equal(np.sign(ratio), np.sign(x)) and bool(np.any(x < 0))
    if x.size < 2:
        return None
    if not kept.all() or (np.any(ratio < 0) and not lost):
        return np.empty(0)
    a = np.stack([np.log(np.abs(x)), np.log(np.abs(y)), np.ones(x.size)], axis=1)
    if x.size < 4 or np.linalg.matrix_rank(a[:, :2], tol=1e-3) < 2:
        return None
    found, *_ = np.linalg.lstsq(a, np.log(np.abs(ratio)), rcond=None)
    left = np.max(np.abs(a @ found - np.log(np.abs(ratio))))
    return np.array([found[0], found[1], -1.0 if lost else 1.0]) if left < 1e-5 else np.empty(0)


def _words_for(powers: list[tuple[float | None, float]]) -> str:
    """A power that is one number in all cases, or one that follows p; empty where it is neither."""
    values = np.array([power for _, power in powers])
    ps = np.array([p if p is not None else np.nan for p, _ in powers])
    for times, over in sorted(product((0, 1, -1, 2, -2), repeat=2), key=lambda pair: abs(pair[0]) + abs(pair[1])):
        rest = values - (times * ps if times else 0) - (over / ps if over else 0)
        if np.all(np.isfinite(rest)) and np.ptp(rest) < 1e-3:
            parts = [(times, "p"), (over, "/p"), (round(float(rest[0]), 2), "")]
            told = [f"{c:+g}{name}".replace("1p", "p") for c, name in parts if c]
            return " ".join(told).removeprefix("+") or "0"
    return ""


def times_a_field(failure: Failure) -> Iterator[Suspect]:
    """Each entry of the gradient is right but for a number of its own, whatever the output."""
    apart = _taken_apart(failure)
    if not apart or sum(several(each.right.T) for _, each in apart) < 2:
        return
    ratios = [(s, by_entry(each)) for s, each in apart]
    if any(r is None for _, r in ratios):
        return
    values = [(s.value.ravel()[np.isfinite(r)], r[np.isfinite(r)]) for s, r in ratios if r is not None]
    x, r = np.concatenate([x for x, _ in values]), np.concatenate([r for _, r in values])
    name = failure.name
    if r.size < 6 or np.ptp(r) < 1e-6:
        return
    if set(np.unique(np.round(r, 6))) <= {0.0, 1.0}:
        passed = r > 0.5
        for words, low, high in (("above", x[~passed], x[passed]), ("below", x[passed], x[~passed])):
            if low.size and high.size and low.max() < high.min():
                yield Suspect(
                    f"the gradient of {name} is masked: only entries of {name} {words} some number between "
                    f"{low.max():.3g} and {high.min():.3g} get it",
                    f"{x.size} entries: {np.count_nonzero(~passed)} of them get nothing, all others are right",
                    f"the mask does not belong to {name}, or not here: where the forward has no kink there is none",
                    "mask",
                )
        return
    if name == failure.layer.inputs[0] and _is_function(x, r):
        yield Suspect(
            f"the gradient of {name} is multiplied by a function of {name} that does not belong there",
            f"{r.size} entries, the factor between {r.min():.3g} and {r.max():.3g}, the same where {name} is the same",
            f"leave it out, or derive the slope of the forward at {name} once more",
            "activation derivative",
        )


def unknown_factor(failure: Failure) -> Iterator[Suspect]:
    """One number a case, another one in each, and none of the known ones."""
    factors = failure.factors(lambda s: s.n)
    told = [c for c, s in zip(factors or (), failure.scenes, strict=False) if s.wrong and np.isfinite(c)]
    if len(told) < 3 or sum(s.g.size for s in failure.wrong) < 3 * len(failure.wrong):
        return
    if sum(np.count_nonzero(np.nan_to_num(s.n)) > 2 for s in failure.wrong) < 2:
        return
    values = ", ".join(f"{c:.4g}" for c in told[:4])
    yield Suspect(
        f"the gradient of {failure.name} is right but for one factor, which differs from case to case",
        f"claimed / numerical is {values} in {len(told)} failing cases, the same for all entries of each",
        "look for a number that is not the forward's: a norm, a count, a keyword with a value of its own",
        "constant factor",
    )
