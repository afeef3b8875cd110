"""Which commit a result was measured at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def commit() -> str:
    """The last commit that changed the package, and whether it had changes beyond it."""
    last = _git("log", "-1", "--format=%h", "--", "cnngrad")
    return last + (" with uncommitted changes" if _git("status", "--porcelain", "--", "cnngrad") else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
