"""Which commit a result was measured at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def commit() -> str:
    """The commit measured at, and whether the package had changes beyond it."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + (" with uncommitted changes" if _git("status", "--porcelain", "--", "cnngrad") else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
