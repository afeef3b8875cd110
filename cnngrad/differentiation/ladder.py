"""Central differences over a ladder of steps, extrapolated, with an error bound read off the ladder itself.

Steps ``h_k = S / 4^k`` from the natural scale S of the point downwards, each with its slope
``s_k = <dy, f(+h_k) - f(-h_k)> / 2h_k``;
Richardson's extrapolation in h^2 (Neville's table) removes the leading error terms (L. F. Richardson 1911; C. J. F.
Ridders 1982). The usual error estimate, one difference of neighbours, is exceeded in a few per cent of cases, so all
neighbours are held against each other, the rounding noise is *measured* (fourth differences at a tiny step, after
R. W. Hamming), and an entry counts only if it agrees with every smaller step (O. V. Lepski 1991). The last one is what
tells a plateau at steps far above the scale of f, or one that straddles a kink, from the derivative.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from cnngrad.core.arrays import Vector
from cnngrad.differentiation.line import EPS, Estimate, Line
from cnngrad.differentiation.precision import BLOCK, resolves, working_eps

RATIO = 4.0
# The probe's step as a share of the scale: small enough to see most kinks, large enough to mean something. Where it
# does see one, a smaller probe tells a kink close by from one at the point itself.
TINY = 2.0**-24
SMALLEST = 2.0**-32
# In place of 4 where f computes in low precision: a few coarse values are poor witnesses of their own error.
CAUTION = 32
# A complex step's bound is 64 roundings of its terms; this many of it are 6e-8 of them.
DIGITS = 2.0**22
UNSEEN = 2.0**10
# Between two numbers next to 0, where a precision can come so near: float16, and a float16 number that looks shorter.
SUBNORMAL = {2.0**-10: 2.0**-24, 2.0**-7: 2.0**-24}


@dataclass(frozen=True)
class Probe:
    """Five equally spaced points at a tiny step: the noise of f, its slope there, and whether it is kinked.

    Attributes:
        step: the tiny step taken.
        noise: the rounding noise of ``<dy, f>``.
        slope, error: the central slope at the tiny step, and what noise may have done to it.
        eps: the precision f works in.
        bend: the size of the fourth difference, at least what rounding can make of it.
        blind: whether it could not tell a kink, or a plateau of large steps, from the slope: in very low precision.
        farther: whether it had to look from farther away than was asked, where nearer steps changed nothing.
    """

    step: float
    noise: float
    slope: float
    error: float
    kinked: bool
    eps: float
    bend: float
    blind: bool
    farther: bool

    def widened(self, real: Estimate) -> Estimate:
        """The same, but for what may lie between its steps and the point: a kink, or the scale of f, unseen here."""
        seen = self.error < (0.25 if self.farther else UNSEEN) * abs(real.value)
        if not self.blind and (real.value == 0 or seen):
            return real
        return Estimate(real.value, max(real.bound, abs(real.value - self.slope) + self.error), real.how)

    def confirms(self, sharp: Estimate) -> bool:
        """Whether the slope here is that of a complex step, to seven digits at least: what misleads the one is seen."""
        near_enough = self.eps == EPS and self.error <= DIGITS * sharp.bound
        return near_enough and abs(sharp.value - self.slope) <= 4 * self.error + sharp.bound


def probe(line: Line, step: float) -> Probe:
    """Look at f from very near. Costs 4 forwards, and more where what is seen is nothing, or may be a kink."""
    asked = step
    step, y, eps = _telling(line, asked)
    fourth = _fourth_difference(line, y)
    third = line.dy * np.maximum(np.abs(y[1] - 3 * y[2] + 3 * y[3] - y[4]), np.abs(y[0] - 3 * y[1] + 3 * y[2] - y[3]))
    # A handful of outputs is a handful of samples of the noise: allow for an unlucky draw.
    luck = 1 + 8 / max(int(np.count_nonzero(line.dy)), 1)
    measured = luck * max(fourth / np.sqrt(70.0), float(np.linalg.norm(third)) / np.sqrt(20.0))
    slope = line.contract(y[3] - y[1]) / (2 * step)
    rounding = eps * float(np.linalg.norm(line.dy * reduce(np.maximum, map(np.abs, y))))
    noise = max(
        measured,
        rounding,
        _grain(line, y),
        SUBNORMAL.get(eps, 0.0) * float(np.linalg.norm(line.dy)),
        _absorbed(line, (y[3] - y[1]) / (2 * step), eps),
    )
    # In low precision the step is no longer tiny: what bends the function within it is error as well.
    # A kink within it shows in the third differences, and makes the slopes to the two sides differ by as much.
    largest = max(float(np.max(np.abs(part), initial=0.0)) for part in y)
    bent = float(np.sum(np.maximum(np.abs(third) - 16 * eps * largest * np.abs(line.dy), 0.0))) / (2 * step)
    curved = abs(slope - line.contract(y[4] - y[0]) / (4 * step)) + bent if eps > EPS else 0.0
    blind = bool(eps > EPS and (eps > 2.0**-23 or bent > noise / step))
    del y, third  # the outputs may be large, and more of them come
    kinked = fourth > 64 * rounding and _grows_with_step(line, step, fourth)
    return Probe(step, noise, slope, noise / step + curved, kinked, eps, max(fourth, 8 * rounding), blind, step > asked)


def _grain(line: Line, y: list[Vector]) -> float:
    """The rounding of numbers of size 1 inside, ``log(1 + tiny)``, where outputs move so little that it may be that."""
    total = 0.0
    for start in range(0, line.dy.size, BLOCK):
        y0, *others, dy = (part[start : start + BLOCK] for part in (line.y0, *y, line.dy))
        moved = reduce(np.maximum, [np.abs(part - y0) for part in others])
        total += float(np.sum(dy[(moved < 64 * EPS) & ~resolves(y0, others)] ** 2))
    return EPS * float(np.sqrt(total))


def _telling(line: Line, step: float) -> tuple[float, list[Vector], float]:
    """Five points far enough apart for the precision that f works in, and that precision.

    Where nothing changes, either nothing does, or the step is lost in that precision and a larger one is needed. It can
    be lost only in outputs that a large step changes and that are not 0.
    """
    y = _five(line, step)
    silent = all(np.array_equal(part, line.y0) for part in y)
    look = _first_change(line) if silent else line.y0
    lost = (look != line.y0) & (line.y0 != 0)
    while silent and np.any(lost) and 64 * step < line.longest:
        step *= 64
        y = _five(line, step)
        silent = all(np.array_equal(part[lost], line.y0[lost]) for part in y)
    eps = working_eps(*([look] if silent else y))
    enough = 2 * np.sqrt(eps) * line.near
    if eps > EPS and step < enough:
        return enough, _five(line, enough), eps
    return step, y, eps


def _first_change(line: Line) -> Vector:
    """The outputs after a step that changes some of them, the smaller of two if that does."""
    look = line(line.near / 4)
    return line(line.longest) if np.array_equal(look, line.y0) else look


def _nearer(line: Line, near: Probe, step: float) -> Probe:
    """A smaller probe, believed to see no kink only where it would see one at the point itself."""
    nearer = probe(line, step)
    expected = near.bend * step / near.step
    return nearer if not nearer.kinked and expected > 8 * nearer.bend else near


def _five(line: Line, step: float) -> list[Vector]:
    return [line(-2 * step), line(-step), line.y0, line(step), line(2 * step)]


def _fourth_difference(line: Line, y: list[Vector]) -> float:
    return float(np.linalg.norm(line.dy * (y[0] - 4 * y[1] + 6 * y[2] - 4 * y[3] + y[4])))


def _grows_with_step(line: Line, step: float, fourth: float) -> bool:
    """Rounding noise does not depend on the step; what a kink adds to a difference grows in proportion to it."""
    return _fourth_difference(line, _five(line, 64 * step)) > 16 * fourth


def _absorbed(line: Line, slopes: Vector, eps: float) -> float:
    """What may be lost when at + step is rounded: invisible to any difference table."""
    moved = line.direction != 0
    lost = np.max(np.abs(line.at[moved]) / np.abs(line.direction[moved]), initial=0.0)
    return 0.5 * eps * float(lost) * float(np.linalg.norm(line.dy * slopes))


@dataclass
class Table:
    """Neville's table, grown a step at a time, with an error for each entry.

    Attributes:
        changes: by how much the slope changed from the step before, and how much of that is surely no rounding.
    """

    steps: list[float] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    errors: list[list[float]] = field(default_factory=list)
    changes: list[tuple[float, float]] = field(default_factory=list)

    def add(self, step: float, slope: float, noise: float) -> None:
        row = [slope]
        for q in range(1, len(self.rows) + 1):
            shrink = (self.steps[-q] / step) ** 2
            row.append(row[q - 1] + (row[q - 1] - self.rows[-1][q - 1]) / (shrink - 1))
        self.errors.append(self._errors(row, noise / step))
        change = abs(slope - self.rows[-1][0]) if self.rows else np.inf
        self.changes.append((change, change - 4 * noise / step))
        self.rows.append(row)
        self.steps.append(step)

    def _errors(self, row: list[float], rounding: float) -> list[float]:
        """How far each entry is from its two neighbours in the row above; its own row's differs from it by less."""
        errors = [np.inf]
        for q in range(1, len(row)):
            witnesses = self.rows[-1][q - 1 : q + 1]  # the last entry of a row has only one
            errors.append(max(abs(row[q] - other) for other in witnesses) + 1.5 * rounding)
        return errors

    def best(self, near: Probe) -> tuple[float, float] | None:
        """The entry of least error among those that agree with all smaller steps and with the tiny probe.

        A slope that changes more, by no rounding, at smaller steps is not yet near the derivative: no entry of its row.
        """
        chosen: tuple[float, float] | None = None
        smaller: list[tuple[float, float]] = [(near.slope, near.error)]
        most = 0.0
        table = zip(reversed(self.rows), reversed(self.errors), reversed(self.changes), strict=True)
        for row, errors, (change, sure) in table:
            if 2 * change < most:
                continue
            most = max(most, sure)
            own = [(value, error) for value, error in zip(row, errors, strict=True) if np.isfinite(error)]
            for value, error in own:
                agrees = all(abs(value - other) <= 4 * (error + slack) for other, slack in smaller)
                if agrees and (chosen is None or error < chosen[1]):
                    chosen = (value, error)
            if own:
                smaller.append(min(own, key=lambda entry: entry[1]))
        return chosen


