"""Functions of HIPS autograd, primitives with a hand-written vjp among them, as layers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.adapters.declared import name_of
from cnngrad.adapters.frameworks import (
    Pull,
    framework_layer,
    leaves,
    missing,
    refuse_no_output,
    refuse_not_callable,
    refuse_partly_cut,
)
from cnngrad.core.arrays import is_differentiable
from cnngrad.core.layer import Layer


def from_autograd(function: Callable[..., Any], inputs: str | Sequence[str] = "x", **declared: Any) -> Layer:
    """A layer of a function of HIPS autograd, through ``autograd.make_vjp``.

    Outputs may be nested; those that are not floats are not differentiated.

    Args:
        function: a primitive, or any function of ``autograd.numpy``.
        inputs: the names of its arguments.
        declared: ``dims``, ``shapes``, ``config`` and whatever else :class:`~cnngrad.core.layer.Layer` takes;
            ``config`` is handed over by keyword.

    Raises:
        UsageError: autograd is missing.

    >>> import autograd.numpy as anp  # doctest: +SKIP
    >>> layer = from_autograd(anp.sin)  # doctest: +SKIP
    >>> layer(np.zeros(2))[0].tolist()  # doctest: +SKIP
    [0.0, 0.0]
    """
    try:
        import autograd
    except ModuleNotFoundError as error:
        if error.name != "autograd":
            raise
        raise missing("from_autograd", "autograd", "autograd") from None
    refuse_not_callable("from_autograd", function)
    name = str(declared.get("name", name_of(function)))
    return framework_layer(from_autograd, _AutogradCall(autograd, function, name), inputs, name, declared)


@dataclass(frozen=True)
class _AutogradCall:
    """A function of autograd's arrays, run on NumPy arrays."""

    autograd: Any
    function: Callable[..., Any]
    name: str

    def __call__(
        self, values: Sequence[Any], free: Sequence[int], config: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Pull]:
        returned: list[Any] = []

        def followed(*arguments: Any) -> Any:
            returned[:] = leaves(self.function(*arguments, **config))
            boxed = [out for out in returned if self._followed(out)]
            return self.autograd.builtins.tuple(boxed) if boxed else 0.0

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Output seems independent of input")  # said below, when it matters
            pull, _ = self.autograd.make_vjp(followed, tuple(free))(*values)
        refuse_no_output(self.name, returned)
        outputs = [_plain(out) for out in returned]
        floats = [is_differentiable(out) for out in outputs]
        followed_ones = [position for position, out in enumerate(returned) if self._followed(out)]
        cut = [is_float and position not in followed_ones for position, is_float in enumerate(floats)]
        refuse_partly_cut(self.name, floats, cut)

        def pulled(dys: Sequence[Any]) -> Sequence[Any]:
            if all(cut):
                raise RuntimeError(
                    f"no gradient passes through {self.name}: it computes with NumPy where autograd follows only "
                    "autograd.numpy and primitives, or turns its inputs into plain numbers"
                )
            chosen = ((outputs[position], dys[position]) for position in followed_ones)
            found: Sequence[Any] = pull(tuple(np.zeros_like(out) if dy is None else dy for out, dy in chosen))
            return found

        return outputs, pulled

    def _followed(self, value: Any) -> bool:
        return bool(self.autograd.tracer.isbox(value))


def _plain(value: Any) -> Any:
    """The number in autograd's box."""
    while hasattr(value, "_value") and hasattr(value, "_node"):
        value = value._value
    return value
