"""Running a function of PyTorch tensors on NumPy arrays, and its backward through ``torch.autograd.grad``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.adapters.frameworks import Pull, leaves, refuse_no_output, refuse_partly_cut
from cnngrad.core.arrays import Array, shape_text
from cnngrad.core.errors import UsageError


@dataclass(frozen=True)
class TorchCall:
    """How a function of tensors is run.

    Attributes:
        torch: the framework.
        name: what messages call the function.
        device: where its tensors are.
        inputs: the names of its arguments.
        in_place: those that it overwrites on purpose.
    """

    torch: Any
    function: Callable[..., Any]
    name: str
    device: Any
    inputs: tuple[str, ...]
    in_place: tuple[str, ...] = ()

    def __call__(
        self, values: Sequence[Any], free: Sequence[int], config: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Pull]:
        tensors = [self.tensor(value) for value in values]
        wanted = [tensors[position].requires_grad_() for position in free]
        given = [self._overwritable(name, tensor) for name, tensor in zip(self.inputs, tensors, strict=True)]
        outputs = self.outputs(given, config)
        refuse_partly_cut(self.name, [is_float(out) for out in outputs], [is_cut(out) for out in outputs])
        for value, tensor, handed in zip(values, tensors, given, strict=True):
            if handed is not tensor and handed._version and isinstance(value, np.ndarray):
                value[...] = array_of(handed)  # what was overwritten is seen by the caller, as on any array
        return [array_of(out) for out in outputs], lambda dys: self._pull(outputs, wanted, dys)

    def tensor(self, value: Any) -> Any:
        """An array as a tensor of its own type; on the CPU in the array's memory, wherever PyTorch can use that."""
        array = np.asarray(value)
        usable = array.flags.writeable and array.dtype.isnative and all(step >= 0 for step in array.strides)
        try:
            tensor = self.torch.from_numpy(array if usable else array.astype(array.dtype.newbyteorder("=")))
        except TypeError as error:
            raise UsageError(f"{self.name}: PyTorch has no tensors for {shape_text(array)}") from error
        return tensor.to(self.device)

    def outputs(self, tensors: Sequence[Any], config: Mapping[str, Any]) -> list[Any]:
        """What the function returns, one after the other."""
        try:
            with warnings.catch_warnings(), self.torch.enable_grad():
                if any(tensor.is_complex() for tensor in tensors):
                    warnings.simplefilter("error")  # an imaginary part that is dropped must not pass for a result
                outputs = list(leaves(self.function(*tensors, **config)))
        except RuntimeError as error:
            if "a leaf Variable that requires grad" in str(error):
                raise UsageError(
                    f"{self.name} changes an input in place; if that is meant, declare it: in_place=('x',)"
                ) from error
            raise
        refuse_no_output(self.name, outputs)
        return outputs

    def _overwritable(self, name: str, tensor: Any) -> Any:
        """The leaf itself, or a copy of one that is to be overwritten, since PyTorch lets nobody overwrite a leaf."""
        return tensor.clone() if name in self.in_place and tensor.requires_grad else tensor

    def _pull(self, outputs: Sequence[Any], wanted: Sequence[Any], dys: Sequence[Any]) -> list[Any]:
        chosen = [(out, dy) for out, dy in zip(outputs, dys, strict=True) if dy is not None and is_float(out)]
        if all(is_cut(out) for out, _ in chosen):
            raise RuntimeError(
                f"no gradient passes through {self.name}: the graph is broken between inputs and output by detach(), "
                ".data, NumPy, torch.tensor(...) or no_grad()"
            )
        found = self.torch.autograd.grad(
            [out for out, _ in chosen],
            wanted,
            [self.tensor(dy).to(out.dtype) for out, dy in chosen],
            retain_graph=True,  # a backward may be called more than once
            allow_unused=True,
        )
        return [array_of(self.torch.zeros_like(x) if g is None else g) for x, g in zip(wanted, found, strict=True)]


def array_of(tensor: Any) -> Array | Any:
    """A tensor as an array, in the same memory where it lies on the CPU; bfloat16, which NumPy lacks, as float32."""
    if not hasattr(tensor, "detach"):
        return tensor
    plain = (tensor.to_dense() if tensor.is_sparse else tensor).detach().cpu()
    if str(plain.dtype) == "torch.bfloat16":
        plain = plain.float()
    return plain.resolve_conj().resolve_neg().numpy()


def is_float(output: Any) -> bool:
    """Whether a gradient can pass through an output."""
    return hasattr(output, "detach") and bool(output.is_floating_point() or output.is_complex())


def is_cut(output: Any) -> bool:
    """Whether none does, although one could."""
    return is_float(output) and not output.requires_grad
