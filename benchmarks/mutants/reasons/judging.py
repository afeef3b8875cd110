"""Reasons in ``checks/``: the judgement of one gradient: claims, comparisons, calls."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {}
