"""The fifth set: small networks whose whole backward is one function."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.core.layer import Backward, Layer
from cnngrad.layers import (
    conv2d,
    conv_vjp,
    dense,
    dense_vjp,
    flatten,
    half_squared_error_vjp,
    max_pool,
    relu,
    relu_vjp,
    sigmoid_vjp,
    softmax_cross_entropy_vjp,
)
from cnngrad.networks import chain, one_hot_rows
from tests.mistakes.slips import slip

RATE = 0.1
FEATURES = chain(
    C=conv2d.configured(pad=1), R=relu, S=max_pool.configured(window=2), F=flatten.configured(row_fastest=False)
)


def _convnet_vjp(x: Any, w1: Any, b1: Any, w2: Any, b2: Any, t: Any) -> tuple[Any, Backward]:
    features, of_features = FEATURES.vjp(x, w1, b1)
    scores, of_scores = dense_vjp(features, w2, b2)
    loss, of_loss = softmax_cross_entropy_vjp(scores, t)

    def backward(dE: Any) -> tuple[Any, ...]:
        d_features, dw2, db2 = of_scores(of_loss(dE)[0])
        return *of_features(d_features), dw2, db2, None

    return loss, backward


def _residual_vjp(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> tuple[Any, Backward]:
    z, of_z = conv_vjp(x, w1, b1, pad=1)
    a, of_a = relu_vjp(z)
    y, of_y = conv_vjp(a, w2, b2, pad=1)

    def backward(dy: Any) -> tuple[Any, ...]:
        da, dw2, db2 = of_y(dy)
        dx, dw1, db1 = of_z(*of_a(da))
        return dx + dy, dw1, db1, dw2, db2

    return x + y, backward


def _autoencoder_vjp(x: Any, w: Any, b: Any, c: Any, t: Any) -> tuple[Any, Backward]:
    """``h = σ(x Wᵀ + b)``, ``y = h W + c``: the decoder has the encoder's weights."""
    z, of_z = dense_vjp(x, w, b)
    h, of_h = sigmoid_vjp(z)
    y, of_y = dense_vjp(h, w.T, c)
    loss, of_loss = half_squared_error_vjp(y, t)

    def backward(dE: Any) -> tuple[Any, ...]:
        dh, decoder, dc = of_y(of_loss(dE)[0])
        dx, encoder, db = of_z(*of_h(dh))
        return dx, encoder + decoder.T, db, dc, None

    return loss, backward


convnet = Layer(
    _convnet_vjp,
    inputs=("x", "w1", "b1", "w2", "b2", "t"),
    constants=("t",),
    name="convnet",
    shapes={"x": (2, 2, 4, 6), "w1": (3, 2, 3, 3), "b1": (3,), "w2": (4, 18), "b2": (4,), "t": (2, 4)},
    draw={"t": one_hot_rows},
)
residual = Layer(
    _residual_vjp,
    inputs=("x", "w1", "b1", "w2", "b2"),
    name="residual_block",
    shapes={"x": (2, 2, 4, 3), "w1": (3, 2, 3, 3), "b1": (3,), "w2": (2, 3, 3, 3), "b2": (2,)},
)
autoencoder = Layer(
    _autoencoder_vjp,
    inputs=("x", "w", "b", "c", "t"),
    constants=("t",),
    name="autoencoder",
    shapes={"x": (3, 5), "w": (4, 5), "b": (4,), "c": (5,), "t": (3, 5)},
)


def _after_update(s: Any) -> Any:
    """What the stages before the scores get when ``w2 -= rate * dw2`` comes first."""
    features, of_features = FEATURES.vjp(s.x, s.w1, s.b1)
    scores, _ = dense.vjp(features, s.w2, s.b2)
    d_scores = softmax_cross_entropy_vjp(scores, s.t)[1](s.dy)[0]
    return of_features(d_scores @ (s.w2 - RATE * s.right.w2))


def _encoder_only(s: Any) -> Any:
    z, _ = dense_vjp(s.x, s.w, s.b)
    h, of_h = sigmoid_vjp(z)
    dy = s.dy * (h @ s.w + s.c - s.t) / len(s.x)
    (dz,) = of_h(dy @ s.w.T)
    return np.asarray(dz).T @ s.x


NETWORKS = (
    slip(
        convnet,
        "fifth_convnet_w2_updated_before_features",
        "stale cache",
        "w2 is updated (w2 -= rate * dw2) before the gradient of the features is computed with it; the backward must "
        "use the w2 of the forward, and the update comes after it.",
        x=lambda s: _after_update(s)[0],
        w1=lambda s: _after_update(s)[1],
        b1=lambda s: _after_update(s)[2],
    ),
    slip(
        residual,
        "fifth_residual_dx_without_skip",
        "missing term",
        "dx is what comes back through the two convolutions only; the skip connection y = x + ... adds dy to it.",
        x=lambda s: s.right.x - s.dy,
    ),
    slip(
        autoencoder,
        "fifth_autoencoder_dw_of_encoder_only",
        "assignment",
        "grads['w'] = of the encoder overwrites that of the decoder; both use the same w, so dw is the sum of the two.",
        w=_encoder_only,
    ),
)
ALSO = {
    "fifth_convnet_w2_updated_before_features": ("wrong input", "order", "added term"),
    "fifth_residual_dx_without_skip": ("dropped term",),
    "fifth_autoencoder_dw_of_encoder_only": ("missing term", "dropped term"),
}
