"""A PyTorch module as a function of its arguments and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnngrad.adapters.torch_calls import is_float
from cnngrad.core.errors import UsageError


def parameters_of(torch: Any, module: Any) -> dict[str, Any]:
    """The parameters that are trained; frozen ones are the module's own business.

    Raises:
        UsageError: a parameter that the module has not made yet.
    """
    parameters = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    for name, parameter in parameters.items():
        if isinstance(parameter, torch.nn.parameter.UninitializedParameter):
            raise UsageError(f"{type(module).__name__} makes {name} at its first forward: call the module once before")
    return parameters


def functional(torch: Any, module: Any, count: int, parameters: Mapping[str, Any]) -> Callable[..., Any]:
    """``function(*arguments, *parameters)``: ``count`` arguments, then the parameters.

    Every call works on copies of the module's other tensors (running means, frozen weights), in the precision of the
    arguments: calls stay independent, and the module stays as it is.
    """
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    rest = {name: tensor for name, tensor in own.items() if name not in parameters}

    def function(*tensors: Any, **config: Any) -> Any:
        like = next(tensor for tensor in (*tensors[count:], *tensors) if is_float(tensor))
        state = dict(zip(parameters, tensors[count:], strict=True))
        for name, tensor in rest.items():
            dtype = like.dtype if is_float(tensor) else tensor.dtype
            state[name] = tensor.detach().to(like.device, dtype, copy=True)
        return torch.func.functional_call(module, state, tensors[:count], config)

    return function


def with_shapes(declared: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The declarations, with the parameters' shapes beside those that were declared."""
    shapes = declared.get("shapes")
    if shapes is None:
        return dict(declared)
    own = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    joined = (lambda d: {**own, **shapes(d)}) if callable(shapes) else {**own, **shapes}
    return {**declared, "shapes": joined}
