"""A class with ``forward`` and ``backward`` methods as a layer: an object is made anew for every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cnngrad.adapters.building import Maker, Method
from cnngrad.adapters.declared import listed, name_of, names_of, refuse_other, refuse_unknown
from cnngrad.adapters.objects import Recipe, Update
from cnngrad.adapters.paths import parse
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer, Vjp


def from_class(
    factory: Callable[..., Any],
    params: Mapping[str, str] | Sequence[str] = {"W": "dW", "b": "db"},
    forward: Method = "forward",
    backward: Method = "backward",
    input: str | Sequence[str] = "x",
    input_gradient: str | Mapping[str, str] | None = "return",
    update: Update | None = None,
    setup: Method | Sequence[Method] = (),
    backward_takes: str | Sequence[str] | None = None,
    rate: float = 2.0**20,
    accumulates: bool = False,
    **declared: Any,
) -> Layer:
    """A layer of someone's class, not edited.

    A path says where a value stands on the object: ``W``, ``W.grad``, ``grads['W']``, ``grads[0]``, ``get_grad()``;
    or in what backward returned: ``return``, ``return[1]``, ``return['dW']``.

    Args:
        factory: the class or a function that makes the object. It gets the parameters that its signature names and
            the keywords of the configuration. A parameter that it does not take, or that the object did not take
            over, is assigned to its path.
        params: the path of each parameter, which is also its name as an input, and the path of its gradient. Only
            the parameters, ``("W", "b")``, where they are updated in place.
        forward: a method's name, ``__call__`` too, or ``lambda obj, x: ...``.
        backward: a method's name or ``lambda obj, dy: ...``. One that takes no argument belongs to a loss.
        input: forward's argument, or several.
        input_gradient: the path of its gradient; a dict where several inputs have one; ``None`` for a first layer
            that computes none, whose input is then a constant.
        update: where gradients are only old - new weights: the method that takes the learning rate, the path of the
            rate where backward itself updates, or ``lambda obj, rate: ...``.
        setup: methods' names, or functions of the object (or of object and inputs), called after the factory.
        backward_takes: any of ``dy``, ``y``, the inputs and ``rate``, in order. If left out: ``dy``, or nothing.
        rate: the learning rate handed over; the class's own where it has a fixed one.
        accumulates: backward adds to gradients that already stand there; what it added is taken.
        declared: ``dims``, ``shapes``, ``config`` and whatever else :class:`~cnngrad.core.layer.Layer` takes.

    Returns:
        The layer with the inputs followed by the parameters. Its ``shared()`` keeps one object, with the weights
        and the configuration of its first call.

    Raises:
        UsageError: declarations that do not fit each other. The layer raises it for names the object does not have.

    >>> class Scale:
    ...     def __init__(self, s): self.s = s
    ...     def forward(self, x): self.x = x; return self.s * x
    ...     def backward(self, dy): self.ds = np.sum(dy * self.x); return self.s * dy
    >>> layer = from_class(Scale, params={"s": "ds"})
    >>> y, back = layer(np.array([1.0, 2.0]), 3.0)
    >>> y.tolist(), [np.asarray(g).tolist() for g in back(np.ones(2))]
    ([3.0, 6.0], [[3.0, 3.0], 3.0])
    """
    refuse_unknown(from_class, declared)
    _refuse_other_kinds(params, forward, backward, input_gradient, update, setup, rate, accumulates)
    inputs, takes = names_of(input, "input"), backward_takes
    takes = None if takes is None else names_of(takes, "backward_takes")
    _refuse_unknown_takes(inputs, takes or ())
    constants = names_of(declared.pop("constants", ()), "constants")
    given = params if isinstance(params, Mapping) else dict.fromkeys(names_of(params, "params"), "")
    paths = {name: None if name in constants else path for name, path in given.items()}
    updates = update is not None or "rate" in (takes or ())
    free = [name for name in inputs if name not in constants]
    input_paths = _input_paths(free, input_gradient, () if updates else [*filter(None, paths.values())])
    _refuse_bad_paths(paths, input_paths, updates)
    without = [name for name in free if name not in input_paths]
    steps = (setup,) if isinstance(setup, str) or callable(setup) else tuple(setup)
    maker = Maker(factory, steps, forward)
    recipe = Recipe(maker, inputs, paths, input_paths, backward, takes, update, updates, rate, accumulates)
    facts = {"name": name_of(factory), **declared, "constants": (*constants, *without)}
    return Layer(recipe.vjp, (*inputs, *paths), shared=lambda: _shared(recipe), **facts)


def _refuse_other_kinds(
    params: Any, forward: Any, backward: Any, input_gradient: Any, update: Any, setup: Any, rate: Any, accumulates: Any
) -> None:
    """Whatever is not of the kind that its keyword takes."""

    def is_method(value: Any) -> bool:
        return callable(value) or (isinstance(value, str) and bool(value))

    def are_paths(value: Any) -> bool:
        return isinstance(value, Mapping) and all(isinstance(part, str) for item in value.items() for part in item)

    several = isinstance(setup, (tuple, list)) and all(map(is_method, setup))
    right_params = not isinstance(params, Mapping) or are_paths(params)
    right_gradient = input_gradient is None or isinstance(input_gradient, str) or are_paths(input_gradient)
    refuse_other("params", params, right_params, "paths by name, {'W': 'dW'}")
    refuse_other("forward", forward, is_method(forward), "a method's name, or lambda obj, x: ...")
    refuse_other("backward", backward, is_method(backward), "a method's name, or lambda obj, dy: ...")
    refuse_other("input_gradient", input_gradient, right_gradient, "a path, {'x': 'dx'}, or None")
    refuse_other("update", update, update is None or is_method(update), "a method's name, or lambda obj, rate: ...")
    refuse_other("setup", setup, several or is_method(setup), "methods' names or functions of the object")
    right_rate = isinstance(rate, (int, float)) and 0 < rate < float("inf")
    refuse_other("rate", rate, right_rate, "a number above 0, by default 2.0**20")
    refuse_other("accumulates", accumulates, isinstance(accumulates, bool), "True or False")


def _refuse_unknown_takes(inputs: Sequence[str], takes: Sequence[str]) -> None:
    known = ("dy", "y", "rate", *inputs)
    for name in takes:
        if name not in known:
            raise UsageError(f"backward_takes names {name!r}; it can name {listed(known)}")


def _refuse_bad_paths(params: Mapping[str, str | None], input_paths: Mapping[str, str], updates: bool) -> None:
    for name, path in params.items():
        if path == "" and not updates:
            raise UsageError(
                f"params names {name!r} but not its gradient: params={{{name!r}: 'd{name}'}}, or update='step' where "
                "the class only updates it in place"
            )
    for path in (*params, *filter(None, params.values()), *input_paths.values()):
        parse(path)


def _input_paths(free: Sequence[str], given: str | Mapping[str, str] | None, others: Sequence[str]) -> dict[str, str]:
    """Where the gradient of each differentiable input stands."""
    if given is None:
        return {}
    if not isinstance(given, str):
        if strangers := [name for name in given if name not in free]:
            raise UsageError(f"input_gradient names {strangers[0]!r}; the differentiable inputs are {listed(free)}")
        return dict(given)
    if given == "return" and any(path.startswith("return['") or path.startswith('return["') for path in others):
        raise UsageError(
            "params takes gradients from a dict that backward returns, so say where there the input's is: "
            "input_gradient=\"return['dx']\""
        )
    if given == "return" and (len(free) > 1 or any(path.startswith("return[") for path in others)):
        return {name: f"return[{position}]" for position, name in enumerate(free)}
    if len(free) > 1:
        raise UsageError(
            f"input_gradient={given!r} is one path for {len(free)} inputs ({listed(free)}): give "
            f"{{{free[0]!r}: {given!r}, ...}}, or declare those without a gradient as constants"
        )
    return dict.fromkeys(free, given)


def _shared(recipe: Recipe) -> Vjp:
    """One object for all calls; only the backward of the latest forward is valid."""
    first: list[Any] = []

    def vjp(*values: Any, **config: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        inputs, weights = recipe.split(values)
        if not first:
            kept = {name: np.array(value) for name, value in weights.items()}
            first.extend((recipe.maker.build(inputs, weights, config), kept, config))
        obj, kept, first_config = first
        if config != first_config or any(not np.array_equal(kept[name], weights[name]) for name in kept):
            raise UsageError("shared() keeps the weights and the configuration of its first call; call it anew")
        return recipe.call(obj, inputs)

    return vjp
