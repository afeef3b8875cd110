"""Stands in for Octave where that is not installed: takes the files of ``conv_layer.m`` and computes the same.

    python stand_in.py given.bin result.bin

Plain Python, as it is started for every call. A matrix is a list of columns, as in the files.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from pathlib import Path


def read_matrix(numbers: Iterator[float]) -> list[list[float]]:
    """``m[column][row]``."""
    rows, columns = int(next(numbers)), int(next(numbers))
    return [[next(numbers) for _ in range(rows)] for _ in range(columns)]


def written(m: list[list[float]]) -> list[float]:
    """Rows, columns, and the entries column by column."""
    return [len(m[0]), len(m), *(entry for column in m for entry in column)]


def correlated(m: list[list[float]], k: list[list[float]]) -> list[list[float]]:
    """The kernel at every place of the matrix where it fits."""
    return [
        [
            sum(m[j + v][i + u] * k[v][u] for v in range(len(k)) for u in range(len(k[0])))
            for i in range(len(m[0]) - len(k[0]) + 1)
        ]
        for j in range(len(m) - len(k) + 1)
    ]


def spread(dy: list[list[float]], k: list[list[float]]) -> list[list[float]]:
    """Every entry of dy times the kernel, added up where the kernel was: the full convolution."""
    dx = [[0.0] * (len(dy[0]) + len(k[0]) - 1) for _ in range(len(dy) + len(k) - 1)]
    for j, column in enumerate(dy):
        for i, entry in enumerate(column):
            for v in range(len(k)):
                for u in range(len(k[0])):
                    dx[j + v][i + u] += entry * k[v][u]
    return dx


def main(given: str, result: str) -> None:
    """One call of the layer, from file to file."""
    numbers = iter(array("d", Path(given).read_bytes()))
    is_backward, x, w = next(numbers), read_matrix(numbers), read_matrix(numbers)
    if is_backward:
        dy = read_matrix(numbers)
        answer = [*written(spread(dy, w)), *written(correlated(x, dy))]
    else:
        answer = written(correlated(x, w))
    Path(result).write_bytes(array("d", answer).tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
