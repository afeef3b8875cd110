"""The reference derivations, one a file: formula, backward and code side by side.

Each file has a plain function ``<name>_vjp`` and the :class:`~cnngrad.core.layer.Layer` ``<name>`` that declares the
configurations it is checked in. A new layer is a new file here, its import, and a line in ``ALL``.
"""

from __future__ import annotations

from cnngrad.core.layer import Layer
from cnngrad.layers.batch_norm import batch_norm, batch_norm_vjp
from cnngrad.layers.channels_last_conv import channels_last_conv, channels_last_conv_vjp
from cnngrad.layers.conv import conv, conv1d, conv2d, conv3d, conv_vjp
from cnngrad.layers.dense import dense, dense_vjp
from cnngrad.layers.flatten import flatten, flatten_vjp
from cnngrad.layers.half_squared_error import half_squared_error, half_squared_error_vjp
from cnngrad.layers.identity import identity, identity_vjp
from cnngrad.layers.max_pool import max_pool, max_pool_vjp, upsample_max
from cnngrad.layers.mean_pool import mean_pool, mean_pool_vjp, upsample_mean
from cnngrad.layers.neuron import neuron, neuron_vjp
from cnngrad.layers.p_norm_pool import p_norm_pool, p_norm_pool_vjp
from cnngrad.layers.relu import relu, relu_vjp
from cnngrad.layers.relu_conv import relu_conv, relu_conv_vjp
from cnngrad.layers.sigmoid import sigmoid, sigmoid_vjp
from cnngrad.layers.sigmoid_conv import sigmoid_conv, sigmoid_conv_vjp
from cnngrad.layers.softmax import softmax, softmax_vjp
from cnngrad.layers.softmax_cross_entropy import softmax_cross_entropy, softmax_cross_entropy_vjp
from cnngrad.layers.subsample import subsample, subsample_vjp
from cnngrad.layers.tanh import tanh, tanh_vjp
from cnngrad.layers.true_conv import true_conv, true_conv1d, true_conv2d, true_conv3d, true_conv_vjp
from cnngrad.layers.weight_decay import weight_decay, weight_decay_vjp

ALL: tuple[Layer, ...] = (
    conv,  # cross-correlation of rank 1 to 3 with stride, padding, dilation
    true_conv,  # the same with the kernel rotated in the forward pass
    relu_conv,  # convolution, then the rectifier
    sigmoid_conv,  # convolution, then the sigmoid
    channels_last_conv,  # convolution of (N, *S, C)
    dense,  # x Wᵀ + b
    flatten,  # maps to a vector, column by column or row by row
    relu,  # max(x, 0)
    sigmoid,  # 1/(1 + e^-x)
    tanh,  # hyperbolic tangent
    identity,  # linear activation
    neuron,  # one sigmoid neuron with its squared error
    mean_pool,  # mean of each window, padding counted or not
    max_pool,  # maximum of each window, the first one on a tie
    p_norm_pool,  # (Σ |x|^p)^(1/p) of each window
    subsample,  # f(β Σ block + b), trainable
    softmax,  # probabilities from scores
    softmax_cross_entropy,  # both in one, mean over the batch
    half_squared_error,  # (1/2N) Σ ‖y - t‖²
    weight_decay,  # (λ/2) Σ W²
    batch_norm,  # each channel to mean 0 and variance 1, scaled and shifted
)

__all__ = [
    "ALL",
    "batch_norm",
    "batch_norm_vjp",
    "channels_last_conv",
    "channels_last_conv_vjp",
    "conv",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_vjp",
    "dense",
    "dense_vjp",
    "flatten",
    "flatten_vjp",
    "half_squared_error",
    "half_squared_error_vjp",
    "identity",
    "identity_vjp",
    "max_pool",
    "max_pool_vjp",
    "mean_pool",
    "mean_pool_vjp",
    "neuron",
    "neuron_vjp",
    "p_norm_pool",
    "p_norm_pool_vjp",
    "relu",
    "relu_conv",
    "relu_conv_vjp",
    "relu_vjp",
    "sigmoid",
    "sigmoid_conv",
    "sigmoid_conv_vjp",
    "sigmoid_vjp",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_vjp",
    "softmax_vjp",
    "subsample",
    "subsample_vjp",
    "tanh",
    "tanh_vjp",
    "true_conv",
    "true_conv1d",
    "true_conv2d",
    "true_conv3d",
    "true_conv_vjp",
    "upsample_max",
    "upsample_mean",
    "weight_decay",
    "weight_decay_vjp",
]
