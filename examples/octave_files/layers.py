"""A layer in another language, called through files: ``conv_layer.m`` for MATLAB or Octave.

    cnngrad check examples/octave_files/layers.py:right
    cnngrad check examples/octave_files/layers.py:wrong

For each call the matrices go into one file and come back in another, column by column as MATLAB keeps them. What runs
in between is any command, the environment variable ``CONV_COMMAND``; for Octave

    octave-cli --eval 'conv_layer("{given}", "{result}")'

If nothing is set, ``stand_in.py`` runs, which does with the same files what ``conv_layer.m`` does. Every call starts
the program anew, and a check of ``right`` at effort quick makes about 150 of them. With Octave each takes about four
times as long as with the stand-in. ``wrong`` reads the kernel's gradient row by row.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import cnngrad as cg

HERE = Path(__file__).parent
STAND_IN = shlex.join([sys.executable, "-I", "-S", str(HERE / "stand_in.py"), "{given}", "{result}"])
COMMAND = os.environ.get("CONV_COMMAND", STAND_IN)


def numbers(m):
    """Rows, columns, and the entries column by column."""
    return np.concatenate([m.shape, m.ravel(order="F")]).astype(np.float64)


def matrices(found, order="F"):
    """The matrices that stand one after the other."""
    while found.size:
        (rows, columns), size = found[:2].astype(int), int(found[0] * found[1])
        yield found[2 : 2 + size].reshape(rows, columns, order=order)
        found = found[2 + size :]


def run(is_backward, *given):
    """What the program answers."""
    with tempfile.TemporaryDirectory() as folder:
        into, out = Path(folder) / "given.bin", Path(folder) / "result.bin"
        np.concatenate([[float(is_backward)], *map(numbers, given)]).tofile(into)
        words = [word.format(given=into, result=out) for word in shlex.split(COMMAND)]
        done = subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return np.fromfile(out)


def forward(x, w):
    return next(matrices(run(False, x, w)))


def backward(dy, x, w):
    return tuple(matrices(run(True, x, w, dy)))


def backward_wrong(dy, x, w):
    found = run(True, x, w, dy)
    dx, _ = matrices(found)
    _, dw = matrices(found, order="C")
    return dx, dw


# The glue: the shape of each matrix, and what the functions take.
takes = dict(inputs=("x", "w"), forward_returns="y", backward_takes=("dy", "x", "w"))
right = cg.from_functions(forward, backward, shapes={"x": (4, 5), "w": (2, 3)}, **takes)
wrong = cg.from_functions(forward, backward_wrong, shapes={"x": (4, 5), "w": (2, 3)}, **takes)
