"""The seventh set of mistakes: homework graded over the years, and backwards written for autograd frameworks."""

from __future__ import annotations

from tests.mistakes.mistake import Mistake
from tests.mistakes.seventh_conv import ALSO_CONV, CONV
from tests.mistakes.seventh_conv_kinds import ALSO_CONV_KINDS, CONV_KINDS
from tests.mistakes.seventh_dense import ALSO_DENSE, DENSE, LOSSES
from tests.mistakes.seventh_nets import ALSO_NETS, BATCH_NORM, NETWORKS
from tests.mistakes.seventh_pool import ALSO_POOL, POOL

SEVENTH: tuple[Mistake, ...] = (*CONV, *CONV_KINDS, *POOL, *DENSE, *LOSSES, *BATCH_NORM, *NETWORKS)

# Other labels that a careful reader accepts for the same mistake.
ALSO: dict[str, tuple[str, ...]] = {**ALSO_CONV, **ALSO_CONV_KINDS, **ALSO_POOL, **ALSO_DENSE, **ALSO_NETS}
