"""A class that keeps its weights, and after backward their gradients, on the object: a convolution with a stride.

    cnngrad check examples/classes/layers.py:right
    cnngrad check examples/classes/layers.py:wrong

The class knows nothing of cnngrad. ``wrong`` rotates the kernel's gradient by 180 degrees, as one would for a true
convolution; this forward is a cross-correlation.
"""

from __future__ import annotations

import numpy as np

import cnngrad as cg


class Conv:
    """``x (n, c, height, width)``, kernels ``W (f, c, k, k)``, biases ``b (f,)``."""

    def __init__(self, W, b, stride=1):
        self.W, self.b, self.stride = W, b, stride

    def windows(self, shape):
        """Where each output entry looks: its place in the output and the window in the input."""
        k, s = self.W.shape[2], self.stride
        for i in range((shape[2] - k) // s + 1):
            for j in range((shape[3] - k) // s + 1):
                yield (i, j), (slice(i * s, i * s + k), slice(j * s, j * s + k))

    def forward(self, x):
        self.x = x
        places = list(self.windows(x.shape))
        rows, columns = places[-1][0]
        y = np.empty((len(x), len(self.W), rows + 1, columns + 1))
        for (i, j), window in places:
            y[:, :, i, j] = np.einsum("ncuv,fcuv->nf", x[:, :, *window], self.W) + self.b
        return y

    def backward(self, dy):
        self.dW, self.db = np.zeros_like(self.W), dy.sum(axis=(0, 2, 3))
        dx = np.zeros_like(self.x)
        for (i, j), window in self.windows(self.x.shape):
            dx[:, :, *window] += np.einsum("nf,fcuv->ncuv", dy[:, :, i, j], self.W)
            self.dW += np.einsum("nf,ncuv->fcuv", dy[:, :, i, j], self.x[:, :, *window])
        return dx


class ConvWrong(Conv):
    """The same with one mistake."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.dW = self.dW[:, :, ::-1, ::-1]
        return dx


# The glue: which sizes to try, the shape of each input in them, and the keyword that the class takes.
dims = {"n": (1, 2), "c": (1, 2), "f": (1, 2), "height": (1, 6), "width": (1, 6), "k": (1, 3), "stride": (1, 3)}
shapes = lambda d: {"x": (d.n, d.c, d.height, d.width), "W": (d.f, d.c, d.k, d.k), "b": (d.f,)}  # noqa: E731 - short as a user writes it
facts = dict(dims=dims, shapes=shapes, config=lambda d: {"stride": d.stride}, batch_axis=0)
right = cg.from_class(Conv, where=lambda d: min(d.height, d.width) >= d.k, **facts)
wrong = cg.from_class(ConvWrong, where=lambda d: min(d.height, d.width) >= d.k, **facts)