def ladder(line: Line, shift: float = 1.0, most: int = 64) -> Estimate | None:
    """The derivative along a line from real differences.

    Args:
        shift: multiplies every step, so that two ladders share none.
        most: forwards to spend at most.

    Returns:
        The estimate; ``None`` where f is kinked at the point, or not finite near it.

    >>> line = Line(np.sin, np.array([0.3]), np.ones(1), np.ones(1))
    >>> found = ladder(line)
    >>> bool(abs(found.value - np.cos(0.3)) <= found.bound < 1e-11)
    True
    """
    near = look(line, shift)
    return None if near is None else near.widened(climb(line, near, shift, most))


def look(line: Line, shift: float) -> Probe | None:
    """What is seen of f from very near; ``None`` where it is kinked at the point, or not finite near it."""
    with np.errstate(all="ignore"):
        near = probe(line, line.near * shift * TINY)
        if near.kinked:
            near = _nearer(line, near, line.near * shift * SMALLEST)
        seen = np.isfinite(near.slope) and np.all(np.isfinite(line.y0)) and not near.kinked
    return near if seen else None


def climb(line: Line, near: Probe, shift: float, most: int = 64) -> Estimate:
    """The derivative from the ladder, whatever lies between its smallest useful step and the point."""
    with np.errstate(all="ignore"):
        value, error = _climb_down(line, line.longest * shift, near, (most - 4) // 2)
    bound = (4 if near.eps == EPS else CAUTION) * error
    return Estimate(value, bound, "ladder")


def _climb_down(line: Line, step: float, near: Probe, levels: int) -> tuple[float, float]:
    """Take smaller steps until the best entry is better than the tiny probe and no worse than rounding."""
    table = Table()
    best = seen = (near.slope, near.error)
    for _ in range(levels):
        up, down = line(step), line(-step)
        slope = line.contract(up - down) / (2 * step)
        noise = max(near.noise, near.eps * float(np.linalg.norm(line.dy * np.maximum(np.abs(up), np.abs(down)))))
        if np.isfinite(slope):
            table.add(step, slope, noise)
            best = min(table.best(near) or seen, seen, key=lambda entry: entry[1])
        if step < 16 * near.step or _good_enough(best[1], near, noise / step):
            break
        step /= RATIO
    return best


def _good_enough(error: float, near: Probe, rounding: float) -> bool:
    """Whether smaller steps can add little but rounding.

    A probe that sees no slope contradicts no plateau of large steps: smaller steps have to.
    """
    return error <= 4 * rounding and error < 0.25 * near.error < 0.0625 * abs(near.slope)
