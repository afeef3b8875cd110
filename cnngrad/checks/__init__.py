"""The statements a layer is held to: one a file, one entry in ``ALL``."""

from __future__ import annotations

from cnngrad.checks import gradients
from cnngrad.checks.check import Check

ALL: tuple[Check, ...] = (gradients.CHECK,)

__all__ = ["ALL", "Check"]
