"""Reasons in ``checks/``: pictures, tables, samples and references."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {}
