"""The self-audit: mistakes planted in a right backward, one group a file, and whether each would be caught."""

from __future__ import annotations

from cnngrad.auditing.auditor import audit
from cnngrad.auditing.mistakes import MISTAKES
from cnngrad.auditing.outcome import Audit, Fate, Outcome

__all__ = ["MISTAKES", "Audit", "Fate", "Outcome", "audit"]
