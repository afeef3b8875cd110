"""The fifth set of mistakes, written blind: a student of a course on CNNs who writes every layer in NumPy."""

from __future__ import annotations

from tests.mistakes import fifth_convolutions, fifth_costs, fifth_dense, fifth_networks, fifth_pooling
from tests.mistakes.mistake import Mistake

FIFTH: tuple[Mistake, ...] = (
    *fifth_convolutions.CONVOLUTIONS,
    *fifth_pooling.POOLING,
    *fifth_dense.DENSE,
    *fifth_costs.COSTS,
    *fifth_costs.NORMS,
    *fifth_networks.NETWORKS,
)
# Other labels that a careful reader accepts for the same mistake.
ALSO: dict[str, tuple[str, ...]] = {
    **fifth_convolutions.ALSO,
    **fifth_pooling.ALSO,
    **fifth_dense.ALSO,
    **fifth_costs.ALSO,
    **fifth_networks.ALSO,
}
