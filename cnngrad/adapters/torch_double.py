"""The backward of PyTorch code as a layer of its own, to be checked by *its* backward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from cnngrad.adapters.torch_calls import TorchCall, is_float
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.values import draw_input, rng_for

COTANGENT = "cotangent"  # "dy" is the cotangent of the layer that is checked, here that of the gradients
_OF_THE_FIRST = ("inputs", "batch_axis", "features", "conventions")


@dataclass(frozen=True)
class DoubleBackward:
    """``(x, w, cotangent) -> (dx, dw)`` between tensors: the gradients of ``call``, themselves differentiable.

    Attributes:
        layer: the layer of the first backward; its declarations say what is differentiated.
    """

    call: TorchCall
    layer: Layer

    def __call__(self, *tensors: Any, **config: Any) -> tuple[Any, ...]:
        *inputs, dy = tensors
        (y,) = self._output(inputs, config)
        wanted = [inputs[self.layer.inputs.index(name)] for name in self.layer.differentiable]
        wanted = [tensor if tensor.requires_grad else tensor.detach().requires_grad_() for tensor in wanted]
        found = self.call.torch.autograd.grad(y, wanted, dy, create_graph=True, allow_unused=True)
        # An input that y does not depend on has the gradient 0, which still has to hang on to the graph.
        return tuple(x * 0 * dy.sum() if g is None else g for x, g in zip(wanted, found, strict=True))

    def _output(self, inputs: Sequence[Any], config: Mapping[str, Any]) -> list[Any]:
        outputs = [out for out in self.call.outputs(inputs, config) if is_float(out)]
        if len(outputs) != 1:
            raise UsageError(
                f"{self.call.name} has {len(outputs)} float outputs; the double backward is checked of one: "
                f"lambda *inputs: {self.call.name}(*inputs)[0]"
            )
        return outputs

    def shapes(self, d: Any) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs, and of the cotangent: that of an output made of some numbers."""
        layer, sizes = self.layer, vars(d)
        shapes = layer.shapes_at(sizes)
        values = [
            draw_input(rng_for(0, name), "normal", shape, layer.domain.get(name), layer.draw.get(name), d)
            for name, shape in shapes.items()
        ]
        (y,) = self._output([self.call.tensor(value) for value in values], layer.config_at(sizes))
        return {**shapes, COTANGENT: tuple(y.shape)}


def double_facts(call: TorchCall, layer: Layer) -> tuple[DoubleBackward, tuple[str, ...], dict[str, Any]]:
    """The function, the inputs and the declarations of the double backward of a layer."""
    function = DoubleBackward(call, layer)
    facts = {name: value for name, value in layer.facts.items() if name not in _OF_THE_FIRST}
    if layer.shapes is not None:
        facts["shapes"] = function.shapes if layer.dims is not None else function.shapes(SimpleNamespace())
    return function, (*layer.inputs, COTANGENT), {**facts, "name": f"{layer.name}_backward"}
