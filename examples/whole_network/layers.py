"""A whole network in one function: dense, tanh, dense, softmax cross-entropy; it returns the loss and all gradients.

    cnngrad check examples/whole_network/layers.py:right
    cnngrad check examples/whole_network/layers.py:wrong

``wrong`` leaves the hidden bias without the slope of tanh. The network trains all the same.
"""

from __future__ import annotations

import numpy as np

import cnngrad as cg


def network(x, t, w1, b1, w2, b2):
    """``x (n, d)``, labels ``t (n,)``, ``w1 (d, h)``, ``w2 (h, m)``: the mean loss, and a gradient for each."""
    n = len(x)
    hidden = np.tanh(x @ w1 + b1)
    scores = hidden @ w2 + b2
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), t].mean()

    d_scores = np.exp(log_p)
    d_scores[np.arange(n), t] -= 1
    d_scores /= n
    d_hidden = (d_scores @ w2.T) * (1 - hidden**2)
    return loss, {
        "w1": x.T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "w2": hidden.T @ d_scores,
        "b2": d_scores.sum(axis=0),
    }


def network_wrong(x, t, w1, b1, w2, b2):
    loss, gradients = network(x, t, w1, b1, w2, b2)
    gradients["b1"] = (gradients["b2"] @ w2.T).copy()
    return loss, gradients


# The glue: the shape of each input, labels drawn as labels, and what the function returns.
shapes = {"x": (3, 4), "t": (3,), "w1": (4, 5), "b1": (5,), "w2": (5, 3), "b2": (3,)}
facts = dict(inputs=tuple(shapes), constants=("x", "t"), shapes=shapes, forward_returns=("loss", "grads"))
labels = {"t": lambda rng, shape, d: rng.integers(0, 3, shape)}
right = cg.from_functions(network, None, draw=labels, **facts)
wrong = cg.from_functions(network_wrong, None, draw=labels, **facts)
