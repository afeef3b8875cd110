"""The sixth set of mistakes, written without sight of the rules that name them or of the other sets.

It is what a person who ports published formulas to NumPy gets wrong, and what one finds in public repositories.
"""

from __future__ import annotations

from tests.mistakes import sixth_convolutions, sixth_costs, sixth_dense, sixth_networks, sixth_pooling
from tests.mistakes.mistake import Mistake

SIXTH: tuple[Mistake, ...] = (
    *sixth_convolutions.CONVOLUTIONS,
    *sixth_pooling.POOLING,
    *sixth_dense.DENSE,
    *sixth_costs.COSTS,
    *sixth_networks.NETWORKS,
)

# Other labels that a careful reader accepts for the same mistake.
ALSO: dict[str, tuple[str, ...]] = (
    sixth_convolutions.ALSO | sixth_pooling.ALSO | sixth_dense.ALSO | sixth_costs.ALSO | sixth_networks.ALSO
)
