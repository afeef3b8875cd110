"""Layers at the top of a module, as a worker process needs them: right, wrong, and some that never answer."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import cnngrad as cg

DIMS: dict[str, Any] = {"dims": {"n": (1, 2), "width": (1, 4)}, "shapes": lambda d: {"x": (d.n, d.width)}}


def squaring(name: str, at_two: Callable[[], Any] = lambda: None, factor: float = 2.0) -> cg.Layer:
    """``y = x²``; something happens wherever there are two samples of width 3."""

    def vjp(x: Any) -> Any:
        if np.shape(x) == (2, 3):
            at_two()
        return x * x, lambda dy: (factor * x * dy,)

    return cg.Layer(vjp, ("x",), name, **DIMS)


def hang() -> None:
    while True:
        time.sleep(0.01)


def die() -> None:
    """Only where a process can be spared."""
    if multiprocessing.parent_process() is not None:
        os._exit(3)


def die_once() -> None:
    """As an operating system kills a worker, which is no fault of the layer."""
    trace = os.environ.get("CNNGRAD_TEST_DIED", "")
    if trace and multiprocessing.parent_process() is not None and not os.path.exists(trace):
        open(trace, "w").close()
        os._exit(9)


def ask_for_too_much() -> None:
    np.empty(2**50)


def raise_error() -> None:
    raise KeyError("cache")


right = squaring("right")
wrong = squaring("wrong", factor=3.0)
raising = squaring("raising", raise_error)
hanging = squaring("hanging", hang)
dying = squaring("dying", die)
killed = squaring("killed", die_once)
greedy = squaring("greedy", ask_for_too_much)
