"""Independent answers for the reference layers; one means a file. A new oracle is a file and an entry in ``ALL``."""

from __future__ import annotations

from cnngrad.oracles import activations, batch_norm, convolutions, losses, matrices, normalisation, pooling
from cnngrad.oracles.comparison import Comparison
from cnngrad.oracles.oracle import Oracle, compare

ALL: tuple[Oracle, ...] = (
    *convolutions.ORACLES,
    *matrices.ORACLES,
    *pooling.ORACLES,
    *activations.ORACLES,
    *normalisation.ORACLES,
    *batch_norm.ORACLES,
    *losses.ORACLES,
)


def oracles_for(layer_name: str) -> tuple[Oracle, ...]:
    """Every oracle that answers for a layer; none for a layer that is not a reference one.

    >>> [oracle.name for oracle in oracles_for("mean_pool")]
    ['connection matrix', 'scipy.signal and a box kernel']
    """
    return tuple(oracle for oracle in ALL if layer_name in oracle.layers)


__all__ = ["ALL", "Comparison", "Oracle", "compare", "oracles_for"]
