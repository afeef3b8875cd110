"""Reasons in ``checks/``: which entry is wrong, and the choice of the judgement."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {}
