"""Reasons in ``checks/``: calls: order, repetition, mutation, layouts."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {}
