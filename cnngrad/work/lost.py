"""What is left of a unit that gave no answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lost:
    """A unit that hung, ran out of memory or took its process with it; ``reason`` says which."""

    reason: str


DIED = "the process that ran it died, and died again when it ran it alone: it crashed, was killed or ran out of memory"
NO_MEMORY = "it ran out of memory"


def too_long(seconds: float) -> str:
    """The reason of a unit that was stopped.

    >>> too_long(0.5)
    'no answer within 0.5 seconds: it hangs, or needs a larger time limit'
    """
    return f"no answer within {seconds:g} seconds: it hangs, or needs a larger time limit"
