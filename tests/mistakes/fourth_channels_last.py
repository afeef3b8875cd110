"""The fourth set's mistakes in the channels-last convolution, written without sight of the rules or the other sets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.layers import channels_last_conv
from tests.mistakes.mistake import Mistake
from tests.mistakes.slips import conv_geometry, scattered, slip


def _channels_first(s: Any) -> Any:
    first = {name: np.moveaxis(getattr(s, name), -1, 1) for name in ("x", "w", "dy")}
    return SimpleNamespace(**first, config=s.config)


def _last_stride_for_every_axis(s: Any) -> Any:
    first = _channels_first(s)
    g = conv_geometry(first)
    taps = first.w.reshape(*first.w.shape[:2], -1)

    def share(number: int) -> Any:
        return np.moveaxis(np.tensordot(first.dy, taps[:, :, number], (1, 0)), -1, 1)

    return np.moveaxis(scattered(g, share, step=(g.stride[-1],) * g.rank), 1, -1)


CHANNELS_LAST: tuple[Mistake, ...] = (
    slip(
        channels_last_conv,
        "bias_of_channels_first",
        "transpose",
        "dy.reshape(F, -1) needs the kernels on the first axis; here they are on the last one",
        b=lambda s: s.dy.reshape(len(s.b), -1).sum(axis=1),
        needs="several kernels",
    ),
    slip(
        channels_last_conv,
        "kernel_reshaped_to_channels_last",
        "transpose",
        "dw (F, C, *K) is reshaped to (F, *K, C); its channel axis has to be moved",
        w=lambda s: np.moveaxis(s.right.w, -1, 1).reshape(s.w.shape),
        needs="several channels",
    ),
    slip(
        channels_last_conv,
        "last_stride_for_every_axis",
        "geometry",
        "rows are spread with the stride of the columns",
        x=_last_stride_for_every_axis,
        needs="anisotropic stride",
    ),
)
