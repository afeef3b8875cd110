"""A way in which something that looks like a layer might be called, and the names that tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

TARGETS = ("t", "target", "targets", "label", "labels", "y_true", "truth", "y_t", "true", "tgt")


@dataclass(frozen=True)
class Way:
    """One way to make a layer.

    Attributes:
        call: the adapter's call without its last bracket and without shapes; empty for a Layer.
        inputs: the names of the inputs, weights among them.
        known: shapes that were seen.
        targets: inputs that are labels or targets.
        needs: what the user has to say before it can be used; empty if nothing.
    """

    call: str
    inputs: tuple[str, ...]
    known: dict[str, tuple[int, ...]] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    needs: str = ""


def targets_among(inputs: Sequence[str]) -> tuple[str, ...]:
    """The inputs that are called as labels and targets are; never the first.

    >>> targets_among(("scores", "labels"))
    ('labels',)
    """
    return tuple(name for name in inputs[1:] if name.lower() in TARGETS)
