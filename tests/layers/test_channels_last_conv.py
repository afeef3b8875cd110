"""Channels last: F·C separate correlations, summed over the channels."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import channels_last_conv_vjp, conv_vjp


def test_it_is_the_sum_of_separate_correlations():
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(2, 3, 2, 3)), rng.normal(size=2)
    y, _ = channels_last_conv_vjp(x, w, b)
    assert y.shape == (2, 3, 3, 2)
    for n, f in np.ndindex(2, 2):
        maps = [conv_vjp(x[None, None, n, ..., c], w[None, None, f, ..., c], [0.0])[0][0, 0] for c in range(3)]
        assert np.allclose(y[n, ..., f], sum(maps) + b[f])


def test_channels_first_is_refused_where_it_shows():
    with pytest.raises(UsageError, match=r"x has shape \(2, 3, 5, 4\) and w \(2, 3, 2, 3\); they take .*the same chan"):
        channels_last_conv_vjp(np.ones((2, 3, 5, 4)), np.ones((2, 3, 2, 3)), np.ones(2))
    with pytest.raises(UsageError, match=r"they take \(samples, \*spatial, channels\)"):
        channels_last_conv_vjp(np.ones((2, 3)), np.ones((2, 3)), np.ones(2))
