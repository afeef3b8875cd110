"""Judging a layer by central differences, and counting lines of glue."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from cnngrad.core.arrays import flatten, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer

STEP = 2.0**-16
# Central differences of this step are good to about eps / STEP = 1e-11 and STEP**2 = 2e-10.
GOOD = 1e-7


def error_of(layer: Layer, case: Case | None = None) -> float:
    """The largest difference between claimed and central-difference gradients, relative to the largest entry."""
    at = Evaluation(layer, (case or Case(values="normal")).point(layer))
    y = at.output()
    dy = at.point.cotangent(flatten(outputs_of(y)).size)
    claimed = flatten([np.asarray(at.gradients(dy)[i], dtype=np.float64) for i in at.free])
    steps = STEP * np.eye(at.origin.size)
    numeric = np.array([dy @ (at.flat(at.origin + s) - at.flat(at.origin - s)) / (2 * STEP) for s in steps])
    assert claimed.shape == numeric.shape
    assert np.max(np.abs(numeric)) > 0
    return float(np.max(np.abs(claimed - numeric)) / np.max(np.abs(numeric)))


def lines_of_glue(glue: Callable[..., Any]) -> int:
    """The lines of a function's body, its docstring not among them."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(glue))).body
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in body)
