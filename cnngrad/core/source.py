"""Where a backward is written: found by calling it once and looking at whose code runs."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Point
from cnngrad.core.errors import LayerRaised, UsageError
from cnngrad.core.layer import Layer

PACKAGE = Path(__file__).parents[1]
SUBJECTS = (PACKAGE / "layers", PACKAGE / "networks")  # what lies here is checked, the rest of cnngrad only checks
NAMES = ("backward", "bwd", "vjp", "grad", "backprop")


@dataclass(frozen=True)
class Source:
    """A line of someone's code.

    Attributes:
        path: of the file.
        line: where the function begins, counted from 1.
    """

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"

    def from_here(self) -> Source:
        """The same place, its path relative to the current folder where it lies below it."""
        below = Path(self.path).is_relative_to(Path.cwd())
        return Source(os.path.relpath(self.path), self.line) if below else self


def backward_source(layer: Layer, point: Point) -> Source | None:
    """Where the backward of a layer is written, through whatever adapter it came; ``None`` where it cannot be told.

    >>> from cnngrad.core.case import Case
    >>> from cnngrad.layers import relu
    >>> found = backward_source(relu, Case((("n", 1), ("width", 2))).point(relu))
    >>> Path(found.path).name, found.line > 1
    ('relu.py', True)
    """
    theirs = [code for code in _codes_run(layer, point) if _is_theirs(code)]
    named = [code for code in theirs if any(name in code.co_name.lower() for name in NAMES)]
    for code in named or theirs:
        return Source(code.co_filename, code.co_firstlineno)
    return None


def _codes_run(layer: Layer, point: Point) -> list[CodeType]:
    """Every Python function that one backward enters, in order."""
    at = Evaluation(layer, point)
    entered: dict[CodeType, None] = {}

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            entered.setdefault(frame.f_code)

    try:
        y, backward = at.vjp(point.inputs)
        dy = np.asarray(point.cotangent(flatten(outputs_of(y)).size))
        if sys.getprofile() is not None:
            return []  # somebody measures this run; their profiler is left in place
        sys.setprofile(note)
        try:
            at.pull(y, backward, dy)
        finally:
            sys.setprofile(None)
    except (LayerRaised, UsageError):
        pass  # what ran until then was noted
    return list(entered)


def _is_theirs(code: CodeType) -> bool:
    path = Path(code.co_filename)
    if not path.is_file():
        return False  # code made at run time has no line to point at
    if any(path.is_relative_to(folder) for folder in SUBJECTS):
        return True
    if path.is_relative_to(PACKAGE) or path.is_relative_to(sysconfig.get_path("stdlib")):
        return False
    return not {"site-packages", "dist-packages"} & set(path.parts)
