"""Wrong hand derivations, as data: what a check must catch and a diagnosis should name.

A new mistake is one entry in the file of its layers. Half of all are held back, by a rule over their names: rules for
diagnosis are written with ``DEVELOPMENT`` and measured with ``HELD_BACK``.
"""

from __future__ import annotations

from tests.mistakes import (
    activations,
    batch_norm,
    connections,
    conv,
    conv_kinds,
    losses,
    max_pooling,
    mean_pooling,
)
from tests.mistakes.mistake import Mistake

ALL: tuple[Mistake, ...] = (
    *conv.MISTAKES,  # the cross-correlation
    *conv_kinds.MISTAKES,  # true convolution, with an activation, channels last
    *connections.MISTAKES,  # dense, flatten, neuron
    *activations.MISTAKES,  # relu, sigmoid, tanh, identity
    *mean_pooling.MISTAKES,  # mean pooling, subsampling
    *max_pooling.MISTAKES,  # max and p-norm pooling
    *losses.MISTAKES,  # softmax, the costs, weight decay
    *batch_norm.MISTAKES,  # batch normalisation
)

DEVELOPMENT: tuple[Mistake, ...] = tuple(mistake for mistake in ALL if not mistake.is_held_back)
HELD_BACK: tuple[Mistake, ...] = tuple(mistake for mistake in ALL if mistake.is_held_back)

__all__ = ["ALL", "DEVELOPMENT", "HELD_BACK", "Mistake"]
