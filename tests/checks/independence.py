"""What calls_are_independent says."""

from __future__ import annotations

AFTER_A_AND_B = (
    "after forward A and forward B, backward of A: the backward works with what a later forward left: "
    "each forward must return a cache of its own"
)
AND_BACKWARD_OF_A = "after forward A, forward B and backward of A, backward of B"
AGAIN = "a second backward after one forward"
NOT_THAT = "the gradient of {name} is not that of calls by themselves"
CACHE = ": is a cache filled by the first forward only, or are gradients added up?"
TWICE = (
    " but 2 times as large: if gradients are added up, set them to zero in backward, "
    "or declare accumulates=True (from_class)"
)
