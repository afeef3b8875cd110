"""The mistakes that are planted: data, one group a file, one entry in ``MISTAKES``."""

from __future__ import annotations

from cnngrad.auditing.mistakes import arrays, places, precision, samples, state, values
from cnngrad.auditing.planting import Mistake

MISTAKES: tuple[Mistake, ...] = (
    *values.MISTAKES,  # factors, signs, entries left out or slightly off
    *places.MISTAKES,  # turned, transposed, shifted, in another shape
    *samples.MISTAKES,  # along the batch
    *precision.MISTAKES,  # of a lower precision or another type
    *state.MISTAKES,  # caches, sums, buffers, random numbers
    *arrays.MISTAKES,  # what was handed in is changed
)

__all__ = ["MISTAKES"]
