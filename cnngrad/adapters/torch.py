"""PyTorch functions, autograd Functions, modules and custom operators as layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from cnngrad.adapters.declared import name_of, names_of
from cnngrad.adapters.frameworks import framework_layer, missing, refuse_not_callable
from cnngrad.adapters.torch_calls import TorchCall
from cnngrad.adapters.torch_double import COTANGENT, double_facts
from cnngrad.adapters.torch_modules import functional, parameters_of, with_shapes
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer


def from_torch(
    function: Any,
    inputs: str | Sequence[str] = "x",
    device: str | None = None,
    double_backward: bool = False,
    **declared: Any,
) -> Layer:
    """A layer of PyTorch code, through ``torch.autograd.grad``.

    Tensors have the type of the arrays they are made of, and on the CPU their memory and strides as well. A gradient
    that PyTorch leaves undefined is zero. Outputs may be nested; those that are not floats are not differentiated.

    Args:
        function: a ``torch.autograd.Function`` or its ``apply``, an ``nn.Module``, a ``torch.library.custom_op``, or
            any callable between tensors.
        inputs: the names of its arguments. The parameters of a module follow by their own names, with their shapes.
        device: where to compute, ``"cuda"`` say; if left out, where the module is, or the CPU.
        double_backward: the layer is the backward, ``(x, w, cotangent) -> (dx, dw)``, held against *its* backward.
        declared: ``dims``, ``shapes``, ``config`` and whatever else :class:`~cnngrad.core.layer.Layer` takes. Inputs
            among ``constants`` do not require gradients. ``config`` is handed over by keyword; to an autograd
            Function, which takes none, behind the inputs in its order.

    Raises:
        UsageError: PyTorch or the device is missing, or a declaration does not fit.

    >>> import numpy as np
    >>> import torch  # doctest: +SKIP
    >>> layer = from_torch(torch.matmul, inputs=("x", "w"))  # doctest: +SKIP
    >>> layer(np.ones((1, 2)), np.ones((2, 3)))[0].tolist()  # doctest: +SKIP
    [[2.0, 2.0, 2.0]]
    """
    torch = _torch("from_torch")
    called, name = _called(torch, function)
    name = str(declared.get("name", name))
    names = names_of(inputs)
    if isinstance(called, torch.nn.Module):
        parameters = parameters_of(torch, called)
        device = device or next((str(parameter.device) for parameter in called.parameters()), None)
        called, declared = functional(torch, called, len(names), parameters), with_shapes(declared, parameters)
        names = (*names, *parameters)
    call = TorchCall(torch, called, name, _device(torch, device), names, names_of(declared.get("in_place", ())))
    layer = framework_layer(from_torch, call, names, name, declared)
    if not double_backward:
        return layer
    twice, names, facts = double_facts(call, layer)
    call = TorchCall(torch, twice, str(facts["name"]), call.device, names)
    return framework_layer(from_torch, call, names, call.name, facts)


def torch_variants(function: Any, inputs: str | Sequence[str] = "x", **declared: Any) -> tuple[Layer, ...]:
    """One layer for each subset of the inputs that may require gradients, as ``ctx.needs_input_grad`` sees them.

    Takes what :func:`from_torch` takes; made for ``cg.parametrize_with_checks``.

    >>> import torch  # doctest: +SKIP
    >>> [layer.name for layer in torch_variants(torch.matmul, ("x", "w"))]  # doctest: +SKIP
    ['matmul[x]', 'matmul[w]', 'matmul[x,w]']
    """
    whole = from_torch(function, inputs, **declared)
    double = bool(declared.get("double_backward", False))
    free = [name for name in whole.differentiable if not (double and name == COTANGENT)]
    variants = []
    for size in range(1, len(free) + 1):
        for chosen in itertools.combinations(free, size):
            constants = (*whole.constants, *(name for name in free if name not in chosen))
            facts = {
                **declared,
                "constants": constants,
                "name": f"{declared.get('name', whole.name)}[{','.join(chosen)}]",
            }
            variants.append(from_torch(function, inputs, **facts))
    return tuple(variants)


def _torch(adapter: str) -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise  # an installation that is broken, not missing
        raise missing(adapter, "PyTorch", "torch") from None
    return torch


def _called(torch: Any, function: Any) -> tuple[Any, str]:
    """What to call, and the name people know it by."""
    if isinstance(function, type) and issubclass(function, torch.nn.Module):
        raise UsageError(f"from_torch takes a module, not its class: from_torch({function.__name__}(...), ...)")
    refuse_not_callable("from_torch", function)
    owner = getattr(function, "__self__", None) if getattr(function, "__name__", "") == "apply" else function
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        return _applied(owner), owner.__name__
    return function, str(getattr(function, "_name", name_of(function))).rpartition("::")[2]


def _applied(function: Any) -> Any:
    """``apply`` takes no keywords: the configuration follows the inputs by position."""
    return lambda *tensors, **config: function.apply(*tensors, *config.values())


def _device(torch: Any, device: str | None) -> Any:
    try:
        where = torch.device(device or "cpu")
        torch.empty(0, device=where)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device={device!r}: PyTorch cannot use it here: {str(error).splitlines()[0]}") from None
    return where
