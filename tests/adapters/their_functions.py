"""Functions as people write them: pairs with caches, explicit arguments, everything in one. ``WRONG`` beside each.

Nothing here knows of cnngrad. Every ``*_wrong`` repeats its right neighbour with one mistake.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def affine_backward_wrong(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)


def cache_dict_forward(x, w, b):
    return x @ w + b, {"x": x, "w": w}


def cache_dict_backward(dout, cache):
    return {"dx": dout @ cache["w"].T, "dw": cache["x"].T @ dout, "db": dout.sum(axis=0)}


def cache_dict_backward_wrong(dout, cache):
    return {"dx": dout @ cache["w"].T, "dw": -cache["x"].T @ dout, "db": dout.sum(axis=0)}


def cache_object_forward(x, w, b):
    return x @ w + b, SimpleNamespace(x=x, w=w)


def cache_object_backward(cache, dout):
    return dout @ cache.w.T, [cache.x.T @ dout, dout.sum(axis=0)]


def cache_object_backward_wrong(cache, dout):
    return dout @ cache.w.T, [np.abs(cache.x).T @ dout, dout.sum(axis=0)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_backward(dy, y):
    return dy * y * (1 - y)


def sigmoid_backward_wrong(dy, y):
    return dy * sigmoid(y) * (1 - sigmoid(y))


def matmul(x, w, b):
    return x @ w + b


def matmul_backward(w, dz, x):
    return dz.sum(axis=0), x.T @ dz, dz @ w.T


def matmul_backward_wrong(w, dz, x):
    return dz.sum(axis=0), x.T @ dz, 2 * dz @ w.T


def scaled_forward(x, power, gain=1.0):
    return gain * x**power, x


def scaled_backward(dout, x, power, gain=1.0):
    return gain * power * x ** (power - 1) * dout


def scaled_backward_wrong(dout, x, power, gain=1.0):
    return power * x ** (power - 1) * dout


def polar(r, angle):
    return r * np.cos(angle), r * np.sin(angle), (r, angle)


def polar_backward(douts, cache):
    (du, dv), (r, angle) = douts, cache
    return du * np.cos(angle) + dv * np.sin(angle), r * (dv * np.cos(angle) - du * np.sin(angle))


def polar_backward_wrong(douts, cache):
    (du, dv), (r, angle) = douts, cache
    return du * np.cos(angle) + dv * np.sin(angle), r * (dv * np.cos(angle) + du * np.sin(angle))


def polar_backward_apart(du, dv, r, angle):
    return polar_backward((du, dv), (r, angle))


def polar_backward_apart_wrong(du, dv, r, angle):
    return polar_backward_wrong((du, dv), (r, angle))


def network(x, t, w1, w2):
    """Two layers and the half squared error, with all gradients."""
    hidden = np.tanh(x @ w1)
    delta = (hidden @ w2 - t) / len(x)
    back = (delta @ w2.T) * (1 - hidden**2)
    return 0.5 * np.sum((hidden @ w2 - t) ** 2) / len(x), x.T @ back, hidden.T @ delta


def network_wrong(x, t, w1, w2):
    hidden = np.tanh(x @ w1)
    delta = (hidden @ w2 - t) / len(x)
    return 0.5 * np.sum((hidden @ w2 - t) ** 2) / len(x), x.T @ (delta @ w2.T), hidden.T @ delta


def network_dict(x, t, w1, w2):
    loss, dw1, dw2 = network(x, t, w1, w2)
    return loss, {"w1": dw1, "w2": dw2}


def network_dict_wrong(x, t, w1, w2):
    loss, dw1, dw2 = network_wrong(x, t, w1, w2)
    return loss, {"w1": dw1, "w2": dw2}
