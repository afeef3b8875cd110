"""A layer written in C (``conv.c`` beside this file), compiled with gcc and called through ctypes.

    cnngrad check examples/c_layer/layers.py:right
    cnngrad check examples/c_layer/layers.py:wrong

C reads memory from the first entry to the last, so the layer declares ``contiguous=True``; without it cnngrad would
also try arrays with strides, which ctypes refuses here. ``wrong`` reads the kernel's gradient in reversed order.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import cnngrad as cg

DOUBLES = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")


def compiled(source: Path) -> ctypes.CDLL:
    """The shared library of a C file; once loaded it needs its file no more."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "conv.so"
        subprocess.run(["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", library, source], check=True)
        return ctypes.CDLL(str(library))


C = compiled(Path(__file__).with_name("conv.c"))
C.conv_forward.argtypes = [DOUBLES, DOUBLES, DOUBLES, ctypes.c_int, ctypes.c_int]
C.conv_backward.argtypes = [DOUBLES, DOUBLES, DOUBLES, DOUBLES, DOUBLES, ctypes.c_int, ctypes.c_int]


def forward(x, w):
    """The cross-correlation of ``x (s,)`` with ``w (k,)``: ``y (s - k + 1,)``."""
    y = np.zeros(len(x) - len(w) + 1)
    C.conv_forward(x, w, y, len(x), len(w))
    return y


def backward(dy, x, w):
    dx, dw = np.zeros(len(x)), np.zeros(len(w))
    C.conv_backward(x, w, dy, dx, dw, len(x), len(w))
    return dx, dw


def backward_wrong(dy, x, w):
    dx, dw = backward(dy, x, w)
    return dx, dw[::-1].copy()


# The glue: which sizes to try, the shape of each input in them, and what the functions take.
facts = dict(dims={"s": (1, 8), "k": (1, 4)}, shapes=lambda d: {"x": (d.s,), "w": (d.k,)}, where=lambda d: d.s >= d.k)
takes = dict(inputs=("x", "w"), forward_returns="y", backward_takes=("dy", "x", "w"), contiguous=True)
right = cg.from_functions(forward, backward, **takes, **facts)
wrong = cg.from_functions(forward, backward_wrong, **takes, **facts)
