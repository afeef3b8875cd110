"""Shared by the tests of several folders."""

from __future__ import annotations

import pytest

from cnngrad.checks import gradients
from cnngrad.checks.check import finding
from cnngrad.core.result import Status


@pytest.fixture
def without_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict alone: which entry of a wrong gradient is worst takes most of the time, and is not asked."""
    monkeypatch.setattr(gradients, "worst_entry", lambda claim, name, *others: finding(Status.FAILED, input=name))
