"""The noun everything else is about: a function that returns its output and its backward, with declared facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.asking import allows, asked
from cnngrad.core.conventions import Activation, Conventions
from cnngrad.core.declarations import as_names, as_shape, refuse_wrong_dims, refuse_wrong_domain, refuse_wrong_kinds
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
        parts: ``parts(*inputs) -> [(name, layer, its inputs), ...]`` for a layer made of others: what each of them is
            called with, so that a failure of the whole can name the part.
        reduction, sign, cotangent, activation, input_activation, surrogate: declared conventions, see
            :class:`~cnngrad.core.conventions.Conventions`. The layer is translated when it is made: called, it gives
            plain gradients, and ``conventions`` says in words what was translated.

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
    parts: Callable[..., Sequence[tuple[str, Layer, tuple[Any, ...]]]] | None = None
    conventions: tuple[str, ...] = ()
    reduction: InitVar[str] = ""
    sign: InitVar[str] = ""
    cotangent: InitVar[str] = ""
    activation: InitVar[str | Activation] = ""
    input_activation: InitVar[str | Activation] = ""
    surrogate: InitVar[Callable[..., Any] | None] = None

    def __post_init__(
        self,
        reduction: str,
        sign: str,
        cotangent: str,
        activation: str | Activation,
        input_activation: str | Activation,
        surrogate: Callable[..., Any] | None,
    ) -> None:
        if not callable(self.vjp):
            raise UsageError(
                f"a Layer takes a function vjp(*inputs, **config) -> (y, backward), not {self.vjp!r}: "
                "wrap a forward/backward pair with cg.from_functions, a class with cg.from_class"
            )
        refuse_wrong_kinds(self)
        if self.reference is not None and not isinstance(self.reference, Layer):
            raise UsageError(f"reference is {self.reference!r}; it takes a Layer of the same inputs in float64")
        for name in ("inputs", "constants", "zero_gradient", "in_place"):
            object.__setattr__(self, name, as_names(name, getattr(self, name)))
        if not self.inputs:
            raise UsageError("a layer needs at least one input: inputs=('x', 'w', 'b')")
        if not self.name:
            own = getattr(self.vjp, "__name__", type(self.vjp).__name__)
            object.__setattr__(self, "name", own.removesuffix("_vjp"))
        self._refuse_unknown_names()
        refuse_wrong_dims(self.name, self.dims)
        refuse_wrong_domain(self.name, self.domain)
        self._translate(Conventions(reduction, sign, cotangent, activation, input_activation, surrogate))

    def _translate(self, declared: Conventions) -> None:
        """Become a plain layer: the conventions are in the ``vjp`` from here on, and copies do not translate twice."""
        declared.refuse_wrong(self.name, self.batch_axis)
        if not any(declared):
            return

        def plain(vjp: Vjp) -> Vjp:
            return declared.translated(vjp, self.name, self.inputs, self.batch_axis)

        shared = self.shared
        object.__setattr__(self, "vjp", plain(self.vjp))
        object.__setattr__(self, "shared", None if shared is None else lambda: plain(shared()))
        object.__setattr__(self, "conventions", (*self.conventions, *declared))

    def _refuse_unknown_names(self) -> None:
        for declared in ("constants", "draw", "domain", "zero_gradient"):
            unknown = [name for name in getattr(self, declared) if name not in self.inputs]
            if unknown:
                raise UsageError(
                    f"{self.name}: {declared} names {', '.join(map(repr, unknown))}; "
                    f"the inputs are {', '.join(self.inputs)}"
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

        >>> import numpy as np
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
        shapes = asked("shapes", self.shapes, SimpleNamespace(**dims)) if callable(self.shapes) else self.shapes
        if not isinstance(shapes, Mapping):
            raise UsageError(f"{self.name}: shapes gave {shapes!r:.60}; it gives a shape by name: {{'x': (2, 3)}}")
        missing = [name for name in self.inputs if name not in shapes]
        if missing:
            raise UsageError(f"{self.name}: shapes has no entry for {', '.join(missing)}; it needs one for every input")
        return {name: as_shape(self.name, name, shapes[name]) for name in self.inputs}

    def config_at(self, dims: Mapping[str, int]) -> dict[str, Any]:
        """The keywords handed to ``vjp`` at one configuration.

        Raises:
            UsageError: they are no keywords.
        """
        if self.config is None:
            return {}
        config = asked("config", self.config, SimpleNamespace(**dims)) if callable(self.config) else self.config
        if not isinstance(config, Mapping) or not all(isinstance(word, str) for word in config):
            raise UsageError(f"{self.name}: config gave {config!r:.60}; it gives keywords by name: {{'stride': 2}}")
        return dict(config)

    def allows(self, dims: Mapping[str, int]) -> bool:
        """Whether a configuration is one the layer is declared for."""
        return allows(self.where, dims)
