"""A weight that the forward leaves out, by a table of connections or another mask, and the backward goes through."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import OUTPUTS, TOLERANCE, Failure, magnitude, same
from cnngrad.diagnosis.scene import Scene


def unused_entries(failure: Failure) -> Iterator[Suspect]:
    """With the entries of another input that no output depends on set to 0, backward is right."""
    for other in failure.layer.differentiable:
        if other == failure.name or any(s.inputs[other].ndim < 2 for s in failure.wrong):
            continue
        found = [_without_unused(s, other) for s in failure.wrong]
        if len(found) >= min(2, len(failure.wrong)) and all(found):
            yield Suspect(
                f"the gradient of {failure.name} goes through entries of {other} that the forward does not use",
                f"with these {sum(found)} entries of {other} set to 0 it is right, in {len(found)} failing cases",
                f"multiply {other} by the forward's mask (its table of connections) in the backward too",
                "mask",
            )
            return


def transposed_table(failure: Failure) -> Iterator[Suspect]:
    """The claim connects output map c with input map f wherever the forward connects f with c."""
    if failure.name != failure.layer.inputs[0] or not all(_is_small(s) for s in failure.wrong):
        return
    tables = [(_connected(s.jacobian(), s), _connected(s.rows(), s)) for s in failure.wrong]
    if any(right is None or claimed is None for right, claimed in tables):
        return
    if all(np.array_equal(right, claimed.T) and not np.array_equal(right, claimed) for right, claimed in tables):  # type: ignore[union-attr, arg-type]  # None is ruled out above
        yield Suspect(
            f"the table of connections is transposed in the gradient of {failure.name}",
            f"map c gets something from output f where the forward connects map f with output c, in {len(tables)} "
            "failing cases",
            "index the table as the forward does: table[output, input] in both",
            "mask",
        )


def _is_small(s: Scene) -> bool:
    return len(s.y_shape) >= 2 and s.value.ndim >= 2 and s.flat_y.size <= OUTPUTS


def _connected(jacobian: Array, s: Scene) -> Array | None:
    """Which output map depends on which input map, ``(outputs, inputs)``, both on axis 1."""
    if jacobian.size != s.flat_y.size * s.value.size:
        return None
    of_maps = np.abs(np.nan_to_num(jacobian)).reshape(*s.y_shape[:2], -1, *s.shape[:2], math.prod(s.shape[2:]))
    return np.asarray(of_maps.max(axis=(0, 2, 3, 5)) > TOLERANCE * np.max(of_maps, initial=0.0))


def _without_unused(s: Scene, other: str) -> int:
    """How many entries of the other input no output depends on, if without them the claim is right; else 0."""
    value = s.inputs[other]
    still = np.flatnonzero(np.all(s.jacobian(other) == 0, axis=0) & (value != 0))
    unused = [int(place) for place in still if not _moves(s, other, int(place))]
    if not unused:
        return 0
    kept: Array = np.array(value)
    kept.flat[unused] = 0
    again = s.rerun(**{other: kept})
    return len(unused) if again is not None and same(s.n, again, magnitude(s)) is not None else 0


def _moves(s: Scene, other: str, place: int) -> bool:
    """Whether a large change of one entry changes any output: one that a dead unit hides may be used elsewhere."""
    value = s.inputs[other]
    far = 4.0 * (1.0 + float(np.max(np.abs(value))))
    for step in (far, -far):
        moved = np.array(value)
        moved.flat[place] += step
        if not np.array_equal(s.output_with(**{other: moved}), s.flat_y):
            return True
    return False
