"""Reasons in ``checks/``: many kinks at once, and what a lower precision can tell."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {}
