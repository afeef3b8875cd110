"""A layer in another language, called through files: ``conv_layer.m`` for MATLAB or Octave.

    cnngrad check examples/octave_files/layers.py:right
    cnngrad check examples/octave_files/layers.py:wrong

For each call the matrices go into one .mat file and come back in another; MATLAB stores them column by column, which
``scipy.io`` knows. What runs in between is any command: with Octave, set

    export CNNGRAD_EXAMPLE_COMMAND='octave-cli --eval conv_layer("{given}","{result}")'

Without it a stand-in runs, ``stand_in.py`` here, which reads and writes the same files in Python. The tests of this
repository run that: on the machines they run on there is no Octave. ``wrong`` fills a matrix row by row.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from scipy.io import loadmat, savemat

import cnngrad as cg

HERE = Path(__file__).parent
STAND_IN = f"{shlex.quote(sys.executable)} {shlex.quote(str(HERE / 'stand_in.py'))} {{given}} {{result}}"
COMMAND = os.environ.get("CNNGRAD_EXAMPLE_COMMAND", STAND_IN)


def run(command, **matrices):
    """What the program answers: a dict of matrices, always with two axes."""
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "given.mat", Path(folder) / "result.mat"
        savemat(given, matrices)
        words = [word.format(given=given, result=result) for word in shlex.split(command)]
        subprocess.run(words, check=True, cwd=HERE)
        return loadmat(result)


def forward(x, w):
    return run(COMMAND, call="forward", x=x, w=w)["y"]


def backward(dy, x, w):
    return run(COMMAND, call="backward", x=x, w=w, dy=dy)


def backward_wrong(dy, x, w):
    return run(f"{STAND_IN} wrong", call="backward", x=x, w=w, dy=dy)


# The glue: the shape of each matrix, and what the functions take; a dict is matched by its names.
shapes = {"x": (4, 5), "w": (2, 3)}
takes = dict(inputs=("x", "w"), forward_returns="y", backward_takes=("dy", "x", "w"))
right = cg.from_functions(forward, backward, shapes=shapes, **takes)
wrong = cg.from_functions(forward, backward_wrong, shapes=shapes, **takes)
