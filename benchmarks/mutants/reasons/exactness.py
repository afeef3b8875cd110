"""Reasons in ``checks/``: exact results: lattices, full mantissas, rounding."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {}
