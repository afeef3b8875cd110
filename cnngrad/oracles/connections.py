"""The connection matrix of a layer that is linear in x: a row an output, a column an input, filled by counting.

Seed 003: if input i reaches output j with weight w, ``dx_i`` gets ``w dy_j``. So the backward is the transposed matrix.
A weight may be shared by many connections; the matrix in the weights, a column a weight, gives their gradient alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.oracles.oracle import Config, Gradients, Inputs


@dataclass(frozen=True, eq=False)
class Wiring:
    """``y[o] = sum x[i] w[j] + sum b[k]``, positions counted in row-major order.

    Args:
        shape: of the output.
        links: every (o, i, j).
        weights: the array that holds ``w[j]``.
        weight: the input that ``weights`` is; empty where they are constants.
        offsets: every (o, k).
        offset: the input that holds ``b[k]``; empty where there is none.
    """

    shape: tuple[int, ...]
    links: Sequence[tuple[int, int, int]]
    weights: Array
    weight: str = ""
    offsets: Sequence[tuple[int, int]] = field(default=())
    offset: str = ""


Wire = Callable[[Inputs, Config], Wiring]


def sparse(rows: Array, columns: Array, values: Array, shape: tuple[int, int]) -> Any:
    """A sparse matrix; connections between the same two nodes add up.

    >>> sparse(np.array([0, 0]), np.array([1, 1]), np.array([2.0, 3.0]), (1, 2)).toarray().tolist()
    [[0.0, 5.0]]
    """
    from scipy.sparse import csr_array

    return csr_array((values, (rows, columns)), shape=shape)


def matrices(wiring: Wiring, inputs: Inputs) -> dict[str, Any]:
    """The matrix in each input with the others held: of x, of the weights and of the offset."""
    size = int(np.prod(wiring.shape))
    x, w = np.ravel(inputs["x"]), np.ravel(wiring.weights)
    o, i, j = np.array(wiring.links, dtype=np.intp).reshape(-1, 3).T
    found = {"x": sparse(o, i, w[j], (size, x.size))}
    if wiring.weight:
        found[wiring.weight] = sparse(o, j, x[i], (size, w.size))
    if wiring.offset:
        rows, columns = np.array(wiring.offsets, dtype=np.intp).reshape(-1, 2).T
        found[wiring.offset] = sparse(rows, columns, np.ones(rows.size), (size, np.size(inputs[wiring.offset])))
    return found


def forward_by(wire: Wire) -> Callable[[Inputs, Config], Array]:
    """``M x + B b``."""

    def forward(inputs: Inputs, config: Config) -> Array:
        wiring = wire(inputs, config)
        found = matrices(wiring, inputs)
        y = found["x"] @ np.ravel(inputs["x"])
        if wiring.offset:
            y = y + found[wiring.offset] @ np.ravel(inputs[wiring.offset])
        return np.asarray(y).reshape(wiring.shape)

    return forward


def gradients_by(wire: Wire) -> Callable[[Inputs, Config, Any], Gradients]:
    """``M^T dy`` for the matrix in each input."""

    def gradients(inputs: Inputs, config: Config, dy: Any) -> Gradients:
        found = matrices(wire(inputs, config), inputs)
        flat = np.ravel(dy)
        return {name: (matrix.T @ flat).reshape(np.shape(inputs[name])) for name, matrix in found.items()}

    return gradients
