"""PyTorch layers as people write them, each with a switch for one mistake. PyTorch is imported by the tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def functions(torch: Any) -> SimpleNamespace:
    """Autograd Functions, right ones and wrong ones."""

    class ScaledRelu(torch.autograd.Function):
        """``y = w relu(x)``; takes a scale as well, which is no tensor."""

        @staticmethod
        def forward(ctx, x, w, scale=1.0):
            ctx.save_for_backward(x, w)
            ctx.scale = scale
            return scale * w * x.clamp(min=0)

        @staticmethod
        def backward(ctx, dy):
            x, w = ctx.saved_tensors
            dx = dw = None
            if ctx.needs_input_grad[0]:
                dx = ctx.scale * dy * w * (x > 0)
            if ctx.needs_input_grad[1]:
                dw = ctx.scale * dy * x.clamp(min=0)
            return dx, dw, None

    class MaskFromDy(ScaledRelu):
        @staticmethod
        def backward(ctx, dy):
            x, w = ctx.saved_tensors
            return ctx.scale * dy * w * (dy > 0), ctx.scale * dy * x.clamp(min=0), None

    class SwappedNeeds(ScaledRelu):
        """Right while both inputs require gradients; wrong for each subset."""

        @staticmethod
        def backward(ctx, dy):
            x, w = ctx.saved_tensors
            dx = ctx.scale * dy * w * (x > 0) if ctx.needs_input_grad[1] else None
            dw = ctx.scale * dy * x.clamp(min=0) if ctx.needs_input_grad[0] else None
            return dx, dw, None

    class ViewOfDy(ScaledRelu):
        """Takes ``dy`` for contiguous: reads its memory in the order it has there."""

        @staticmethod
        def backward(ctx, dy):
            x, w = ctx.saved_tensors
            dy = torch.as_strided(dy, x.shape, torch.empty(x.shape).stride())
            return ctx.scale * dy * w * (x > 0), ctx.scale * dy * x.clamp(min=0), None

    class TopTwo(torch.autograd.Function):
        """The squares and their mean over columns, with the place of the largest: floats, floats, integers."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            places = x.argmax(dim=1)
            ctx.mark_non_differentiable(places)
            return x * x, (x * x).mean(dim=1), places

        @staticmethod
        def backward(ctx, dsquare, dmean, _):
            (x,) = ctx.saved_tensors
            return 2 * x * (dsquare + dmean[:, None] / x.shape[1])

    class TopTwoWrong(TopTwo):
        """Forgets the division by the number of columns in the second output."""

        @staticmethod
        def backward(ctx, dsquare, dmean, _):
            (x,) = ctx.saved_tensors
            return 2 * x * (dsquare + dmean[:, None])

    class Sine(torch.autograd.Function):
        """Its backward is differentiable itself."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            return x.cos() * dy

    class SineWrongTwice(Sine):
        """The first derivative is right; the second is zero, since x was detached."""

        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            return x.detach().cos() * dy

    return SimpleNamespace(**{name: value for name, value in locals().items() if name != "torch"})


def modules(torch: Any) -> SimpleNamespace:
    """Modules, right ones and wrong ones."""

    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.s = torch.nn.Parameter(torch.ones(3))
            self.frozen = torch.nn.Parameter(torch.full((3,), 2.0), requires_grad=False)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return self.s * self.frozen * x * self.calls

    class Detached(Scale):
        def forward(self, x):
            return self.s.detach() * x

    return SimpleNamespace(Scale=Scale, Detached=Detached)


def operator(torch: Any, factor: float) -> Any:
    """A custom operator, right with a factor of 1."""
    name = f"cnngrad_tests::sine_{int(factor)}"

    @torch.library.custom_op(name, mutates_args=(), schema="(Tensor x) -> Tensor")
    def sine(x):
        return torch.sin(x)

    sine.register_autograd(
        lambda ctx, dy: factor * dy * torch.cos(ctx.saved_tensors[0]),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
    )
    return sine
