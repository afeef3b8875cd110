"""JAX functions, ``custom_vjp`` and ``custom_jvp`` ones among them, as layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnngrad.adapters.declared import name_of
from cnngrad.adapters.frameworks import Pull, framework_layer, leaves, missing, refuse_no_output, refuse_not_callable
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer


def from_jax(function: Callable[..., Any], inputs: str | Sequence[str] = "x", **declared: Any) -> Layer:
    """A layer of a JAX function, through ``jax.vjp``.

    Outputs may be nested; those that are not floats are not differentiated. What comes back are arrays of NumPy, in
    memory of their own.

    Args:
        function: a ``jax.custom_vjp`` or ``jax.custom_jvp`` function, or any function between JAX arrays.
        inputs: the names of its arguments.
        declared: ``dims``, ``shapes``, ``config`` and whatever else :class:`~cnngrad.core.layer.Layer` takes;
            ``config`` is handed over by keyword.

    Raises:
        UsageError: JAX is missing. The layer raises it for float64 arrays while JAX computes in float32.

    >>> import jax  # doctest: +SKIP
    >>> layer = from_jax(jax.numpy.sin)  # doctest: +SKIP
    >>> layer(np.zeros(2, dtype=np.float32))[0].tolist()  # doctest: +SKIP
    [0.0, 0.0]
    """
    try:
        import jax
    except ModuleNotFoundError as error:
        if error.name != "jax":
            raise
        raise missing("from_jax", "JAX", "jax") from None
    refuse_not_callable("from_jax", function)
    name = str(declared.get("name", name_of(function)))
    return framework_layer(from_jax, _JaxCall(jax, function, name), inputs, name, declared)


@dataclass(frozen=True)
class _JaxCall:
    """A function of JAX arrays, run on NumPy arrays."""

    jax: Any
    function: Callable[..., Any]
    name: str

    def __call__(
        self, values: Sequence[Any], free: Sequence[int], config: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Pull]:
        self._refuse_lost_precision(values)
        arrays = [self.jax.numpy.asarray(value) for value in values]

        def of_free(*chosen: Any) -> list[Any]:
            given = dict(zip(free, chosen, strict=True))
            arguments = [given.get(position, array) for position, array in enumerate(arrays)]
            return list(leaves(self.function(*arguments, **config)))

        with self._said_clearly():
            outputs, pull = self.jax.vjp(of_free, *(arrays[position] for position in free))
        refuse_no_output(self.name, outputs)

        def pulled(dys: Sequence[Any]) -> list[Any]:
            with self._said_clearly():
                return [_array(gradient) for gradient in pull(self._cotangents(outputs, dys))]

        return [_array(out) for out in outputs], pulled

    @contextmanager
    def _said_clearly(self) -> Iterator[None]:
        """What JAX's arrays do not allow is no mistake in a gradient."""
        try:
            yield
        except self.jax.errors.TracerArrayConversionError as error:
            raise UsageError(
                f"{self.name} hands a traced JAX array to NumPy: compute with jax.numpy, or give the NumPy code to "
                "jax.pure_callback inside a jax.custom_vjp"
            ) from error
        except (TypeError, ValueError) as error:
            if "immutable" not in str(error) and "read-only" not in str(error):
                raise
            raise UsageError(
                f"{self.name} writes into an array of JAX's, which are read-only: x = x.at[0].set(1.0) is a new one, "
                "x = numpy.array(x) a copy for NumPy code"
            ) from error

    def _cotangents(self, outputs: Sequence[Any], dys: Sequence[Any]) -> list[Any]:
        return [self._cotangent(out, dy) for out, dy in zip(outputs, dys, strict=True)]

    def _cotangent(self, output: Any, dy: Any) -> Any:
        """That of integers holds nothing; one that is undefined is zero."""
        jnp = self.jax.numpy
        if not jnp.issubdtype(output.dtype, jnp.inexact):
            return np.zeros(np.shape(output), dtype=self.jax.dtypes.float0)
        return jnp.zeros_like(output) if dy is None else jnp.asarray(dy, dtype=output.dtype)

    def _refuse_lost_precision(self, values: Sequence[Any]) -> None:
        if self.jax.config.jax_enable_x64:
            return
        for value in values:
            if np.asarray(value).dtype in (np.float64, np.complex128):
                raise UsageError(
                    f"{self.name} was given float64, which JAX would silently make float32; before JAX is used, say "
                    'jax.config.update("jax_enable_x64", True), or set the environment variable JAX_ENABLE_X64=1'
                )


def _array(value: Any) -> Any:
    """A copy: JAX's own memory is read-only, and other people's code may write to its gradients."""
    return np.array(value)
