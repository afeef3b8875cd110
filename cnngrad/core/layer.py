"""The noun everything else is about: a function that returns its output and its backward, with declared facts."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.errors import UsageError

Backward = Callable[[Any], Sequence[Any]]
Vjp = Callable[..., tuple[Any, Backward]]
Dims = Mapping[str, tuple[int, int]]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layer:
    """A forward pass with its hand-written backward, and what its author declares about them.

    Args:
        vjp: ``vjp(*inputs, **config) -> (y, backward)``; ``backward(dy)`` returns one gradient an input, each of
            that input's shape, ``None`` for a constant. ``y`` is a float array, a scalar or a tuple of arrays, and
            ``dy`` has its structure (``None`` in the place of an output that is not float). Calls are independent.
        inputs: the names of the inputs, weights among them, in the order ``vjp`` takes them.
        name: how reports call the layer; the function's own name if left out.
        constants: inputs that are not differentiated (labels, targets).
        dims: configurations to search, ``name -> (lowest, highest)``, both ends included.
        shapes: the shape of each input: a dict, or a function of the dims (``lambda d: {"x": (d.n, d.c)}``).
        config: keywords for ``vjp``: a dict, or a function of the dims.
        where: which configurations are valid; all are if left out.
        draw: ``input -> function(rng, shape, d)`` for an input that is not free real numbers.
        domain: ``input -> (low, high)``, an open interval.
        batch_axis: ``{"x": 0, "y": 0}`` or an integer: the axis of independent samples. Leave out where they mix.
        zero_gradient: inputs whose gradient is zero on purpose (a bias in front of a batch normalisation).
        in_place: inputs that the layer changes on purpose; ``"dy"`` may be among them.
        contiguous: the layer takes C-contiguous arrays only (compiled code), so no others are tried.
        precision: what the layer computes in on purpose where that is less than its inputs (``"float32"``, ``"tf32"``).
        reference: a float64 implementation of the same layer, which the results are held against.
        random: called before every forward to reseed a layer that draws random numbers (dropout).
        shared: ``shared() -> vjp`` for a layer that keeps its state on one object.
        features: ``name -> predicate(point)``: what a search must reach at least once for the layer to count as
            verified.
        target: how the command line finds the layer (``mynet.py:conv``), for the replay line.

    Raises:
        UsageError: a declaration that does not fit the inputs.

    >>> def scale_vjp(x, s):
    ...     return s * x, lambda dy: (s * dy, np.sum(dy * x))
    >>> Layer(scale_vjp, inputs=("x", "s"), shapes={"x": (2, 3), "s": ()})
    Layer(scale: x, s)
    """

    vjp: Vjp
    inputs: tuple[str, ...]
    name: str = ""
    constants: tuple[str, ...] = ()
    dims: Dims | None = None
    shapes: Shapes | Callable[[Any], Shapes] | None = None
    config: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]] | None = None
    where: Callable[[Any], bool] | None = None
    draw: Mapping[str, Callable[..., Array]] = field(default_factory=dict)
    domain: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    batch_axis: Mapping[str, int] | int | None = None
    zero_gradient: tuple[str, ...] = ()
    in_place: tuple[str, ...] = ()
    contiguous: bool = False
    precision: str = ""
    reference: Layer | None = None
    random: Callable[[], Any] | None = None
    shared: Callable[[], Vjp] | None = None
    features: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)
    target: str = ""

    def __post_init__(self) -> None:
        if not callable(self.vjp):
            raise UsageError(
                f"a Layer takes a function vjp(*inputs, **config) -> (y, backward), not {self.vjp!r}: "
                "wrap a forward/backward pair with cg.from_functions, a class with cg.from_class"
            )
        for name in ("inputs", "constants", "zero_gradient", "in_place"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        if not self.inputs:
            raise UsageError("a layer needs at least one input: inputs=('x', 'w', 'b')")
        if not self.name:
            own = getattr(self.vjp, "__name__", type(self.vjp).__name__)
            object.__setattr__(self, "name", own.removesuffix("_vjp"))
        self._refuse_unknown_names()
        self._refuse_wrong_dims()

    def _refuse_unknown_names(self) -> None:
        for declared in ("constants", "draw", "domain", "zero_gradient"):
            unknown = [name for name in getattr(self, declared) if name not in self.inputs]
            if unknown:
                raise UsageError(
                    f"{self.name}: {declared} names {', '.join(map(repr, unknown))}; "
                    f"the inputs are {', '.join(self.inputs)}"
                )

    def _refuse_wrong_dims(self) -> None:
        for dim, limits in (self.dims or {}).items():
            if not _is_range(limits):
                raise UsageError(
                    f"{self.name}: dims[{dim!r}] is {limits!r}; it takes two whole numbers (lowest, highest), "
                    "both included, lowest first: (1, 3)"
                )

    def __repr__(self) -> str:
        return f"Layer({self.name}: {', '.join(self.inputs)})"

    def __call__(self, *inputs: Any, **config: Any) -> tuple[Any, Backward]:
        """Call the ``vjp``: the layer is usable as the plain function it holds."""
        return self.vjp(*inputs, **config)

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The inputs whose gradient is checked."""
        return tuple(name for name in self.inputs if name not in self.constants)

    @property
    def facts(self) -> dict[str, Any]:
        """Every declared fact but the function and the name: what a wrapper of this layer hands on."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("vjp", "name", "shared")}

    def configured(self, **config: Any) -> Layer:
        """The same layer with some keywords of its ``vjp`` fixed.

        A fixed keyword that is also a dim narrows that dim; any other one drops the declared configurations, since
        only the author knows how they would change.

        >>> layer = Layer(lambda x, k=1: (k * x, lambda dy: (k * dy,)), ("x",), "times")
        >>> layer.configured(k=3)(np.ones(1))[0].tolist()
        [3.0]
        """
        inner = self.vjp

        def vjp(*inputs: Any, **more: Any) -> tuple[Any, Backward]:
            return inner(*inputs, **{**more, **config})

        return replace(self, vjp=vjp, shared=None, **self._narrowed(config))

    def _narrowed(self, config: Mapping[str, Any]) -> dict[str, Any]:
        # Features ask for what a free search must reach; a narrowed search cannot reach them all.
        if self.dims is not None and all(isinstance(v, int) and k in self.dims for k, v in config.items()):
            return {"dims": {**self.dims, **{k: (v, v) for k, v in config.items()}}, "features": {}}
        return {"dims": None, "shapes": None, "config": None, "where": None, "features": {}}

    def shapes_at(self, dims: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """The declared shape of every input at one configuration.

        Raises:
            UsageError: no shapes are declared, or not for every input.
        """
        if self.shapes is None:
            raise UsageError(
                f"{self.name} declares no shapes, so there is nothing to draw inputs from: pass arrays, "
                f"cg.check(layer, {', '.join(self.inputs)}), or add to the layer  "
                f"shapes={{{', '.join(f'{name!r}: (2, 3)' for name in self.inputs)}}}"
            )
        shapes = self.shapes(SimpleNamespace(**dims)) if callable(self.shapes) else self.shapes
        missing = [name for name in self.inputs if name not in shapes]
        if missing:
            raise UsageError(f"{self.name}: shapes has no entry for {', '.join(missing)}; it needs one for every input")
        return {name: _as_shape(self.name, name, shapes[name]) for name in self.inputs}

    def config_at(self, dims: Mapping[str, int]) -> dict[str, Any]:
        """The keywords handed to ``vjp`` at one configuration."""
        if self.config is None:
            return {}
        return dict(self.config(SimpleNamespace(**dims)) if callable(self.config) else self.config)

    def allows(self, dims: Mapping[str, int]) -> bool:
        """Whether a configuration is one the layer is declared for."""
        return self.where is None or bool(self.where(SimpleNamespace(**dims)))


def _is_range(limits: Any) -> bool:
    try:
        low, high = limits
    except (TypeError, ValueError):
        return False
    return isinstance(low, (int, np.integer)) and isinstance(high, (int, np.integer)) and bool(low <= high)


def _as_shape(layer: str, name: str, shape: Any) -> tuple[int, ...]:
    try:
        sides = tuple(operator.index(side) for side in ((shape,) if isinstance(shape, (int, np.integer)) else shape))
    except (TypeError, ValueError):
        raise UsageError(f"{layer}: the shape of {name} is {shape!r}; it takes a tuple of whole numbers") from None
    if any(side < 0 for side in sides):
        raise UsageError(f"{layer}: the shape of {name} is {sides}; no side can be negative (is a where= missing?)")
    return sides
