"""A forward and a backward function as a layer: ``(y, cache)`` pairs, explicit arguments, or everything in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnngrad.adapters.declared import (
    is_single,
    keywords_of,
    name_of,
    names_of,
    positional_of,
    refuse_config,
    refuse_unknown,
    scalar,
    takes_any_keyword,
)
from cnngrad.adapters.returned import Names, aliases, gradients_in, input_called, outputs_by_name, resolved
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer


def from_functions(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    inputs: str | Sequence[str] = ("x", "w", "b"),
    forward_returns: str | Sequence[str] = ("y", "cache"),
    backward_takes: str | Sequence[str] = ("dy", "cache"),
    backward_returns: Names | None = None,
    **declared: Any,
) -> Layer:
    """A layer of two functions, neither of them edited.

    Args:
        forward: called ``forward(*inputs, **config)``.
        backward: called with what ``backward_takes`` names, in that order, and with those keywords of the
            configuration that it accepts. ``None`` where forward returns the gradients of a loss as well.
        inputs: the names of forward's arguments, in their order.
        forward_returns: what forward returns, in order: outputs by any name, and ``cache``. One name stands for
            the whole. With ``backward=None`` one loss, then gradients (``dx`` or ``grad_x`` is that of ``x``) or
            ``grads``, all of them in a dict or tuple; ``cache`` is then left aside.
        backward_takes: any of ``dy`` (a tuple for several outputs; ``d`` and an output's name for one of them),
            ``cache``, the outputs and the inputs.
        backward_returns: whose gradients, in order; ``("x", ("w", "b"))`` where they are nested, ``_`` for what
            is left aside. If left out: the inputs without the constants. A returned dict is matched by name.
        declared: ``dims``, ``shapes``, ``config`` and whatever else :class:`~cnngrad.core.layer.Layer` takes.

    Raises:
        UsageError: names that do not fit each other or the functions, or an unknown keyword. The layer raises it
            where what the functions return does not fit the names.

    >>> import numpy as np
    >>> def scale_forward(x, s): return s * x, (x, s)
    >>> def scale_backward(dy, cache): return cache[1] * dy, np.sum(cache[0] * dy)
    >>> layer = from_functions(scale_forward, scale_backward, inputs=("x", "s"))
    >>> y, back = layer(np.array([1.0, 2.0]), 3.0)
    >>> y.tolist(), [np.asarray(g).tolist() for g in back(np.ones(2))]
    ([3.0, 6.0], [[3.0, 3.0], 3.0])
    """
    refuse_unknown(from_functions, declared)
    names = names_of(inputs)
    constants = names_of(declared.get("constants", ()), "constants")
    free = tuple(name for name in names if name not in constants)
    takes = names_of(backward_takes, "backward_takes") if backward is not None else ()
    returns = free if backward_returns is None else resolved(backward_returns, names)
    pair = _Pair(forward, backward, names, names_of(forward_returns, "forward_returns"), takes, returns, free)
    _refuse_misfits(pair)
    return Layer(pair.vjp, names, **{"name": name_of(forward), **declared})


@dataclass(frozen=True)
class _Pair:
    """The two functions and the names of what goes in and comes out."""

    forward: Callable[..., Any]
    backward: Callable[..., Any] | None
    inputs: tuple[str, ...]
    forward_returns: tuple[str, ...]
    takes: tuple[str, ...]
    backward_returns: Names
    free: tuple[str, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what forward returns that are neither the cache nor gradients."""
        names = [name for name in self.forward_returns if name != "cache"]
        if self.backward is None:
            names = [n for n in names if n != "grads" and input_called(n, self.inputs) is None]
        return tuple(names)

    @property
    def available(self) -> list[str]:
        """What backward can be given."""
        outputs = self.outputs
        cache = ["cache"] if "cache" in self.forward_returns else []
        return list(dict.fromkeys(["dy", *(f"d{name}" for name in outputs), *cache, "y", *outputs, *self.inputs]))

    def vjp(self, *values: Any, **config: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        refuse_config(self.forward, config)
        named = outputs_by_name(self.forward(*values, **config), self.forward_returns, name_of(self.forward))
        outputs = tuple(named[name] for name in self.outputs)
        y = outputs[0] if len(outputs) == 1 else outputs
        backward = self.backward
        if backward is None:
            return y, self._loss_backward(named, y)
        given = {"y": y, **named, **dict(zip(self.inputs, values, strict=True))}
        return y, lambda dy: self._pull(backward, given, dy, config)

    def _pull(
        self, backward: Callable[..., Any], given: Mapping[str, Any], dy: Any, config: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        parts = (dy,) if len(self.outputs) == 1 else dy
        cotangents = {f"d{name}": part for name, part in zip(self.outputs, parts, strict=True)}
        known = {**cotangents, **given, "dy": dy}
        returned = backward(*(known[name] for name in self.takes), **_accepted(backward, config))
        return self._in_order(gradients_in(returned, self.backward_returns, name_of(backward)))

    def _loss_backward(self, named: Mapping[str, Any], y: Any) -> Callable[[Any], tuple[Any, ...]]:
        """The gradients came with the loss; they are those for a cotangent of 1."""
        if not is_single(y):
            raise UsageError(
                f"{name_of(self.forward)}: with backward=None the forward returns a loss, one number, and its "
                f"gradients; {self.outputs[0]} is {type(y).__name__} of shape {getattr(y, 'shape', ())}"
            )
        gradients = {
            name: named[word] for word in self.forward_returns if (name := input_called(word, self.inputs)) is not None
        }
        if "grads" in named:
            gradients.update(gradients_in(named["grads"], self.backward_returns, name_of(self.forward)))
        return lambda dy: tuple(None if g is None else g * scalar(dy) for g in self._in_order(gradients))

    def _in_order(self, gradients: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(gradients.get(name) if name in self.free else None for name in self.inputs)


def _refuse_misfits(pair: _Pair) -> None:
    """Everything that can be told before the functions are called."""
    for function in (pair.forward,) if pair.backward is None else (pair.forward, pair.backward):
        if not callable(function):
            raise UsageError(f"from_functions takes two functions, forward and backward, not {function!r}")
    _refuse_double_names(pair)
    _refuse_outputs(pair)
    unknown = [name for name in pair.takes if name not in pair.available]
    if unknown:
        raise UsageError(
            f"{name_of(pair.forward)}: backward_takes names {unknown[0]!r}; with forward_returns="
            f"{pair.forward_returns} it can name {', '.join(pair.available)}"
        )
    _refuse_count(pair.forward, pair.inputs, "inputs")
    if pair.backward is not None:
        _refuse_count(pair.backward, pair.takes, "backward_takes")


def _refuse_double_names(pair: _Pair) -> None:
    who = name_of(pair.forward)
    for name in ("cache", "dy"):
        if name in pair.inputs:
            raise UsageError(f"{who}: no input can be called {name!r}, which has a meaning of its own; rename it")
    for name in pair.outputs:
        if name in pair.inputs:
            raise UsageError(
                f"{who}: {name!r} names an input and an output; name the output otherwise: "
                "forward_returns=('out', 'cache')"
            )


def _refuse_outputs(pair: _Pair) -> None:
    who, given = name_of(pair.forward), pair.forward_returns
    if not pair.outputs or len(set(given)) < len(given):
        raise UsageError(
            f"{who}: forward_returns={given} must name at least one output, and each thing once: 'y' or ('y', 'cache')"
        )
    if pair.backward is None and (len(pair.outputs) > 1 or set(given) <= {*pair.outputs, "cache"}):
        whole = ("loss", *(aliases(name)[1] for name in pair.free))
        raise UsageError(
            f"{who}: backward=None means that forward returns one loss and its gradients; forward_returns={given}, "
            f"but it takes {whole} or ('loss', 'grads')"
        )


def _accepted(function: Callable[..., Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of the configuration that a function takes."""
    if not config or takes_any_keyword(function):
        return dict(config)
    return {word: value for word, value in config.items() if word in keywords_of(function)}


def _refuse_count(function: Callable[..., Any], names: tuple[str, ...], keyword: str) -> None:
    own = positional_of(function)
    if own is not None and len(names) > len(own):
        plural = "" if len(own) == 1 else "s"
        raise UsageError(
            f"{name_of(function)} takes {len(own)} argument{plural} ({', '.join(p.name for p in own)}), "
            f"{keyword}= names {len(names)} ({', '.join(names)})"
        )
