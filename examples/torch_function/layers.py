"""A ``torch.autograd.Function``: swish with a slope of its own, ``y = x σ(b x)``.

    cnngrad check examples/torch_function/layers.py:right
    cnngrad check examples/torch_function/layers.py:wrong

The Function knows nothing of cnngrad. ``wrong`` divides by σ instead of multiplying by 1 − σ: near zero, where
σ = ½, the two differ by a factor, and far from zero by everything.
"""

from __future__ import annotations

import torch

import cnngrad as cg


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, b):
        s = torch.sigmoid(b * x)
        ctx.save_for_backward(x, b, s)
        return x * s

    @staticmethod
    def backward(ctx, dy):
        x, b, s = ctx.saved_tensors
        slope = s * (1 - s)
        return dy * (s + b * x * slope), (dy * x * x * slope).sum(dim=0)


class SwishWrong(Swish):
    @staticmethod
    def backward(ctx, dy):
        x, b, s = ctx.saved_tensors
        slope = s / (1 + s)
        return dy * (s + b * x * slope), (dy * x * x * slope).sum(dim=0)


# The glue: which sizes to try, and the shape of each input in them.
facts = dict(dims={"n": (1, 3), "c": (1, 3)}, shapes=lambda d: {"x": (d.n, d.c), "b": (d.c,)}, batch_axis=0)
right = cg.from_torch(Swish, inputs=("x", "b"), **facts)
wrong = cg.from_torch(SwishWrong, inputs=("x", "b"), **facts)
