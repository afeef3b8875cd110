"""The ninth set: a learner who derives backpropagation on paper from a textbook chapter and then codes it."""

from __future__ import annotations

from tests.mistakes.mistake import Mistake
from tests.mistakes.ninth_activated import ACTIVATED, ACTIVATED_ALSO
from tests.mistakes.ninth_conv import CONV, CONV_ALSO
from tests.mistakes.ninth_dense import DENSE, DENSE_ALSO
from tests.mistakes.ninth_loss import LOSS, LOSS_ALSO, NORM
from tests.mistakes.ninth_net import NET, NET_ALSO
from tests.mistakes.ninth_pool import POOL, POOL_ALSO

NINTH: tuple[Mistake, ...] = (*CONV, *ACTIVATED, *POOL, *DENSE, *LOSS, *NORM, *NET)
ALSO: dict[str, tuple[str, ...]] = CONV_ALSO | ACTIVATED_ALSO | POOL_ALSO | DENSE_ALSO | LOSS_ALSO | NET_ALSO
