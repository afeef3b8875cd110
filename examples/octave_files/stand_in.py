"""Stands in for Octave where it is not installed: takes the files of ``conv_layer.m`` and computes the same.

    python stand_in.py in.mat out.mat [wrong]

``wrong`` is the slip that a move from C to MATLAB invites: the kernel's gradient comes out transposed, as if columns
were rows.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.io import loadmat, savemat
from scipy.signal import convolve2d, correlate2d


def main(given: str, result: str, mistake: str = "") -> None:
    """One call of the layer, from file to file."""
    s = loadmat(given)
    x, w = s["x"], s["w"]
    if s["call"][0] == "forward":
        savemat(result, {"y": correlate2d(x, w, "valid")})
        return
    dw = correlate2d(x, s["dy"], "valid")
    # MATLAB fills matrices column by column; filled row by row, the numbers are the same and their places are not.
    dw = dw.reshape(dw.shape, order="F").ravel(order="F").reshape(dw.shape) if mistake else dw
    savemat(result, {"dx": convolve2d(s["dy"], w, "full"), "dw": np.asarray(dw)})


if __name__ == "__main__":
    main(*sys.argv[1:])
