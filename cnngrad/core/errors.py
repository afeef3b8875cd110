"""The errors cnngrad raises. Each message says what was given, what is accepted and what to try."""

from __future__ import annotations

from typing import Any


class UsageError(ValueError):
    """What was handed to cnngrad cannot be checked at all: a wrong name, shape, type or declaration.

    >>> raise UsageError("x has shape (2,), the layer takes (2, 3): pass a (2, 3) array")
    Traceback (most recent call last):
        ...
    cnngrad.core.errors.UsageError: x has shape (2,), the layer takes (2, 3): pass a (2, 3) array
    """


class LayerRaised(Exception):
    """The layer's own code raised. Holds which call it was; the original error is the cause.

    Attributes:
        call: ``"forward"`` or ``"backward"``.
    """

    def __init__(self, call: str, error: BaseException):
        super().__init__(f"{call} raised {type(error).__name__}: {error}")
        self.call = call
        self.error = error


class VerdictError(AssertionError):
    """Base of the ways in which ``cnngrad.check`` and ``cnngrad.audit`` refuse a layer; holds the whole report."""

    def __init__(self, report: Any):
        super().__init__(str(report))
        self.report = report


class GradientMismatch(VerdictError):
    """At least one check failed: the backward is not the vector-Jacobian product of the forward."""


class NotVerified(VerdictError):
    """Nothing failed, but the layer raised, or a gradient could not be judged."""


class Interrupted(KeyboardInterrupt):
    """Someone stopped a run; holds the report of what was done until then, marked as incomplete."""

    def __init__(self, report: Any):
        super().__init__(f"{report.layer}: interrupted")
        self.report = report


class MistakeSurvived(VerdictError):
    """A mistake planted by :func:`cnngrad.audit` passed all checks, or none could be planted."""
